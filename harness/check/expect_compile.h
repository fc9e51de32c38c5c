/* Expectations with their names looked up. Internal to check/expect*.c. */
#ifndef PINHOLE_CHECK_EXPECT_COMPILE_H
#define PINHOLE_CHECK_EXPECT_COMPILE_H

#include "check/expect.h"
#include "check/expect_field.h"

enum expect_operation { EQUAL, NOT_EQUAL, AT_LEAST, AT_MOST, MORE, LESS };

/* A condition, compiled. */
struct expect_term {
    struct field_use use;
    enum expect_operation operation;
    struct field_value value; /* known at once, or once the reference's anchor is found */
    size_t reference;         /* expectation it refers to, or NO_REFERENCE */
    struct field_use reference_use;
    bool resolved;
};

#define NO_REFERENCE SIZE_MAX

struct expect_compiled {
    const struct see *see;
    struct expect_term conditions[EXPECT_CONDITIONS];
    size_t after; /* NO_REFERENCE: none */
    size_t before;
    enum expect_operation count_operation;
    uint64_t count;
    uint64_t anchor_frame; /* 0: not met */
};

/* Compiles list[own], whose references look at the expectations in front of it. 0, or -1 with what is
 * wrong with it and where. */
int expect_compile(const struct expectation *list, size_t own, struct expect_compiled *out,
                   const char *file, struct error *error);

#endif
