/* The register: every requirement that cases and rules can judge.
 *
 * Ids are made of the RFC's number, the section and a count, as in 6887-7.3-05; in C they are
 * enumerators, R6887_7_3_05, so that a case or rule that names an unknown requirement does not compile.
 * Numbers are never given away again. The texts stand in register_*.def, one file a group of sections.
 */
#ifndef PINHOLE_CHECK_REGISTER_H
#define PINHOLE_CHECK_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

/* The keyword of RFC 2119, or the weight of a wire rule that the text states without one. */
enum requirement_level {
    LEVEL_MUST,
    LEVEL_MUST_NOT,
    LEVEL_SHOULD,
    LEVEL_SHOULD_NOT,
    LEVEL_RECOMMENDED,
    LEVEL_MAY,
    LEVEL_RULE,    /* stated as a fact of the protocol: weighs as MUST */
    LEVEL_IMPLIED, /* lower-case wording, or follows from other rules: weighs as SHOULD */
    LEVEL_ADVICE   /* a hint to implementers: weighs as MAY */
};

/* Whom it binds. */
enum requirement_role {
    ROLE_CLIENT,
    ROLE_SERVER,
    ROLE_BOTH,
    ROLE_DEVICE,
    ROLE_NETWORK,
    ROLE_PROXY
};

/* How it can be observed from outside; several may be set. */
enum requirement_view {
    VIEW_NONE = 0,
    VIEW_CAPTURE = 1,   /* a capture shows it */
    VIEW_AS_CLIENT = 2, /* a case shows it that plays the client */
    VIEW_AS_SERVER = 4  /* a case shows it that plays the server */
};

#define REQUIREMENT(rfc, tag, section, number, level, role, views, text, how)                      \
    R##rfc##_##tag##_##number,
enum requirement_id {
#include "check/register_all.def"
    REQUIREMENT_COUNT
};
#undef REQUIREMENT

struct requirement {
    const char *id;
    const char *section;
    enum requirement_level level;
    enum requirement_role role;
    unsigned views;   /* of enum requirement_view */
    const char *text; /* one sentence */
    const char *how;  /* what to do or look at; with no view, why it can't be seen. May be NULL. */
};

const struct requirement *requirement_get(enum requirement_id id);
/* Finds by id text; NULL if there is none. */
const struct requirement *requirement_find(const char *id);

/* "MUST NOT", "rule", ...; "client", "controlled device", ... */
const char *requirement_level_name(enum requirement_level level);
const char *requirement_role_name(enum requirement_role role);

/* What breaking a requirement of this level is worth. */
enum finding_level { FINDING_FAIL, FINDING_WARN, FINDING_INFO };
enum finding_level requirement_weight(enum requirement_level level);
/* "fail", "warn", "info". */
const char *finding_level_name(enum finding_level level);

#endif
