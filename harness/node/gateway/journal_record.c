/* A record on disk, numbers in network order:
 *
 *   +----------------+----------------+--------+-----------------+-----------------------+
 *   | checksum (32)  | length (16)    | type   | wall clock (64) | contents by type      |
 *   +----------------+----------------+--------+-----------------+-----------------------+
 *
 * The length is the whole record's; the checksum (32 bits of SipHash) covers all behind itself.
 */
#include "node/gateway/journal_record.h"

#include "engine/pcp_server_hash.h"
#include "wire/octets.h"

#include <string.h>

enum { HEADER = 15, FILTER_SIZE = 20 };

static uint32_t checksum(const uint8_t *octets, size_t length)
{
    static const uint64_t key[2] = {0x70696e686f6c6520, 0x6a6f75726e616c31}; /* no secret */
    uint64_t words[RECORD_MAXIMUM / sizeof(uint64_t)];
    words[(length - 1) / 8] = 0; /* what pads the last one */
    memcpy(words, octets, length);
    return (uint32_t)pcp_server_hash(key, words, (length + 7) / 8);
}

/* A place in octets that moves as numbers are written to or read from it. Reading past the end gives
 * zeros and leaves sound false. */
struct cursor {
    uint8_t *write;
    const uint8_t *read;
    size_t left;
    bool sound;
};

static void put(struct cursor *cursor, const void *octets, size_t length)
{
    memcpy(cursor->write, octets, length);
    cursor->write += length;
}

static void put_number(struct cursor *cursor, uint64_t number, size_t length)
{
    for (size_t i = length; i > 0; i--)
        *cursor->write++ = (uint8_t)(number >> 8 * (i - 1));
}

static void get(struct cursor *cursor, void *octets, size_t length)
{
    if (cursor->left < length) {
        cursor->sound = false;
        memset(octets, 0, length);
        return;
    }
    memcpy(octets, cursor->read, length);
    cursor->read += length;
    cursor->left -= length;
}

static uint64_t get_number(struct cursor *cursor, size_t length)
{
    uint8_t octets[8];
    get(cursor, octets, length);
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        number = number << 8 | octets[i];
    return number;
}

/* Octets behind their number. */
static void put_text(struct cursor *cursor, const uint8_t *text, size_t length)
{
    put_number(cursor, length, 1);
    put(cursor, text, length);
}

static size_t get_text(struct cursor *cursor, uint8_t *text, size_t room)
{
    size_t length = get_number(cursor, 1);
    if (length > room) {
        cursor->sound = false;
        return 0;
    }
    get(cursor, text, length);
    return length;
}

/* --- mappings ------------------------------------------------------------------------------- */

enum flag {
    THIRD_PARTY = 1,
    PREFER_FAILURE = 2,
    FILTERED = 4,
    NAT_PMP = 8,
    SECONDARY = 16,
    WAS_PEER = 32,
    CONTINUES = 64
};

static uint8_t flags_of(const struct pcp_server_mapping *mapping)
{
    return (uint8_t)((mapping->third_party ? THIRD_PARTY : 0) |
                     (mapping->prefer_failure ? PREFER_FAILURE : 0) |
                     (mapping->filtered ? FILTERED : 0) | (mapping->nat_pmp ? NAT_PMP : 0) |
                     (mapping->secondary ? SECONDARY : 0) | (mapping->was_peer ? WAS_PEER : 0) |
                     (mapping->continues ? CONTINUES : 0));
}

static void put_change(struct cursor *cursor, const struct record_change *record)
{
    const struct pcp_server_mapping *mapping = &record->change.mapping;
    put_number(cursor, record->change.kind, 1);
    put_number(cursor, mapping->kind, 1);
    put_number(cursor, flags_of(mapping), 1);
    put_number(cursor, mapping->protocol, 1);
    put(cursor, mapping->internal.octet, 16);
    put(cursor, mapping->external.octet, 16);
    put_number(cursor, mapping->internal_port, 2);
    put_number(cursor, mapping->external_port, 2);
    put_number(cursor, mapping->remote_port, 2);
    if (mapping->kind == PCP_SERVER_PEER)
        put(cursor, mapping->remote.octet, 16);
    put(cursor, mapping->nonce, PCP_NONCE_LENGTH);
    put_number(cursor, mapping->deadline, 8);
    put_number(cursor, record->change.rest_until, 8);
    put(cursor, mapping->client.octet, 16);
    put_number(cursor, mapping->client_port, 2);
    put_number(cursor, mapping->path, 2);
    put_number(cursor, record->filter_count, 1);
    for (size_t i = 0; i < record->filter_count; i++) {
        put_number(cursor, record->filters[i].prefix_length, 2);
        put_number(cursor, record->filters[i].remote_port, 2);
        put(cursor, record->filters[i].remote_address.octet, 16);
    }
    put_text(cursor, record->description, record->description_length);
    put_text(cursor, record->realm, record->realm_length);
}

static void get_change(struct cursor *cursor, struct record_change *record)
{
    struct pcp_server_mapping *mapping = &record->change.mapping;
    record->change.kind = (enum pcp_server_change_kind)get_number(cursor, 1);
    mapping->kind = (enum pcp_server_kind)get_number(cursor, 1);
    uint8_t flags = (uint8_t)get_number(cursor, 1);
    mapping->third_party = flags & THIRD_PARTY;
    mapping->prefer_failure = flags & PREFER_FAILURE;
    mapping->filtered = flags & FILTERED;
    mapping->nat_pmp = flags & NAT_PMP;
    mapping->secondary = flags & SECONDARY;
    mapping->was_peer = flags & WAS_PEER;
    mapping->continues = flags & CONTINUES;
    mapping->protocol = (uint8_t)get_number(cursor, 1);
    get(cursor, mapping->internal.octet, 16);
    get(cursor, mapping->external.octet, 16);
    mapping->internal_port = (uint16_t)get_number(cursor, 2);
    mapping->external_port = (uint16_t)get_number(cursor, 2);
    mapping->remote_port = (uint16_t)get_number(cursor, 2);
    if (mapping->kind == PCP_SERVER_PEER)
        get(cursor, mapping->remote.octet, 16);
    get(cursor, mapping->nonce, PCP_NONCE_LENGTH);
    mapping->deadline = get_number(cursor, 8);
    record->change.rest_until = get_number(cursor, 8);
    get(cursor, mapping->client.octet, 16);
    mapping->client_port = (uint16_t)get_number(cursor, 2);
    mapping->path = (uint16_t)get_number(cursor, 2);
    record->filter_count = get_number(cursor, 1);
    if (record->filter_count > RECORD_FILTERS) {
        record->filter_count = 0;
        cursor->sound = false;
    }
    for (size_t i = 0; i < record->filter_count; i++) {
        record->filters[i].prefix_length = (uint8_t)get_number(cursor, 2);
        record->filters[i].remote_port = (uint16_t)get_number(cursor, 2);
        get(cursor, record->filters[i].remote_address.octet, 16);
    }
    record->description_length = get_text(cursor, record->description, sizeof record->description);
    record->realm_length = get_text(cursor, record->realm, sizeof record->realm);
    bool known_change =
        record->change.kind >= PCP_SERVER_CREATED && record->change.kind <= PCP_SERVER_REMOVED;
    bool known_kind = mapping->kind == PCP_SERVER_MAP || mapping->kind == PCP_SERVER_PEER;
    cursor->sound = cursor->sound && known_change && known_kind;
}

/* --- records -------------------------------------------------------------------------------- */

size_t record_write(const struct record *record, uint8_t *octets)
{
    struct cursor cursor = {.write = octets + 6};
    put_number(&cursor, record->type, 1);
    put_number(&cursor, record->wall, 8);
    if (record->type == RECORD_START) {
        put(&cursor, record->start.boot, RECORD_BOOT_LENGTH);
        put_number(&cursor, record->start.wall, 8);
        put_number(&cursor, record->start.epoch, 4);
        put_number(&cursor, record->start.time_scale, 4);
        put(&cursor, record->start.external.octet, 16);
    } else if (record->type == RECORD_CHANGE) {
        put_change(&cursor, &record->change);
    }
    size_t length = (size_t)(cursor.write - octets);
    octets_put16(octets + 4, (uint16_t)length);
    octets_put32(octets, checksum(octets + 4, length - 4));
    return length;
}

size_t record_read(const uint8_t *octets, size_t length, struct record *record)
{
    memset(record, 0, sizeof *record);
    if (length < HEADER)
        return 0;
    size_t whole = octets_get16(octets + 4);
    if (whole < HEADER || whole > length || whole > RECORD_MAXIMUM ||
        octets_get32(octets) != checksum(octets + 4, whole - 4))
        return 0;
    struct cursor cursor = {.read = octets + 6, .left = whole - 6, .sound = true};
    record->type = (enum record_type)get_number(&cursor, 1);
    record->wall = get_number(&cursor, 8);
    if (record->type == RECORD_START) {
        get(&cursor, record->start.boot, RECORD_BOOT_LENGTH);
        record->start.wall = get_number(&cursor, 8);
        record->start.epoch = (uint32_t)get_number(&cursor, 4);
        record->start.time_scale = (uint32_t)get_number(&cursor, 4);
        get(&cursor, record->start.external.octet, 16);
    } else if (record->type == RECORD_CHANGE) {
        get_change(&cursor, &record->change);
    } else if (record->type != RECORD_CLOSE) {
        return 0;
    }
    return cursor.sound && cursor.left == 0 ? whole : 0;
}
