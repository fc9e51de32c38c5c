/* What a server says without being asked, RFC 6887 section 14, and what makes it speak.
 *
 *     int sockets[] = {stage_listen(stage, STAGE_HOST), wish.socket};
 *     stage_restart(stage);
 *     struct answer heard = stage_hear(stage, sockets, 2, PCP_ANNOUNCE);
 */
#ifndef PINHOLE_CHECK_STAGE_RECOVERY_H
#define PINHOLE_CHECK_STAGE_RECOVERY_H

#include "check/stage.h"

/* A socket that hears the announcements made on a place's link, in the case's family. */
int stage_listen(struct stage *stage, enum stage_place place);
/* The next PCP response of an opcode at one of the sockets, for five of our seconds; NAT-PMP and other opcodes
 * are passed over. answer.came is false if there is none. */
struct answer stage_hear(struct stage *stage, const int *sockets, size_t count, uint8_t opcode);
/* The same, for as long as a case says. */
struct answer stage_hear_within(struct stage *stage, const int *sockets, size_t count,
                                uint8_t opcode, int64_t patience);
/* Gives the gateway's outside another IPv4 address in place of the one it has; which is free of a few. */
struct address stage_renumber(struct stage *stage, unsigned which);

#endif
