#include "cli/decode_fields.h"

#include "cli/hex.h"
#include "wire/coap.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"
#include "wire/pcp_extensions.h"

#include <stdlib.h>

/* jansson's setters take NULL for "no memory" and report it; the object is then short of a field,
 * which nothing but exhausted memory can cause. */
static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static void set_number(json_t *object, const char *key, uint32_t value)
{
    set(object, key, json_integer(value));
}

static void set_name(json_t *object, const char *key, const char *name)
{
    if (name)
        set(object, key, json_string(name));
}

static void set_address(json_t *object, const char *key, const struct address *address)
{
    char text[ADDRESS_TEXT_SIZE];
    set(object, key, json_string(address_format(address, text)));
}

static void set_hex(json_t *object, const char *key, const uint8_t *octets, size_t length)
{
    char *text = malloc(2 * length + 1);
    if (!text)
        return;
    set(object, key, json_string(hex_write(octets, length, text)));
    free(text);
}

/* --- PCP ----------------------------------------------------------------------------------- */

static void set_pcp_header(json_t *fields, const struct pcp_message *message)
{
    set_number(fields, "lifetime", message->lifetime);
    if (message->response) {
        set_number(fields, "reserved", message->reserved_response);
        set_number(fields, "epoch", message->epoch);
        set_hex(fields, "reserved_epoch", message->reserved_epoch, sizeof message->reserved_epoch);
    } else {
        set_number(fields, "reserved",
                   (uint32_t)(message->reserved_request[0] << 8 | message->reserved_request[1]));
        set_address(fields, "client", &message->client);
    }
}

static void set_pcp_data(json_t *fields, const struct pcp_message *message)
{
    const struct pcp_peer *peer = &message->data;
    const struct pcp_map *map = &peer->map;
    if (message->opcode == PCP_ANNOUNCE)
        return;
    set_hex(fields, "nonce", map->nonce, sizeof map->nonce);
    set_number(fields, "protocol", map->protocol);
    set_hex(fields, "map_reserved", map->reserved, sizeof map->reserved);
    set_number(fields, "internal_port", map->internal_port);
    set_number(fields, "external_port", map->external_port);
    set_address(fields, "external_address", &map->external_address);
    if (message->opcode != PCP_PEER)
        return;
    set_number(fields, "remote_port", peer->remote_port);
    set_hex(fields, "peer_reserved", peer->reserved, sizeof peer->reserved);
    set_address(fields, "remote_address", &peer->remote_address);
}

/* A text of the network's if it is plain ASCII: which of the other characters steer a terminal or turn a
 * line around is a matter of long tables. The octets are shown besides in any case. */
static void set_text(json_t *fields, const char *key, const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return;
    set(fields, key, json_stringn((const char *)text, length));
}

/* RFC 7225 */
static void set_prefix64(json_t *fields, const struct pcp_option *option)
{
    struct pcp_prefix64 prefix64;
    if (pcp_option_prefix64(option, &prefix64))
        return;
    set_address(fields, "nat64_prefix", &prefix64.prefix);
    set_number(fields, "nat64_prefix_octets", prefix64.octets);
    set_hex(fields, "nat64_suffix", prefix64.suffix, 12U - prefix64.octets);
    json_t *prefixes = json_array();
    for (size_t i = 0; i < prefix64.ipv4_count; i++) {
        json_t *one = json_object();
        uint16_t length;
        struct address address = pcp_prefix64_ipv4(&prefix64, i, &length);
        set_address(one, "address", &address);
        set_number(one, "prefix_length", length);
        (void)json_array_append_new(prefixes, one);
    }
    set(fields, "ipv4_prefixes", prefixes);
}

/* RFC 7753 */
static void set_port_set(json_t *fields, const struct pcp_option *option)
{
    struct pcp_port_set ports;
    if (pcp_option_port_set(option, &ports))
        return;
    set_number(fields, "port_set_size", ports.size);
    set_number(fields, "first_internal_port", ports.first_internal_port);
    set_number(fields, "port_set_reserved", ports.reserved);
    set(fields, "parity", json_boolean(ports.parity));
}

static json_t *pcp_option(const struct pcp_option *option)
{
    json_t *fields = json_object();
    set_number(fields, "code", option->code);
    set_name(fields, "code_name", pcp_option_name(option->code));
    set_number(fields, "reserved", option->reserved);
    set_number(fields, "length", option->length);
    set_hex(fields, "data", option->data, option->length);
    struct address internal;
    struct pcp_filter filter;
    if (option->code == PCP_THIRD_PARTY && !pcp_option_third_party(option, &internal))
        set_address(fields, "internal_address", &internal);
    if (option->code == PCP_FILTER && !pcp_option_filter(option, &filter)) {
        set_number(fields, "filter_reserved", filter.reserved);
        set_number(fields, "prefix_length", filter.prefix_length);
        set_number(fields, "remote_port", filter.remote_port);
        set_address(fields, "remote_address", &filter.remote_address);
    }
    if (option->code == PCP_DESCRIPTION)
        set_text(fields, "text", option->data, option->length);
    if (option->code == PCP_PREFIX64)
        set_prefix64(fields, option);
    if (option->code == PCP_PORT_SET)
        set_port_set(fields, option);
    return fields;
}

static enum pcp_fault set_pcp_options(json_t *fields, const struct pcp_message *message)
{
    json_t *options = json_array();
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault;
    while (pcp_option_next(message->options, message->options_length, &offset, &option, &fault))
        (void)json_array_append_new(options, pcp_option(&option));
    set(fields, "options", options);
    return fault;
}

static json_t *pcp_fields(const uint8_t *octets, size_t length)
{
    json_t *fields = json_object();
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    if (fault != PCP_FAULT_SHORT) {
        set_number(fields, "version", message.version);
        set(fields, "response", json_boolean(message.response));
        set_number(fields, "opcode", message.opcode);
        set_name(fields, "opcode_name", pcp_opcode_name(message.opcode));
        if (message.response) {
            set_number(fields, "result", message.result);
            set_name(fields, "result_name", pcp_result_name(message.result));
        }
        if (fault != PCP_FAULT_VERSION && fault != PCP_FAULT_HEADER_CUT)
            set_pcp_header(fields, &message);
    }
    if (message.options) {
        set_pcp_data(fields, &message);
        enum pcp_fault option_fault = set_pcp_options(fields, &message);
        if (!fault)
            fault = option_fault;
    }
    if (fault)
        set_name(fields, "fault", pcp_fault_text(fault));
    return fields;
}

/* --- NAT-PMP ------------------------------------------------------------------------------- */

static void set_natpmp_data(json_t *fields, const struct natpmp_message *message)
{
    if (message->response)
        set_number(fields, "epoch", message->epoch);
    if (message->result == NATPMP_UNSUPPORTED_VERSION)
        return;
    if (message->opcode == NATPMP_ADDRESS) {
        struct address external = address_from_ipv4(message->external_address);
        if (message->response)
            set_address(fields, "external_address", &external);
        return;
    }
    if (!message->response)
        set_number(fields, "reserved",
                   (uint32_t)(message->reserved[0] << 8 | message->reserved[1]));
    set_number(fields, "internal_port", message->internal_port);
    set_number(fields, "external_port", message->external_port);
    set_number(fields, "lifetime", message->lifetime);
}

static json_t *natpmp_fields(const uint8_t *octets, size_t length)
{
    json_t *fields = json_object();
    struct natpmp_message message;
    enum natpmp_fault fault = natpmp_decode(octets, length, &message);
    if (fault != NATPMP_FAULT_SHORT) {
        set_number(fields, "version", message.version);
        set(fields, "response", json_boolean(message.response));
        set_number(fields, "opcode", message.opcode);
        set_name(fields, "opcode_name", natpmp_opcode_name(message.opcode));
        if (message.response && length >= 4) {
            set_number(fields, "result", message.result);
            set_name(fields, "result_name", natpmp_result_name(message.result));
        }
    }
    if (fault == NATPMP_FAULT_NONE || fault == NATPMP_FAULT_LONG)
        set_natpmp_data(fields, &message);
    if (fault)
        set_name(fields, "fault", natpmp_fault_text(fault));
    return fields;
}

/* --- CoAP ---------------------------------------------------------------------------------- */

static json_t *coap_option(const struct coap_message_option *option)
{
    json_t *fields = json_object();
    set_number(fields, "number", option->number);
    set_name(fields, "number_name", coap_message_option_name(option->number));
    set_number(fields, "length", (uint32_t)option->length);
    set_hex(fields, "value", option->value, option->length);
    return fields;
}

static json_t *coap_fields(const uint8_t *octets, size_t length)
{
    json_t *fields = json_object();
    struct coap_message message;
    char code[COAP_MESSAGE_CODE_TEXT_SIZE];
    enum coap_message_fault fault = coap_message_decode(octets, length, &message);
    if (fault != COAP_FAULT_SHORT)
        set_number(fields, "version", message.version);
    if (fault != COAP_FAULT_SHORT && fault != COAP_FAULT_VERSION) {
        set_number(fields, "type", message.type);
        set_name(fields, "type_name", coap_message_type_name(message.type));
        set_number(fields, "code", message.code);
        set_name(fields, "code_name", coap_message_code_text(message.code, code));
        set_number(fields, "message_id", message.message_id);
    }
    if (message.token) {
        json_t *options = json_array();
        struct coap_message_walk walk = {0};
        struct coap_message_option option;
        while (coap_message_next_option(&message, &walk, &option))
            (void)json_array_append_new(options, coap_option(&option));
        set_hex(fields, "token", message.token, message.token_length);
        set(fields, "options", options);
    }
    if (message.payload)
        set_hex(fields, "payload", message.payload, message.payload_length);
    if (fault)
        set_name(fields, "fault", coap_message_fault_text(fault));
    return fields;
}

json_t *decode_fields(enum protocol protocol, const uint8_t *octets, size_t length)
{
    static json_t *(*const decoders[PROTOCOL_COUNT])(const uint8_t *octets, size_t length) = {
        [PROTOCOL_PCP] = pcp_fields,
        [PROTOCOL_NAT_PMP] = natpmp_fields,
        [PROTOCOL_COAP] = coap_fields,
    };
    return decoders[protocol] ? decoders[protocol](octets, length) : NULL;
}
