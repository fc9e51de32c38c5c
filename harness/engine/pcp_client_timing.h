/* When a PCP client sends: the formulas of RFC 6887 sections 8.1.1 and 11.2.1, in milliseconds.
 *
 * random is 32 uniform bits in each of them; the upper 16 are used. No division: the smallest
 * processors have none, and a library's costs 270 octets.
 */
#ifndef PINHOLE_ENGINE_PCP_CLIENT_TIMING_H
#define PINHOLE_ENGINE_PCP_CLIENT_TIMING_H

#include <stdint.h>

/* A uniform part of span: from 0 to just under span. */
uint32_t pcp_uniform(uint32_t span, uint32_t random);

/* The retransmission timeout (8.1.1) behind one of previous ms; 0 stands for none, and gives the
 * first one, (1 + RAND) * initial, else (1 + RAND) * min(2 * previous, maximum). RAND is uniform in
 * -0.1 to +0.1. maximum 0 is no bound; initial and maximum stay under 2^30. */
uint32_t pcp_retransmission_timeout(uint32_t previous, uint32_t initial, uint32_t maximum,
                                    uint32_t random);

/* The next renewal (11.2.1) of a mapping granted for lifetime ms of which elapsed have passed, in ms
 * since the grant: in 1/2 to 5/8 of the lifetime, then 3/4 to 3/4 + 1/16, 7/8 to 7/8 + 1/32, and so
 * on: the first of these ranges that hasn't begun. */
uint32_t pcp_renewal_time(uint32_t lifetime, uint32_t elapsed, uint32_t random);

#endif
