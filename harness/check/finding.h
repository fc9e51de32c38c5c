/* The store of findings: the same fault, seen a million times, stays a few lines. Internal. */
#ifndef PINHOLE_CHECK_FINDING_H
#define PINHOLE_CHECK_FINDING_H

#include "check/rule.h"
#include "wire/address.h"

#include <stdarg.h>

enum {
    FINDINGS_A_PEER = 3, /* of one requirement are listed one by one */
    PEERS_A_FAULT = 32   /* of one requirement are listed one by one */
};

struct findings;

struct findings *findings_create(void);
void findings_destroy(struct findings *findings);

/* Adds a finding about peer. Its text is written only if it will be listed. -1 if memory is out. */
int findings_add(struct findings *findings, enum requirement_id requirement,
                 enum finding_level level, uint64_t frame, const struct address *peer,
                 const char *format, va_list arguments) __attribute__((format(printf, 6, 0)));
/* Adds "and N more" lines and sorts by frame. */
void findings_finish(struct findings *findings);
const struct finding *findings_list(const struct findings *findings, size_t *count);
/* True once memory ran out: the list is then not whole. */
bool findings_incomplete(const struct findings *findings);

#endif
