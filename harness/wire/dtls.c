#include "wire/dtls.h"

#include "wire/octets.h"

enum { VERSION_1_0 = 0xfeff, VERSION_1_2 = 0xfefd };

static uint32_t get24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | octets_get16(at + 1);
}

/* Reads the record at the front; false if there is no whole one. */
static bool read_record(const uint8_t *octets, size_t length, uint8_t connection_id_length,
                        struct dtls_record *out)
{
    enum { VERSION = 1, EPOCH = 3, SEQUENCE = 5, CONNECTION_ID = 11, LENGTH_SIZE = 2 };
    *out = (struct dtls_record){0};
    if (length < DTLS_HEADER_LENGTH)
        return false;
    out->content = octets[0];
    out->version = octets_get16(octets + VERSION);
    out->epoch = octets_get16(octets + EPOCH);
    out->sequence =
        (uint64_t)octets_get16(octets + SEQUENCE) << 32 | octets_get32(octets + SEQUENCE + 2);
    if (!dtls_content_name(out->content) ||
        (out->version != VERSION_1_0 && out->version != VERSION_1_2))
        return false;
    if (out->content == DTLS_CONNECTION_ID) {
        if (out->epoch == 0 || connection_id_length == 0)
            return false;
        out->connection_id_length = connection_id_length;
    }
    size_t at = CONNECTION_ID + (size_t)out->connection_id_length;
    if (length < at + LENGTH_SIZE)
        return false;
    out->length = octets_get16(octets + at);
    out->fragment = octets + at + LENGTH_SIZE;
    if (out->content == DTLS_CONNECTION_ID && out->length == 0)
        return false; /* the type is among what is encrypted */
    return out->length <= length - at - LENGTH_SIZE;
}

/* Whether all are records, and whether one that asks for a connection ID was among what was read. */
static bool is_records(const uint8_t *octets, size_t length, uint8_t connection_id_length,
                       bool *asks)
{
    struct dtls_walk walk = {.connection_id_length = connection_id_length};
    struct dtls_record record = {0};
    *asks = false;
    while (walk.offset < length) {
        bool is_whole = dtls_next_record(octets, length, &walk, &record);
        *asks = *asks || record.content == DTLS_CONNECTION_ID;
        if (!is_whole)
            return false;
    }
    return length > 0;
}

bool dtls_recognise(const uint8_t *octets, size_t length, struct dtls_walk *walk)
{
    bool asks = true;
    for (unsigned size = 0; size <= UINT8_MAX && asks; size++) {
        *walk = (struct dtls_walk){.connection_id_length = (uint8_t)size};
        if (is_records(octets, length, walk->connection_id_length, &asks))
            return true;
    }
    return false;
}

bool dtls_next_record(const uint8_t *octets, size_t length, struct dtls_walk *walk,
                      struct dtls_record *out)
{
    if (walk->offset >= length ||
        !read_record(octets + walk->offset, length - walk->offset, walk->connection_id_length, out))
        return false;
    walk->offset = (size_t)(out->fragment - octets) + out->length;
    return true;
}

bool dtls_handshake_of(const struct dtls_record *record, struct dtls_handshake *out)
{
    if (record->content != DTLS_HANDSHAKE || record->epoch != 0 ||
        record->length < DTLS_HANDSHAKE_HEADER_LENGTH)
        return false;
    const uint8_t *at = record->fragment;
    *out = (struct dtls_handshake){.type = at[0],
                                   .length = get24(at + 1),
                                   .message_sequence = octets_get16(at + 4),
                                   .fragment_offset = get24(at + 6),
                                   .fragment_length = get24(at + 9)};
    return true;
}
