/* This file goes into the smallest client, so it holds no text and calls nothing but memcpy and
 * memset; names and messages are in pcp_names.c. */
#include "wire/pcp.h"

#include "wire/octets.h"

#include <string.h>

enum { RESPONSE_BIT = 0x80, OPCODES = PCP_PEER + 1 };

static const uint8_t data_lengths[OPCODES] = {
    [PCP_ANNOUNCE] = 0, [PCP_MAP] = PCP_MAP_LENGTH, [PCP_PEER] = PCP_PEER_LENGTH};

/* Nonce, protocol and reserved octets lie in struct pcp_map as they lie on the wire: one copy. */
enum { MAP_COMMON = offsetof(struct pcp_map, internal_port) };
_Static_assert(MAP_COMMON == 16, "the first fields of struct pcp_map must have no gaps");

static void decode_data(const uint8_t *at, uint8_t opcode, struct pcp_peer *data)
{
    if (opcode == PCP_ANNOUNCE)
        return;
    memcpy(&data->map, at, MAP_COMMON);
    data->map.internal_port = octets_get16(at + 16);
    data->map.external_port = octets_get16(at + 18);
    memcpy(data->map.external_address.octet, at + 20, 16);
    if (opcode == PCP_MAP)
        return;
    data->remote_port = octets_get16(at + 36);
    memcpy(data->reserved, at + 38, 2);
    memcpy(data->remote_address.octet, at + 40, 16);
}

/* Octets 4 to 23 of a message of version 2. */
static void decode_header(const uint8_t *octets, struct pcp_message *out)
{
    out->lifetime = octets_get32(octets + 4);
    if (out->response) {
        out->epoch = octets_get32(octets + 8);
        memcpy(out->reserved_epoch, octets + 12, sizeof out->reserved_epoch);
    } else {
        memcpy(out->client.octet, octets + 8, 16);
    }
}

/* The first four octets, as far as they are there. */
static enum pcp_fault decode_start(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    if (length < 2)
        return PCP_FAULT_SHORT;
    out->version = octets[0];
    out->response = octets[1] & RESPONSE_BIT;
    out->opcode = octets[1] & (RESPONSE_BIT - 1);
    if (out->response && length < 4)
        return PCP_FAULT_SHORT;
    bool foreign = out->version != PCP_VERSION;
    if (length >= 4) {
        if (out->response)
            out->reserved_response = octets[2];
        else
            memcpy(out->reserved_request, octets + 2, 2);
        if (out->response || foreign)
            out->result = octets[3];
    }
    return foreign ? PCP_FAULT_VERSION : PCP_FAULT_NONE;
}

enum pcp_fault pcp_decode(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    memset(out, 0, sizeof *out);
    enum pcp_fault fault = decode_start(octets, length, out);
    if (fault == PCP_FAULT_VERSION) {
        /* Section 9 gives the lifetime of UNSUPP_VERSION a meaning whatever the version, but in
         * version 0, NAT-PMP, the seconds of the epoch stand there. */
        if (out->response && out->version && length >= 8)
            out->lifetime = octets_get32(octets + 4);
        return fault;
    }
    if (fault)
        return fault;
    if (length < PCP_HEADER_LENGTH)
        return PCP_FAULT_HEADER_CUT;
    decode_header(octets, out);

    bool known = out->opcode < OPCODES;
    size_t data_length = known ? data_lengths[out->opcode] : 0;
    bool whole = length >= PCP_HEADER_LENGTH + data_length;
    if (known && whole) {
        decode_data(octets + PCP_HEADER_LENGTH, out->opcode, &out->data);
        out->options = octets + PCP_HEADER_LENGTH + data_length;
        out->options_length = length - PCP_HEADER_LENGTH - data_length;
    }
    if (length > PCP_MAXIMUM_LENGTH)
        return PCP_FAULT_LONG;
    if (length % 4)
        return PCP_FAULT_NOT_MULTIPLE_OF_4;
    if (!known)
        return PCP_FAULT_OPCODE;
    return whole ? PCP_FAULT_NONE : PCP_FAULT_OPCODE_CUT;
}

/* The space an option's data takes: padded to a multiple of 4 (section 7.3). */
static size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

bool pcp_option_next(const uint8_t *options, size_t length, size_t *offset, struct pcp_option *out,
                     enum pcp_fault *fault)
{
    size_t left = length - *offset;
    *fault = PCP_FAULT_NONE;
    if (left == 0)
        return false;
    const uint8_t *at = options + *offset;
    if (left < PCP_OPTION_HEADER_LENGTH) {
        *fault = PCP_FAULT_OPTION_CUT;
        return false;
    }
    out->code = at[0];
    out->reserved = at[1];
    out->length = octets_get16(at + 2);
    out->data = at + PCP_OPTION_HEADER_LENGTH;
    left -= PCP_OPTION_HEADER_LENGTH;
    if (out->length > left) {
        *fault = PCP_FAULT_OPTION_CUT;
        return false;
    }
    /* A message whose length is no multiple of 4 may end inside the last option's padding; the
     * option itself is whole, and the message's own fault has been told. */
    size_t space = padded(out->length);
    *offset += PCP_OPTION_HEADER_LENGTH + (space < left ? space : left);
    return true;
}

enum pcp_fault pcp_option_third_party(const struct pcp_option *option, struct address *internal)
{
    if (option->length != PCP_THIRD_PARTY_LENGTH)
        return PCP_FAULT_OPTION_LENGTH;
    memcpy(internal->octet, option->data, 16);
    return PCP_FAULT_NONE;
}

enum pcp_fault pcp_option_filter(const struct pcp_option *option, struct pcp_filter *out)
{
    if (option->length != PCP_FILTER_LENGTH)
        return PCP_FAULT_OPTION_LENGTH;
    out->reserved = option->data[0];
    out->prefix_length = option->data[1];
    out->remote_port = octets_get16(option->data + 2);
    memcpy(out->remote_address.octet, option->data + 4, 16);
    return PCP_FAULT_NONE;
}

static void encode_header(const struct pcp_message *message, uint8_t *octets)
{
    octets[0] = message->version;
    octets[1] = (uint8_t)(message->opcode | (message->response ? RESPONSE_BIT : 0));
    octets_put32(octets + 4, message->lifetime);
    if (message->response) {
        octets[2] = message->reserved_response;
        octets[3] = message->result;
        octets_put32(octets + 8, message->epoch);
        memcpy(octets + 12, message->reserved_epoch, sizeof message->reserved_epoch);
    } else {
        memcpy(octets + 2, message->reserved_request, 2);
        memcpy(octets + 8, message->client.octet, 16);
    }
}

static void encode_data(const struct pcp_peer *data, uint8_t opcode, uint8_t *at)
{
    if (opcode == PCP_ANNOUNCE)
        return;
    memcpy(at, &data->map, MAP_COMMON);
    octets_put16(at + 16, data->map.internal_port);
    octets_put16(at + 18, data->map.external_port);
    memcpy(at + 20, data->map.external_address.octet, 16);
    if (opcode == PCP_MAP)
        return;
    octets_put16(at + 36, data->remote_port);
    memcpy(at + 38, data->reserved, 2);
    memcpy(at + 40, data->remote_address.octet, 16);
}

size_t pcp_encode(const struct pcp_message *message, uint8_t *octets, size_t capacity)
{
    if (message->opcode >= OPCODES)
        return 0;
    size_t length = PCP_HEADER_LENGTH + (size_t)data_lengths[message->opcode];
    if (capacity < length)
        return 0;
    encode_header(message, octets);
    encode_data(&message->data, message->opcode, octets + PCP_HEADER_LENGTH);
    return length;
}

size_t pcp_append_option(uint8_t *octets, size_t used, size_t capacity, uint8_t code,
                         const uint8_t *data, uint16_t length)
{
    size_t space = padded(length);
    if (used > capacity || capacity - used < PCP_OPTION_HEADER_LENGTH + space)
        return 0;
    uint8_t *at = octets + used;
    at[0] = code;
    at[1] = 0;
    octets_put16(at + 2, length);
    memset(at + PCP_OPTION_HEADER_LENGTH, 0, space);
    if (length)
        memcpy(at + PCP_OPTION_HEADER_LENGTH, data, length);
    return used + PCP_OPTION_HEADER_LENGTH + space;
}

size_t pcp_append_third_party(uint8_t *octets, size_t used, size_t capacity,
                              const struct address *internal)
{
    return pcp_append_option(octets, used, capacity, PCP_THIRD_PARTY, internal->octet,
                             PCP_THIRD_PARTY_LENGTH);
}

size_t pcp_append_filter(uint8_t *octets, size_t used, size_t capacity,
                         const struct pcp_filter *filter)
{
    uint8_t data[PCP_FILTER_LENGTH];
    data[0] = filter->reserved;
    data[1] = filter->prefix_length;
    octets_put16(data + 2, filter->remote_port);
    memcpy(data + 4, filter->remote_address.octet, 16);
    return pcp_append_option(octets, used, capacity, PCP_FILTER, data, sizeof data);
}
