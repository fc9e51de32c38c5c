#include "wire/coap.h"

#include "wire/octets.h"

#include <string.h>

enum { PAYLOAD_MARKER = 0xff, NIBBLE_OCTET = 13, NIBBLE_TWO_OCTETS = 14, NIBBLE_RESERVED = 15 };

/* Option delta or option length, section 3.1:
 *
 *   0-12 stand for themselves; 13: an octet follows, to be added to 13; 14: two octets follow, to
 *   be added to 269; 15 is reserved.
 *
 * Moves *offset behind what follows. */
static enum coap_message_fault read_extended(const uint8_t *octets, size_t length, size_t *offset,
                                             unsigned nibble, uint32_t *value)
{
    *value = nibble;
    if (nibble == NIBBLE_RESERVED)
        return COAP_FAULT_OPTION;
    if (nibble < NIBBLE_OCTET)
        return COAP_FAULT_NONE;
    size_t count = nibble == NIBBLE_OCTET ? 1 : 2;
    if (length - *offset < count)
        return COAP_FAULT_OPTION_CUT;
    *value = nibble == NIBBLE_OCTET ? 13U + octets[*offset] : 269U + octets_get16(octets + *offset);
    *offset += count;
    return COAP_FAULT_NONE;
}

/* Reads the option at walk, which isn't at the end, and moves walk behind it. */
static enum coap_message_fault read_option(const uint8_t *octets, size_t length,
                                           struct coap_message_walk *walk,
                                           struct coap_message_option *out)
{
    size_t offset = walk->offset + 1;
    uint8_t first = octets[walk->offset];
    uint32_t delta;
    uint32_t count;
    enum coap_message_fault fault = read_extended(octets, length, &offset, first >> 4, &delta);
    if (!fault)
        fault = read_extended(octets, length, &offset, first & 15, &count);
    if (fault)
        return fault;
    if (length - offset < count)
        return COAP_FAULT_OPTION_CUT;
    out->number = walk->number + delta;
    out->length = count;
    out->value = octets + offset;
    walk->number = out->number;
    walk->offset = offset + count;
    return COAP_FAULT_NONE;
}

enum coap_message_fault coap_message_decode(const uint8_t *octets, size_t length,
                                            struct coap_message *out)
{
    memset(out, 0, sizeof *out);
    if (length < COAP_MESSAGE_HEADER_LENGTH)
        return COAP_FAULT_SHORT;
    out->version = octets[0] >> 6;
    if (out->version != COAP_MESSAGE_VERSION)
        return COAP_FAULT_VERSION;
    out->type = (enum coap_message_type)(octets[0] >> 4 & 3);
    out->code = octets[1];
    out->message_id = octets_get16(octets + 2);
    size_t token_length = octets[0] & 15;
    if (out->code == 0 && length > COAP_MESSAGE_HEADER_LENGTH)
        return COAP_FAULT_EMPTY;
    if (token_length > COAP_MESSAGE_TOKEN_LIMIT)
        return COAP_FAULT_TOKEN;
    octets += COAP_MESSAGE_HEADER_LENGTH;
    length -= COAP_MESSAGE_HEADER_LENGTH;
    if (token_length > length)
        return COAP_FAULT_TOKEN_CUT;
    out->token = octets;
    out->token_length = (uint8_t)token_length;
    octets += token_length;
    length -= token_length;

    out->options = octets;
    struct coap_message_walk walk = {0};
    while (walk.offset < length && octets[walk.offset] != PAYLOAD_MARKER) {
        struct coap_message_option option;
        enum coap_message_fault fault = read_option(octets, length, &walk, &option);
        if (fault)
            return fault;
        out->options_length = walk.offset;
    }
    if (walk.offset == length)
        return COAP_FAULT_NONE;
    if (walk.offset + 1 == length)
        return COAP_FAULT_PAYLOAD;
    out->payload = octets + walk.offset + 1;
    out->payload_length = length - walk.offset - 1;
    return COAP_FAULT_NONE;
}

bool coap_message_next_option(const struct coap_message *message, struct coap_message_walk *walk,
                              struct coap_message_option *out)
{
    return walk->offset < message->options_length &&
           read_option(message->options, message->options_length, walk, out) == COAP_FAULT_NONE;
}

uint32_t coap_message_option_uint(const struct coap_message_option *option)
{
    uint32_t value = 0;
    for (size_t i = 0; i < option->length; i++)
        value = value << 8 | option->value[i];
    return value;
}

bool coap_message_path(const struct coap_message *message, uint32_t option, char *text, size_t size)
{
    struct coap_message_walk walk = {0};
    struct coap_message_option segment;
    size_t used = 0;
    while (coap_message_next_option(message, &walk, &segment)) {
        if (segment.number != option)
            continue;
        if (segment.length + 2 > size - used || memchr(segment.value, 0, segment.length))
            return false;
        text[used++] = '/';
        memcpy(text + used, segment.value, segment.length);
        used += segment.length;
    }
    if (used == 0) {
        if (size < 2)
            return false;
        text[used++] = '/';
    }
    text[used] = '\0';
    return true;
}

bool coap_message_is_request(const struct coap_message *message)
{
    return message->code > 0 && message->code < 32;
}
