/* The fields of CoAP messages (RFC 7252). */
#include "check/expect_field.h"

#include "wire/pcp.h"

#include <stdio.h>
#include <string.h>

enum { PROTOCOL_UDP = 17 };

/* Option numbers, RFC 7252 section 12.2 and RFC 7641. */
enum {
    OPTION_OBSERVE = 6,
    OPTION_LOCATION_PATH = 8,
    OPTION_URI_PATH = 11,
    OPTION_CONTENT_FORMAT = 12,
    OPTION_URI_QUERY = 15
};

#define CODE(class, detail) ((class) << 5 | (detail))

static const struct field_word types[] = {{"CON", COAP_TYPE_CONFIRMABLE},
                                          {"NON", COAP_TYPE_NON_CONFIRMABLE},
                                          {"ACK", COAP_TYPE_ACKNOWLEDGEMENT},
                                          {"RST", COAP_TYPE_RESET},
                                          {NULL, 0}};

static const struct field_word codes[] = {
    {"EMPTY", 0},
    {"GET", 1},
    {"POST", 2},
    {"PUT", 3},
    {"DELETE", 4},
    {"FETCH", 5},
    {"PATCH", 6},
    {"iPATCH", 7},
    {"2.01", CODE(2, 1)},
    {"2.02", CODE(2, 2)},
    {"2.03", CODE(2, 3)},
    {"2.04", CODE(2, 4)},
    {"2.05", CODE(2, 5)},
    {"2.31", CODE(2, 31)},
    {"4.00", CODE(4, 0)},
    {"4.01", CODE(4, 1)},
    {"4.02", CODE(4, 2)},
    {"4.03", CODE(4, 3)},
    {"4.04", CODE(4, 4)},
    {"4.05", CODE(4, 5)},
    {"4.06", CODE(4, 6)},
    {"4.08", CODE(4, 8)},
    {"4.09", CODE(4, 9)},
    {"4.12", CODE(4, 12)},
    {"4.13", CODE(4, 13)},
    {"4.15", CODE(4, 15)},
    {"4.22", CODE(4, 22)},
    {"4.29", CODE(4, 29)},
    {"5.00", CODE(5, 0)},
    {"5.01", CODE(5, 1)},
    {"5.02", CODE(5, 2)},
    {"5.03", CODE(5, 3)},
    {"5.04", CODE(5, 4)},
    {"5.05", CODE(5, 5)},
    {NULL, 0},
};

/* A mapped port has any number, so CoAP is told by its form: a message that decodes to its end, with
 * a code of the table. */
bool decode_coap(const struct event *event, struct sighting *sighting)
{
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_UDP || packet->source_port == PCP_SERVER_PORT ||
        packet->destination_port == PCP_SERVER_PORT)
        return false;
    if (coap_message_decode(packet->payload, packet->payload_length, &sighting->as.coap) !=
        COAP_FAULT_NONE)
        return false;
    for (const struct field_word *word = codes; word->word; word++)
        if (word->number == sighting->as.coap.code)
            return true;
    return false;
}

static bool read_type(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.coap.type;
    return index == 0;
}

static bool read_code(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.coap.code;
    return index == 0;
}

static bool read_message_id(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.coap.message_id;
    return index == 0;
}

static bool read_token(const struct sighting *s, size_t index, struct field_value *value)
{
    value->text[0] = '\0';
    for (size_t i = 0; i < s->as.coap.token_length; i++)
        (void)snprintf(value->text + 2 * i, 3, "%02x", s->as.coap.token[i]);
    return index == 0;
}

static bool find_option(const struct sighting *s, uint32_t number, size_t index,
                        struct coap_message_option *option)
{
    struct coap_message_walk walk = {0};
    while (coap_message_next_option(&s->as.coap, &walk, option))
        if (option->number == number && index-- == 0)
            return true;
    return false;
}

static bool read_number_option(const struct sighting *s, uint32_t number, size_t index,
                               struct field_value *value)
{
    struct coap_message_option option;
    if (!find_option(s, number, index, &option))
        return false;
    value->number = coap_message_option_uint(&option);
    return true;
}

/* A message without such options has no such path, where RFC 7252 would have "/". */
static bool read_path_option(const struct sighting *s, uint32_t number, struct field_value *value)
{
    struct coap_message_option option;
    return find_option(s, number, 0, &option) &&
           coap_message_path(&s->as.coap, number, value->text, sizeof value->text);
}

static bool read_path(const struct sighting *s, size_t index, struct field_value *value)
{
    return index == 0 && read_path_option(s, OPTION_URI_PATH, value);
}

static bool read_location(const struct sighting *s, size_t index, struct field_value *value)
{
    return index == 0 && read_path_option(s, OPTION_LOCATION_PATH, value);
}

static bool read_query(const struct sighting *s, size_t index, struct field_value *value)
{
    struct coap_message_option option;
    if (!find_option(s, OPTION_URI_QUERY, index, &option) || option.length >= sizeof value->text)
        return false;
    memcpy(value->text, option.value, option.length);
    value->text[option.length] = '\0';
    return true;
}

static bool read_observe(const struct sighting *s, size_t index, struct field_value *value)
{
    return read_number_option(s, OPTION_OBSERVE, index, value);
}

static bool read_content_format(const struct sighting *s, size_t index, struct field_value *value)
{
    return read_number_option(s, OPTION_CONTENT_FORMAT, index, value);
}

static bool read_payload(const struct sighting *s, size_t index, struct field_value *value)
{
    size_t length = s->as.coap.payload_length;
    if (index > 0 || !s->as.coap.payload)
        return false;
    if (length > sizeof value->text - 1)
        length = sizeof value->text - 1;
    memcpy(value->text, s->as.coap.payload, length);
    value->text[length] = '\0';
    return true;
}

/* Payloads that are no text, in hex; as much of them as there is room for. */
static bool read_octets(const struct sighting *s, size_t index, struct field_value *value)
{
    if (index > 0 || !s->as.coap.payload)
        return false;
    for (size_t i = 0; i < s->as.coap.payload_length && 2 * i + 2 < sizeof value->text; i++)
        (void)snprintf(value->text + 2 * i, 3, "%02x", s->as.coap.payload[i]);
    return true;
}

const struct field field_coap[] = {
    {"type", FIELD_NUMBER, types, read_type},
    {"code", FIELD_NUMBER, codes, read_code},
    {"message-id", FIELD_NUMBER, NULL, read_message_id},
    {"token", FIELD_TEXT, NULL, read_token},
    {"path", FIELD_TEXT, NULL, read_path},
    {"query", FIELD_TEXT, NULL, read_query},
    {"location", FIELD_TEXT, NULL, read_location},
    {"observe", FIELD_NUMBER, NULL, read_observe},
    {"content-format", FIELD_NUMBER, NULL, read_content_format},
    {"payload", FIELD_TEXT, NULL, read_payload},
    {"octets", FIELD_TEXT, NULL, read_octets},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
