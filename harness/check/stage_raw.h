/* Requests as octets, for cases to spoil: headers with bits that are not theirs, lengths that are no one's. */
#ifndef PINHOLE_CHECK_STAGE_RAW_H
#define PINHOLE_CHECK_STAGE_RAW_H

#include "check/stage.h"

enum {
    OFFSET_VERSION = 0,
    OFFSET_OPCODE = 1, /* and the R bit */
    OFFSET_RESULT = 3,
    OFFSET_LIFETIME = 4,
    OFFSET_CLIENT = 8, /* of a request; of a response the epoch, and then 96 reserved bits */
    OFFSET_RESERVED = 12,
    R_BIT = 0x80,
    UNKNOWN_OPCODE = 55,    /* of the range that needs a specification, section 19.2; none has it */
    UNKNOWN_MANDATORY = 60, /* likewise options, section 19.4 */
    UNKNOWN_OPTIONAL = 200
};

/* A request as it goes out. */
struct raw {
    enum stage_place from;
    uint8_t octets[DATAGRAM_ROOM];
    size_t length;
};

struct raw stage_raw(const struct wish *wish);
/* Makes it longer, by zeros, or shorter. */
void raw_resize(struct raw *raw, size_t length);
/* Sends it; that no answer comes breaks the requirement. */
struct answer stage_ask_raw(struct stage *stage, enum requirement_id requirement,
                            const struct raw *raw);
/* The same for a request that is sound. */
struct answer stage_ask_for(struct stage *stage, enum requirement_id requirement,
                            const struct wish *wish);
/* That an answer comes breaks the requirement. what names the request: "a request with the R bit set". */
bool stage_expect_silence(struct stage *stage, enum requirement_id requirement, const char *what,
                          const struct raw *raw);
/* Sends a datagram by IPv4 out of a place, from whatever address and port it is to say. */
void stage_send_as(struct stage *stage, enum stage_place place, const struct endpoint *from,
                   const struct endpoint *to, const uint8_t *octets, size_t length);
/* SUCCESS. A peer that says it knows the opcode not at all, or refuses it by policy, is unsupported. */
bool stage_expect_success(struct stage *stage, enum requirement_id requirement,
                          const struct answer *answer);
/* Lets time pass until so many of the peer's seconds after an answer. */
void stage_pass_until(struct stage *stage, const struct answer *since, double seconds);

#endif
