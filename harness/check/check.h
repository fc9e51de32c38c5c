/* All rules over one capture file. */
#ifndef PINHOLE_CHECK_CHECK_H
#define PINHOLE_CHECK_CHECK_H

#include "check/rule.h"

struct check_options {
    struct rule_options rules;
    /* Called now and then while a long file is read; may be NULL. */
    void (*progress)(void *argument, uint64_t packets);
    void *argument;
};

struct check_result {
    uint64_t packets;
    uint64_t messages; /* PCP and NAT-PMP among them */
    struct finding *findings;
    size_t finding_count;
    bool damaged; /* the file could not be read to its end: what could be was judged */
};

/* Judges the file at path ("-" is standard input). 0; or -1 with an error: if result->damaged is set the
 * error says where the file breaks off and the rest of *result is filled, otherwise nothing could be
 * read. Free with check_result_free in any case. */
int check_capture(const char *path, const struct check_options *options,
                  struct check_result *result, struct error *error);
void check_result_free(struct check_result *result);

/* How many findings have this level. */
size_t check_result_count(const struct check_result *result, enum finding_level level);

#endif
