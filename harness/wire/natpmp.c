#include "wire/natpmp.h"

#include "wire/octets.h"

#include <string.h>

enum { RESPONSE_FLAG = 0x80, RESULT_END = 4, EPOCH_END = 8 };

static bool is_map(uint8_t opcode)
{
    return opcode == NATPMP_MAP_UDP || opcode == NATPMP_MAP_TCP;
}

/* How long a message of a known opcode is. */
static size_t message_length(const struct natpmp_message *message)
{
    if (message->response && message->result == NATPMP_UNSUPPORTED_VERSION)
        return NATPMP_UNSUPPORTED_VERSION_LENGTH;
    if (is_map(message->opcode))
        return message->response ? NATPMP_MAP_RESPONSE_LENGTH : NATPMP_MAP_REQUEST_LENGTH;
    return message->response ? NATPMP_ADDRESS_RESPONSE_LENGTH : NATPMP_ADDRESS_REQUEST_LENGTH;
}

static void decode_ports(const uint8_t *at, struct natpmp_message *out)
{
    out->internal_port = octets_get16(at);
    out->external_port = octets_get16(at + 2);
    out->lifetime = octets_get32(at + 4);
}

static void decode_request(const uint8_t *octets, size_t length, struct natpmp_message *out)
{
    if (!is_map(out->opcode) || length < NATPMP_MAP_REQUEST_LENGTH)
        return;
    memcpy(out->reserved, octets + 2, 2);
    decode_ports(octets + 4, out);
}

static void decode_response(const uint8_t *octets, size_t length, struct natpmp_message *out)
{
    size_t whole = message_length(out);
    if (length >= EPOCH_END)
        out->epoch = octets_get32(octets + RESULT_END);
    if (length < whole || whole == NATPMP_UNSUPPORTED_VERSION_LENGTH)
        return;
    if (is_map(out->opcode))
        decode_ports(octets + EPOCH_END, out);
    else
        memcpy(out->external_address, octets + EPOCH_END, 4);
}

bool natpmp_recognise(const uint8_t *octets, size_t length)
{
    return length > 0 && octets[0] == NATPMP_VERSION;
}

enum natpmp_fault natpmp_decode(const uint8_t *octets, size_t length, struct natpmp_message *out)
{
    memset(out, 0, sizeof *out);
    if (length < 2)
        return NATPMP_FAULT_SHORT;
    out->version = octets[0];
    out->response = octets[1] & RESPONSE_FLAG;
    out->opcode = octets[1] & (RESPONSE_FLAG - 1);
    if (out->version != NATPMP_VERSION)
        return NATPMP_FAULT_VERSION;

    uint16_t result = length >= RESULT_END ? octets_get16(octets + 2) : 0;
    if (out->opcode == NATPMP_ADDRESS && result == NATPMP_UNSUPPORTED_VERSION)
        out->response = true; /* section 3.5: without the flag */
    if (out->response)
        out->result = result;
    if (out->opcode != NATPMP_ADDRESS && !is_map(out->opcode))
        return NATPMP_FAULT_OPCODE;
    if (out->response)
        decode_response(octets, length, out);
    else
        decode_request(octets, length, out);

    size_t whole = message_length(out);
    if (length < whole)
        return NATPMP_FAULT_CUT;
    return length > whole ? NATPMP_FAULT_LONG : NATPMP_FAULT_NONE;
}

static void encode_ports(const struct natpmp_message *message, uint8_t *at)
{
    octets_put16(at, message->internal_port);
    octets_put16(at + 2, message->external_port);
    octets_put32(at + 4, message->lifetime);
}

static void encode_response(const struct natpmp_message *message, uint8_t *octets)
{
    octets_put16(octets + 2, message->result);
    octets_put32(octets + RESULT_END, message->epoch);
    if (message->result == NATPMP_UNSUPPORTED_VERSION) {
        octets[1] = 0; /* section 3.5: opcode 0, whatever was asked, and no flag */
        return;
    }
    octets[1] |= RESPONSE_FLAG;
    if (is_map(message->opcode))
        encode_ports(message, octets + EPOCH_END);
    else
        memcpy(octets + EPOCH_END, message->external_address, 4);
}

size_t natpmp_encode(const struct natpmp_message *message, uint8_t *octets, size_t capacity)
{
    size_t length = message_length(message);
    if ((message->opcode != NATPMP_ADDRESS && !is_map(message->opcode)) || capacity < length)
        return 0;
    octets[0] = message->version;
    octets[1] = message->opcode;
    if (message->response) {
        encode_response(message, octets);
    } else if (is_map(message->opcode)) {
        memcpy(octets + 2, message->reserved, 2);
        encode_ports(message, octets + 4);
    }
    return length;
}
