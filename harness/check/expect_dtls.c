/* The fields of DTLS records: what can be seen of them without their keys. A datagram counts by its first record. */
#include "check/expect_field.h"

enum { PROTOCOL_UDP = 17 };

static const struct field_word contents[] = {
    {"change-cipher-spec", DTLS_CHANGE_CIPHER_SPEC},
    {"alert", DTLS_ALERT},
    {"handshake", DTLS_HANDSHAKE},
    {"application-data", DTLS_APPLICATION_DATA},
    {"connection-id", DTLS_CONNECTION_ID},
    {NULL, 0},
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
    const struct packet *packet = &event->packet;
    struct dtls_walk walk;
    return packet->protocol == PROTOCOL_UDP &&
           dtls_recognise(packet->payload, packet->payload_length, &walk) &&
           dtls_next_record(packet->payload, packet->payload_length, &walk, &sighting->as.dtls);
}

static bool read_content(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.dtls.content;
    return index == 0;
}

static bool read_epoch(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.dtls.epoch;
    return index == 0;
}

static bool read_handshake(const struct sighting *s, size_t index, struct field_value *value)
{
    struct dtls_handshake handshake;
    if (!dtls_handshake_of(&s->as.dtls, &handshake))
        return false;
    value->number = handshake.type;
    return index == 0;
}

const struct field field_dtls[] = {
    {"content", FIELD_NUMBER, contents, read_content},
    {"epoch", FIELD_NUMBER, NULL, read_epoch},
    {"handshake", FIELD_NUMBER, handshakes, read_handshake},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
