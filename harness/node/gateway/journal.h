/* The file that carries a server's mappings and Epoch over a restart.
 *
 * It is a log: each change is appended, changes of one batch by one write, before their answers go
 * out. When it has grown to several times what it stands for it is written anew beside itself and
 * renamed. Each record has a length and a checksum, so that a torn or foreign end is seen.
 *
 * Whether the log can be trusted, whether it holds every mapping that was acknowledged, is what the
 * Epoch depends on (RFC 6887 section 8.5). A written record survives the program, however it dies.
 * It need not survive the machine, since appending doesn't wait for the disk: so after a reboot the
 * log is trusted only if the last run ended it in good order, with a closing record and fsync.
 */
#ifndef PINHOLE_NODE_GATEWAY_JOURNAL_H
#define PINHOLE_NODE_GATEWAY_JOURNAL_H

#include "base/error.h"
#include "engine/pcp_server.h"

#include <stdbool.h>
#include <stdint.h>

struct journal;

struct journal_findings {
    bool trusted;        /* every acknowledged mapping is there: the Epoch may go on */
    const char *because; /* why it isn't trusted, or NULL */
    size_t changes;      /* that were played back */
    size_t unfit;        /* of these: mappings that no longer fit the policy */
    uint32_t epoch;      /* at the present, if trusted */
};

/* The external address that the mappings of a file have; false if there is no file that tells. A server
 * that is to take them back is made with it, and then renumbered: so they survive a new address too. */
bool journal_external(const char *path, struct address *external);

/* Opens (or makes) the file at path and plays what it holds into server, at the clock's now. Damage
 * is no error: what can be read is played, and the findings say what was wrong. NULL with error if
 * no journal can be kept there; a file that is there and can't be written is played, and then as
 * JOURNAL_LOST below: error tells. policy is what the server was made by; the journal reads the first
 * of its external addresses, as it is then, whenever it is written. */
struct journal *journal_open(const char *path, struct pcp_server *server,
                             const struct pcp_server_policy *policy, uint64_t now,
                             struct journal_findings *findings, struct error *error);

/* Adds a change to the batch under way. */
void journal_add(struct journal *journal, const struct pcp_server *server,
                 const struct pcp_server_change *change, uint64_t now);
/* Writes the batch, which is empty afterwards. Where that fails, the file is emptied, so that no
 * later run trusts it, and nothing more is written until journal_rewrite() has succeeded.
 * JOURNAL_LOST: the file can't even be emptied; what the batch says must not be acknowledged, or a
 * later run would go on with an Epoch it has no right to. error tells the cause. */
enum journal_outcome { JOURNAL_WRITTEN, JOURNAL_EMPTIED, JOURNAL_LOST };
enum journal_outcome journal_write(struct journal *journal, struct error *error);
/* Whether writing the batch is bound to be JOURNAL_LOST. */
bool journal_is_lost(const struct journal *journal);
void journal_discard(struct journal *journal);

/* Whether it is time to write the file anew; and does it. */
bool journal_is_due(const struct journal *journal);
int journal_rewrite(struct journal *journal, const struct pcp_server *server, uint64_t now,
                    struct error *error);

/* Closes in good order: the log is trusted even after a reboot. */
void journal_close(struct journal *journal, const struct pcp_server *server, uint64_t now);

#endif
