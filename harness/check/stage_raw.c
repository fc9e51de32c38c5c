#include "check/stage_raw.h"

#include "check/stage_private.h"
#include "wire/describe.h"
#include "wire/octets.h"

#include <stdio.h>
#include <string.h>

struct raw stage_raw(const struct wish *wish)
{
    struct raw raw = {.from = wish->from};
    raw.length = wish_encode(wish, raw.octets, sizeof raw.octets);
    return raw;
}

void raw_resize(struct raw *raw, size_t length)
{
    if (length > sizeof raw->octets)
        length = sizeof raw->octets;
    if (length > raw->length)
        memset(raw->octets + raw->length, 0, length - raw->length);
    raw->length = length;
}

static const char *line(struct stage *stage, const char *what, const struct raw *raw)
{
    char request[STAGE_TEXT_SIZE / 2];
    char *text = stage_text(stage);
    (void)pcp_describe(raw->octets, raw->length, request, sizeof request);
    (void)snprintf(text, STAGE_TEXT_SIZE, "%s %zu octets: %s", what, raw->length, request);
    return text;
}

struct answer stage_ask_raw(struct stage *stage, enum requirement_id requirement,
                            const struct raw *raw)
{
    struct answer answer = stage_exchange(stage, raw->from, -1, raw->octets, raw->length);
    stage_expect(stage, requirement, answer.came, line(stage, "an answer to", raw), "no answer");
    return answer;
}

struct answer stage_ask_for(struct stage *stage, enum requirement_id requirement,
                            const struct wish *wish)
{
    struct raw raw = stage_raw(wish);
    return stage_ask_raw(stage, requirement, &raw);
}

bool stage_expect_silence(struct stage *stage, enum requirement_id requirement, const char *what,
                          const struct raw *raw)
{
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "no answer to %s", what);
    bool silent = stage_is_silent(stage, raw->from, raw->octets, raw->length);
    return stage_expect(stage, requirement, silent, expected, "%s",
                        line(stage, "an answer came to", raw));
}

static uint16_t internet_checksum(const uint8_t *octets, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += octets_get16(octets + i);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

void stage_send_as(struct stage *stage, enum stage_place place, const struct endpoint *from,
                   const struct endpoint *to, const uint8_t *octets, size_t length)
{
    enum { IP = 20, UDP = 8, HOPS = 64, PROTOCOL_UDP = 17, IPV4_AT = 12 };
    uint8_t packet[IP + UDP + DATAGRAM_ROOM] = {0x45};
    if (stage->over || length > DATAGRAM_ROOM)
        return;
    octets_put16(packet + 2, (uint16_t)(IP + UDP + length));
    packet[8] = HOPS;
    packet[9] = PROTOCOL_UDP;
    memcpy(packet + 12, from->address.octet + IPV4_AT, 4);
    memcpy(packet + 16, to->address.octet + IPV4_AT, 4);
    octets_put16(packet + 10, internet_checksum(packet, IP));
    octets_put16(packet + IP, from->port);
    octets_put16(packet + IP + 2, to->port);
    octets_put16(packet + IP + 4, (uint16_t)(UDP + length)); /* and no checksum: RFC 768 */
    memcpy(packet + IP + UDP, octets, length);
    stage_send_packet(stage, place, packet, IP + UDP + length);
}

bool stage_expect_success(struct stage *stage, enum requirement_id requirement,
                          const struct answer *answer)
{
    uint8_t result = answer->pcp.result;
    if (answer->came && (result == PCP_UNSUPP_OPCODE || result == PCP_NOT_AUTHORIZED))
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, answer));
    return stage_expect_result(stage, requirement, answer, PCP_SUCCESS);
}

void stage_pass_until(struct stage *stage, const struct answer *since, double seconds)
{
    double gone = stage_peer_seconds(stage, since->datagram.time, stage_now(stage));
    if (gone < seconds)
        stage_pass(stage, (int64_t)((seconds - gone) * (double)SECOND));
}
