/* A scenario: a topology, what runs in it, what happens, what is expected of the packets. Read from YAML
 * and checked as a whole before anything starts; every complaint names file and line.
 *
 *   name, description
 *   networks, nodes, links      lab/topology.h
 *   programs   ROLE: { node, peer, role, environment }; `role` of the peer is the key itself unless given
 *   steps      a list; each item one of
 *                start: PROGRAM                and wait until it is ready
 *                await: { program, line, within }      a line that it prints, or printed since its start; the
 *                                              same pattern once more awaits one line more
 *                await: { mapping: PROGRAM, within }   a MAP or NAT-PMP SUCCESS that reaches its node
 *                pass: { for, why }            a wait that the scenario is about
 *                signal: { program, signal }
 *                stop: PROGRAM
 *                restart: PROGRAM              as its peer file says
 *                run: { node, command, exit, within }
 *                probe: { from: NODE, through: PROGRAM | to: ADDRESS:PORT, tries, wait, text }
 *                                              UDP, through the mapping awaited last for PROGRAM
 *   expect     a list; each item { name, text, see, at, direction, where, quiet, after, before, absent,
 *              count }, as check/expect.h has it; text says it for people; in where, a list of values
 *              asks for each of them: query: [ep=device, b=U]
 *   accept     { REQUIREMENT: why }   findings that the scenario is about: they are told, with the reason, and
 *              don't fail the run
 *   variants   NAME: { description, programs, steps, expect, accept }; steps and expect replace the
 *              scenario's, a program's environment is laid over it, what it accepts is accepted, too
 *
 * Steps and expectations may carry `when: { PROGRAM: PROTOCOL }` and `unless: { PROGRAM: PROTOCOL }`:
 * they hold only for a peer that speaks the protocol, or that doesn't.
 */
#ifndef PINHOLE_CLI_SCENARIO_H
#define PINHOLE_CLI_SCENARIO_H

#include "base/error.h"
#include "check/expect.h"
#include "check/register.h"
#include "cli/facts.h"
#include "cli/peer.h"
#include "cli/yaml_texts.h"
#include "lab/topology.h"
#include "lab/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCENARIO_PROGRAMS = 64,
    SCENARIO_STEPS = 256,
    SCENARIO_EXPECTATIONS = 256,
    SCENARIO_ACCEPTED = 16
};

#define SCENARIO_RUNTIME "/run/pinhole" /* inside the sandbox: a folder for each program */

struct scenario_program {
    const char *name; /* the key under programs */
    const char *role; /* of the peer */
    size_t node;
    struct peer *peer;
    struct facts facts;     /* its whole environment */
    struct texts arguments; /* behind the peer's own; for free() */
    int line;
};

enum step_kind {
    STEP_START,
    STEP_AWAIT,
    STEP_PASS,
    STEP_SIGNAL,
    STEP_STOP,
    STEP_RESTART,
    STEP_RUN,
    STEP_PROBE,
    STEP_KINDS
};

/* What doesn't belong to the kind is zero. */
struct scenario_step {
    enum step_kind kind;
    int line;
    char text[200];      /* for people: "await device: registered" */
    char skipped[120];   /* why it doesn't hold for these peers; empty if it does */
    size_t program;      /* START, AWAIT, SIGNAL, STOP, RESTART, PROBE without `to` */
    const char *pattern; /* AWAIT a line; NULL: a mapping */
    int milliseconds;    /* AWAIT, RUN: at most; PASS: exactly; PROBE: for the answer to one try */
    int signal;
    size_t node; /* RUN, PROBE */
    struct texts command;
    int status;          /* RUN: the exit status expected */
    const char *to;      /* PROBE: "ADDRESS:PORT" */
    const char *payload; /* PROBE */
    int tries;
};

struct scenario_expectation {
    struct expectation expectation; /* nanoseconds and all, as check/expect.h has it */
    const char *text;               /* NULL if the scenario gives none */
    char skipped[120];
};

/* A breach that the scenario is about. */
struct scenario_acceptance {
    const struct requirement *requirement;
    const char *why;
};

struct scenario {
    struct yaml_value *document; /* owns every text here */
    const char *file;
    const char *variant; /* NULL: the scenario itself */
    char name[128];      /* "home", "home-without-pcp" */
    const char *description;
    struct topology topology;
    struct scenario_program *programs;
    size_t program_count;
    struct scenario_step *steps;
    size_t step_count;
    struct scenario_expectation *expectations;
    size_t expectation_count;
    struct scenario_acceptance accepted[SCENARIO_ACCEPTED];
    size_t accepted_count;
};

/* What the command line says about a run. Strings belong to the caller. */
struct scenario_options {
    const char *file;
    const char *variant; /* NULL: none */
    const char *const
        *peers; /* "ROLE=NAME"; ROLE is a program's name or, failing that, a peer's role */
    size_t peer_count;
    uint64_t seed;
    uint32_t factor;    /* of the time of peers that can run in scaled time; 0 or 1: as it is */
    const char *defect; /* for the program called "peer"; NULL: none */
};

/* NULL and an error, one line, if anything is wrong with the scenario, its peers or their programs. */
struct scenario *scenario_load(const struct scenario_options *options, struct error *error);
void scenario_free(struct scenario *scenario);

/* Takes a node out of the topology, of which no program or step may be; nothing if it has no such node. */
void scenario_leave_out(struct scenario *scenario, const char *node);

/* (size_t)-1 if there is none. */
size_t scenario_find_program(const struct scenario *scenario, const char *name);
/* Why findings about a requirement are accepted; NULL if they aren't. */
const char *scenario_accepts(const struct scenario *scenario, enum requirement_id id);
/* The part that reads steps (scenario_steps.c) and expectations (scenario_expect.c); programs and
 * topology stand already. 0 or -1. */
int scenario_read_steps(struct scenario *scenario, const struct yaml_value *steps,
                        struct error *error);
int scenario_read_expectations(struct scenario *scenario, const struct yaml_value *list,
                               struct error *error);
int scenario_read_accepted(struct scenario *scenario, const struct yaml_value *map,
                           struct error *error);
/* Reads `when` and `unless` of an item: skipped tells why it doesn't hold, or stays empty. */
int scenario_read_condition(const struct scenario *scenario, const struct yaml_value *item,
                            char *skipped, size_t size, struct error *error);

#endif
