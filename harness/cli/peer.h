/* Peers: how to start each implementation, read from scenarios/peers/NAME.yaml.
 *
 *   name, role, description
 *   speaks       protocols it can be judged by: pcp, natpmp, coap
 *   version      { command: [..], pattern: RE }; the pattern's first group is the version
 *   program      [ path, arguments ... ]; a path that is not absolute lies in the build folder
 *   needs        other files it can't do without
 *   unpacked-by  what to do where one of those is missing
 *   environment  facts for the program, above those of the scenario
 *   files        NAME: text; written to ${PINHOLE_RUNTIME} before each start
 *   nftables     rules it expects on its node, loaded behind the scenario's
 *   ready        { udp: PORT | tcp: PORT | line: RE | ended: true, within: DURATION }
 *   restart      { signal: NAME } that ends it before it is started again; TERM if absent
 *   crashes      why it is known to crash: that is told then, and doesn't fail a run
 *   renumber     { signal: NAME } that tells it of a new external address; absent: it finds out
 *   scaled-time  { factor, up-to, arguments, environment } that make all its clocks run factor times as fast,
 *                for cases that would have to wait. Where arguments and environment say ${PINHOLE_FACTOR},
 *                up-to is how fast they may run for cases that would wait for hours; slower they may, too
 *   variants     NAME: { description, speaks, arguments, environment }; chosen as PEER:NAME. Arguments
 *                follow the program's own, the environment is laid over the peer's
 *
 * ${NAME} stands for a fact, nearly everywhere. A program that ends with status 127 says that it doesn't
 * support what it was asked to do.
 */
#ifndef PINHOLE_CLI_PEER_H
#define PINHOLE_CLI_PEER_H

#include "base/error.h"
#include "cli/facts.h"
#include "cli/yaml_texts.h"
#include "lab/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_UNSUPPORTED = 127 /* exit status of a program, as quic-interop-runner has it */ };

enum ready_kind { READY_STARTED, READY_UDP, READY_TCP, READY_LINE, READY_ENDED };

struct peer {
    struct yaml_value *document; /* owns every text here */
    const char *file;
    const char *name;    /* of the peer alone */
    const char *variant; /* NULL: the peer as it is */
    const char *role;
    const char *description;
    struct texts speaks;
    struct texts version_command;
    const char *version_pattern;
    struct texts program;
    struct texts arguments; /* the variant's */
    struct texts needs;
    const char *unpacked_by;              /* NULL if nothing is said */
    const char *crashes;                  /* NULL: it must not */
    const struct yaml_value *environment; /* maps of texts; NULL if absent */
    const struct yaml_value *variant_environment;
    const struct yaml_value *files;
    const char *nftables;
    enum ready_kind ready;
    uint16_t ready_port;
    const char *ready_line;
    int ready_within; /* milliseconds */
    int restart_signal;
    int renumber_signal;  /* 0: none */
    uint32_t time_factor; /* of scaled time; 1: it has none */
    uint32_t most_factor; /* the highest that it may be given */
    bool any_factor;      /* and any below */
    struct texts scaled_arguments;
    const struct yaml_value *scaled_environment; /* NULL if absent */
};

/* Finds and reads the peer called name, "PEER" or "PEER:VARIANT", that fills role:
 * folder/peers/PEER-ROLE.yaml or PEER.yaml, then the same among the project's own. A PEER with a slash
 * is the path of its file. by says where the name was written ("home.yaml:12: "). NULL and
 * an error that lists the peers of the role if there is none. */
struct peer *peer_find(const char *folder, const char *name, const char *role, const char *by,
                       struct error *error);
void peer_free(struct peer *peer);
bool peer_speaks(const struct peer *peer, const char *protocol);
bool peer_has_variant(const struct peer *peer, const char *variant);

/* Sees that all files of the peer are there, the program executable; facts are those that it will
 * be started with. 0, or -1 with "FILE:LINE: program 'x' not found: ...". */
int peer_check_files(const struct peer *peer, const struct facts *facts, struct error *error);
/* Absolute path of a program or file as a peer or a scenario names it, ${NAME}s replaced: a relative
 * one lies in ${PINHOLE_BUILD}. For free(); NULL and an error. */
char *peer_path(const struct facts *facts, const char *path, struct error *error);

#endif
