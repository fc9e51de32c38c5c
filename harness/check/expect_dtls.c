/* The fields of DTLS records (RFC 6347 section 4.1): what can be seen of them without their keys. A datagram counts
 * by its first record:
 *
 *   type (1) | version (2): fe ff or fe fd | epoch (2) | sequence number (6) | length (2) | fragment
 */
#include "check/expect_field.h"

#include "wire/octets.h"

enum { PROTOCOL_UDP = 17, HEADER = 13, FIRST_TYPE = 20, LAST_TYPE = 23, HANDSHAKE = 22 };

static const struct field_word contents[] = {
    {"change-cipher-spec", 20}, {"alert", 21}, {"handshake", HANDSHAKE},
    {"application-data", 23},   {NULL, 0},
};

/* Those that are told in the clear; later ones are encrypted. */
static const struct field_word handshakes[] = {
    {"client-hello", 1},
    {"server-hello", 2},
    {"hello-verify-request", 3},
    {"server-key-exchange", 12},
    {"server-hello-done", 14},
    {"client-key-exchange", 16},
    {NULL, 0},
};

bool decode_dtls(const struct event *event, struct sighting *sighting)
{
    (void)sighting;
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_UDP || !packet->payload || packet->payload_length < HEADER)
        return false;
    const uint8_t *record = packet->payload;
    return record[0] >= FIRST_TYPE && record[0] <= LAST_TYPE && record[1] == 0xfe &&
           (record[2] == 0xff || record[2] == 0xfd) &&
           (size_t)octets_get16(record + 11) + HEADER <= packet->payload_length;
}

static bool read_content(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.payload[0];
    return index == 0;
}

static bool read_epoch(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = octets_get16(s->event->packet.payload + 3);
    return index == 0;
}

static bool read_handshake(const struct sighting *s, size_t index, struct field_value *value)
{
    const struct packet *packet = &s->event->packet;
    bool in_the_clear = packet->payload[0] == HANDSHAKE && octets_get16(packet->payload + 3) == 0 &&
                        octets_get16(packet->payload + 11) > 0;
    value->number = in_the_clear ? packet->payload[HEADER] : 0;
    return index == 0 && in_the_clear;
}

const struct field field_dtls[] = {
    {"content", FIELD_NUMBER, contents, read_content},
    {"epoch", FIELD_NUMBER, NULL, read_epoch},
    {"handshake", FIELD_NUMBER, handshakes, read_handshake},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
