/* Cases: active tests of a gateway, a device or a proxy, one file a section of the RFC.
 *
 * A case is a sentence of the specification, the requirements that it judges, and a script that acts on a
 * stage (check/stage.h). Cases know nothing of sockets, processes or clocks, so one script drives a peer in
 * a lab and a fake one in a unit test.
 *
 * A case that can't fail is not a case: for each requirement that it names there is a defect of the
 * reference peer which makes this case fail.
 */
#ifndef PINHOLE_CHECK_CASE_H
#define PINHOLE_CHECK_CASE_H

#include "check/register.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage;

enum case_role { CASE_GATEWAY, CASE_DEVICE, CASE_PROXY, CASE_ROLES };

enum case_trait {
    CASE_REAL_TIME = 1,  /* rests on the kernel's own timers: never in scaled or faked time */
    CASE_IPV6 = 2,       /* acts over IPv6 */
    CASE_BOTH = 4,       /* acts over whatever family it is run with: run once for each */
    CASE_NAT_PMP = 8,    /* for peers that speak NAT-PMP */
    CASE_UNSTARTED = 16, /* starts the peer itself: stage_start() */
    CASE_NONCE = 32, /* of the nonce checks of 11.3 and 12.3, which products leave out on purpose */
    CASE_ANY_VARIANT = 256,  /* where the peer has no such variant: as it is */
    CASE_TWO_VERSIONS = 128, /* for peers that speak both PCP and NAT-PMP */
    CASE_NEIGHBOURS = 512,   /* acts at STAGE_OTHER or STAGE_ROUTER: the home has them only then */
    CASE_ATTENDED = 64 /* the peer is a proxy, and an honest server upstream answers it meanwhile */
};

struct test_case {
    const char *id;       /* "gateway.11.3.renewal-extends-the-lifetime": role, section, words */
    const char *sentence; /* what must hold, as the specification would say it; one line */
    const enum requirement_id *requirements; /* JUDGES(...); the first is what it is about */
    void (*run)(struct stage *stage);
    unsigned traits;  /* of enum case_trait */
    uint32_t seconds; /* of the peer's time that it waits, about; 0: hardly any */
    uint32_t
        factor; /* of the peer's time, where its file allows a choice: for waits of hours. 0: as it is
                        in most cases */
    const char *variant; /* that the peer must have, "with-third-party"; NULL: the peer as it is */
};

#define JUDGES(...) ((const enum requirement_id[]){__VA_ARGS__, REQUIREMENT_COUNT})

/* A deliberate fault of the reference peer (`pinhole-gateway --defect NAME`), which proves that cases and
 * rules can fail. The programs hold the faults themselves; here stands what must be caught by them. */
struct defect {
    const char *name; /* "ignores-the-nonce" */
    const char *text; /* what the peer does wrong, one line */
    /* JUDGES(...): each is to be found broken by a case that judges it, or by a rule in the capture of a case
     * that does. */
    const enum requirement_id *requirements;
    /* Where rules alone judge them: a glob over the cases in whose captures it shows, or several with commas
     * between them. NULL: those that judge the requirements. */
    const char *shown_by;
};

/* The cases of one file, and the defects that they catch; it stands in cases/NAME.c as
 * CASE_FILE(NAME, role, cases, defects). */
struct case_file {
    enum case_role role;
    const struct test_case *cases;
    size_t case_count;
    const struct defect *defects;
    size_t defect_count;
};

#define CASE_FILE(name, role, cases, defects)                                                      \
    const struct case_file case_file_##name = {role, cases, sizeof(cases) / sizeof *(cases),       \
                                               defects, sizeof(defects) / sizeof *(defects)}

/* All of them, those of one role in a row; NULL behind the last. *role is filled. */
const struct test_case *case_get(size_t index, enum case_role *role);
/* The defects of all files, likewise. */
const struct defect *defect_get(size_t index, enum case_role *role);
/* A name in cases/proxy_as_server.def that no case or defect of a gateway has; NULL: all is well. */
const char *case_unknown_share(void);
/* Whether a list as JUDGES() makes it holds a requirement. */
bool judges(const enum requirement_id *list, enum requirement_id requirement);
/* "gateway", "device", "proxy". */
const char *case_role_name(enum case_role role);
/* False if text names no role. */
bool case_role_find(const char *text, enum case_role *role);

#endif
