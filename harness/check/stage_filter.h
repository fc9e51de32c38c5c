/* MAPs with FILTER (RFC 6887 section 13.3), and whether the packets obey. Each probe comes from a socket of its
 * own, so no flow of an earlier one lets it through. */
#ifndef PINHOLE_CHECK_STAGE_FILTER_H
#define PINHOLE_CHECK_STAGE_FILTER_H

#include "check/stage.h"

enum { FILTER_WHOLE = 128 /* bits of a prefix that is one address, of either family */ };

/* MAP of the host's port with one FILTER. */
struct wish filter_wish(struct stage *stage, uint16_t internal_port, enum stage_place remote,
                        uint8_t prefix_length, uint16_t remote_port);
/* One such mapping, for all ports of remote, as it was granted: its external endpoint, and the socket behind it. */
struct wish filter_begin(struct stage *stage, struct endpoint *external, int *inside);
/* The same mapping without options, so that it may get others. */
void filter_forget(struct wish *wish);
/* One more FILTER, for all ports of a place. */
void filter_add(struct stage *stage, struct wish *wish, enum stage_place remote);

/* What a place sends to the external endpoint from a port of its own (0: any) comes in; does not. */
void filter_expect_in(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                      uint16_t port, const struct endpoint *external, int inside);
void filter_expect_out(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                       uint16_t port, const struct endpoint *external, int inside);
/* Where filters, none of which is for remote's second address, let everyone in, what other requests do to them
 * can't be told: the case is inconclusive. */
void filter_expect_to_hold(struct stage *stage, const struct endpoint *external, int inside);
/* The FILTERs of a request are refused, for whatever reason. */
void filter_expect_error(struct stage *stage, enum requirement_id requirement,
                         const struct answer *answer);

#endif
