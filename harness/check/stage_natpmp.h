/* A stage as a client of NAT-PMP (RFC 6886): requests and answers, as stage.h has them for PCP. */
#ifndef PINHOLE_CHECK_STAGE_NATPMP_H
#define PINHOLE_CHECK_STAGE_NATPMP_H

#include "check/stage.h"
#include "wire/natpmp.h"

/* An answer, or that none came. */
struct natpmp_answer {
    bool came;
    enum natpmp_fault fault;
    struct natpmp_message natpmp;
    struct datagram datagram;
};

/* A request for the external address. */
struct natpmp_message natpmp_address_wish(void);
/* One to map a UDP port for ten minutes, without a suggestion; and one to delete it, or with port 0 all. */
struct natpmp_message natpmp_map_wish(uint16_t internal_port);
struct natpmp_message natpmp_delete_wish(uint16_t internal_port);

/* Sends octets; that no answer comes breaks the requirement. */
struct natpmp_answer stage_natpmp_ask_octets(struct stage *stage, enum requirement_id requirement,
                                             enum stage_place from, const uint8_t *octets,
                                             size_t length);
struct natpmp_answer stage_natpmp_ask(struct stage *stage, enum requirement_id requirement,
                                      enum stage_place from, const struct natpmp_message *request);
/* Sends a request whose success the case rests on. Without it the case is unsupported, if the result is Not
 * Authorized, or else inconclusive. */
struct natpmp_answer stage_natpmp_granted(struct stage *stage, enum stage_place from,
                                          const struct natpmp_message *request);
/* Where a mapping of the answer is reached: the only external address, with its port. */
struct endpoint stage_natpmp_external(struct stage *stage, const struct natpmp_answer *answer);
const char *stage_natpmp_describe(struct stage *stage, const struct natpmp_answer *answer);
bool stage_natpmp_expect_result(struct stage *stage, enum requirement_id requirement,
                                const struct natpmp_answer *answer, enum natpmp_result result);

#endif
