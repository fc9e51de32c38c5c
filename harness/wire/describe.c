#include "wire/describe.h"

#include "wire/coap.h"
#include "wire/describe_line.h"
#include "wire/lwm2m.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <string.h>

/* As it is, if printable ASCII and none of special; percent-encoded otherwise. */
static void add_encoded(struct line *line, const uint8_t *octets, size_t length,
                        const char *special)
{
    for (size_t i = 0; i < length; i++) {
        if (octets[i] >= ' ' && octets[i] < 0x7f && !strchr(special, octets[i]))
            line_add(line, "%c", octets[i]);
        else
            line_add(line, "%%%02X", octets[i]);
    }
}

/* As RFC 7252 section 6.5 writes URIs. */
static void add_text(struct line *line, const uint8_t *octets, size_t length)
{
    add_encoded(line, octets, length, " %");
}

static void add_endpoint(struct line *line, const struct address *address, uint16_t port)
{
    char text[ADDRESS_TEXT_SIZE];
    line_add(line, address_is_ipv4(address) ? "%s:%u" : "[%s]:%u", address_format(address, text),
             port);
}

/* --- PCP ----------------------------------------------------------------------------------- */

static void add_protocol_and_port(struct line *line, const struct pcp_map *map)
{
    static const struct {
        uint8_t number;
        const char *name;
    } protocols[] = {{17, "udp"}, {6, "tcp"}, {132, "sctp"}, {33, "dccp"}, {0, "all protocols"}};

    const char *name = NULL;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0] && !name; i++)
        if (protocols[i].number == map->protocol)
            name = protocols[i].name;
    line_add(line, " ");
    line_add_name(line, name, "protocol", map->protocol);
    if (map->internal_port)
        line_add(line, " %u", map->internal_port);
    else if (map->protocol)
        line_add(line, " all ports");
}

static void add_suggestion(struct line *line, const struct pcp_map *map)
{
    line_add(line, " suggested ");
    if (!address_is_any(&map->external_address) || map->external_port)
        add_endpoint(line, &map->external_address, map->external_port);
    else
        line_add(line, address_is_ipv4(&map->external_address) ? "any" : "any IPv6");
}

static void add_mapping(struct line *line, const struct pcp_message *message)
{
    const struct pcp_map *map = &message->data.map;
    add_protocol_and_port(line, map);
    if (message->opcode == PCP_PEER) {
        line_add(line, " to ");
        add_endpoint(line, &message->data.remote_address, message->data.remote_port);
    }
    if (message->response && message->result == PCP_SUCCESS) {
        line_add(line, " -> ");
        add_endpoint(line, &map->external_address, map->external_port);
    }
    line_add(line, " lifetime %u", message->lifetime);
    if (message->response)
        return;
    line_add(line, " nonce %02x%02x%02x%02x..", map->nonce[0], map->nonce[1], map->nonce[2],
             map->nonce[3]);
    add_suggestion(line, map);
}

static void add_filter(struct line *line, const struct pcp_option *option)
{
    struct pcp_filter filter;
    char text[ADDRESS_TEXT_SIZE];
    if (pcp_option_filter(option, &filter))
        return;
    if (filter.prefix_length == 0) {
        line_add(line, " none");
        return;
    }
    /* Section 13.3 counts 96 bits of the mapped form too; people write IPv4 prefixes without. One that
     * can't be of IPv4 is shown as it stands. */
    bool mapped = address_is_ipv4(&filter.remote_address);
    bool ipv4 = mapped && filter.prefix_length >= 96 && filter.prefix_length <= 128;
    line_add(line, " %s%s/%u", mapped && !ipv4 ? "::ffff:" : "",
             address_format(&filter.remote_address, text),
             filter.prefix_length - (ipv4 ? 96U : 0U));
    if (filter.remote_port)
        line_add(line, " port %u", filter.remote_port);
}

static enum pcp_fault add_options(struct line *line, const struct pcp_message *message)
{
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault;
    while (pcp_option_next(message->options, message->options_length, &offset, &option, &fault)) {
        line_add(line, " + ");
        line_add_name(line, pcp_option_name(option.code), "option", option.code);
        struct address internal;
        char text[ADDRESS_TEXT_SIZE];
        if (option.code == PCP_THIRD_PARTY && !pcp_option_third_party(&option, &internal))
            line_add(line, " %s", address_format(&internal, text));
        else if (option.code == PCP_FILTER)
            add_filter(line, &option);
    }
    return fault;
}

size_t pcp_describe(const uint8_t *octets, size_t length, char *text, size_t size)
{
    struct line line = line_begin(text, size);
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    if (fault == PCP_FAULT_SHORT) {
        line_add(&line, "PCP [%s]", pcp_fault_text(fault));
        return line.length;
    }
    if (fault == PCP_FAULT_VERSION)
        line_add(&line, "version %u ", message.version);
    line_add_name(&line, pcp_opcode_name(message.opcode), "opcode", message.opcode);
    line_add(&line, message.response ? " response" : " request");
    if (message.response) {
        line_add(&line, " ");
        line_add_name(&line, pcp_result_name(message.result), "result", message.result);
    }
    if (message.options && message.opcode != PCP_ANNOUNCE)
        add_mapping(&line, &message);
    else if (message.lifetime)
        line_add(&line, " lifetime %u", message.lifetime);
    if (message.response && fault != PCP_FAULT_VERSION && fault != PCP_FAULT_HEADER_CUT)
        line_add(&line, " epoch %u", message.epoch);
    if (message.options) {
        enum pcp_fault option_fault = add_options(&line, &message);
        if (!fault)
            fault = option_fault;
    }
    if (fault)
        line_add(&line, " [%s]", pcp_fault_text(fault));
    return line.length;
}

/* --- NAT-PMP ------------------------------------------------------------------------------- */

static void add_natpmp_mapping(struct line *line, const struct natpmp_message *message)
{
    if (!message->response)
        line_add(line, " %u suggested %u", message->internal_port, message->external_port);
    else if (message->result == NATPMP_SUCCESS)
        line_add(line, " %u -> %u", message->internal_port, message->external_port);
    else
        line_add(line, " %u", message->internal_port);
    line_add(line, " lifetime %u", message->lifetime);
}

size_t natpmp_describe(const uint8_t *octets, size_t length, char *text, size_t size)
{
    struct line line = line_begin(text, size);
    struct natpmp_message message;
    enum natpmp_fault fault = natpmp_decode(octets, length, &message);
    line_add(&line, "NAT-PMP");
    bool readable = fault == NATPMP_FAULT_NONE || fault == NATPMP_FAULT_LONG;
    if (fault != NATPMP_FAULT_SHORT && fault != NATPMP_FAULT_VERSION) {
        if (message.result != NATPMP_UNSUPPORTED_VERSION) { /* whose opcode 0 means nothing */
            line_add(&line, " ");
            line_add_name(&line, natpmp_opcode_name(message.opcode), "opcode", message.opcode);
        }
        line_add(&line, message.response ? " response " : " request");
        if (message.response)
            line_add_name(&line, natpmp_result_name(message.result), "result", message.result);
    }
    if (readable && message.result != NATPMP_UNSUPPORTED_VERSION) {
        if (message.opcode != NATPMP_ADDRESS)
            add_natpmp_mapping(&line, &message);
        else if (message.response && message.result == NATPMP_SUCCESS)
            line_add(&line, " %u.%u.%u.%u", message.external_address[0],
                     message.external_address[1], message.external_address[2],
                     message.external_address[3]);
    }
    if (readable && message.response)
        line_add(&line, " epoch %u", message.epoch);
    if (fault)
        line_add(&line, " [%s]", natpmp_fault_text(fault));
    return line.length;
}

/* --- CoAP ---------------------------------------------------------------------------------- */

enum {
    OPTION_OBSERVE = 6,
    OPTION_LOCATION_PATH = 8,
    OPTION_URI_PATH = 11,
    OPTION_CONTENT_FORMAT = 12,
    OPTION_URI_QUERY = 15,
    OPTION_ACCEPT = 17,
    OPTION_BLOCK2 = 23,
    OPTION_BLOCK1 = 27
};

enum { TEXT_SHOWN = 40 }; /* octets of a payload that is text */

/* Options whose values are text: what stands in front of the first of a kind, and of the others. */
static const struct {
    uint32_t number;
    const char *first, *other;
} text_options[] = {
    {OPTION_URI_PATH, " /", "/"}, /* as in a URI, RFC 7252 section 6.5 */
    {OPTION_URI_QUERY, "?", "&"},
    {OPTION_LOCATION_PATH, " at /", "/"},
};

/* An answer that is acknowledged at once begins an observation; those that come by themselves notify. */
static void add_observe(struct line *line, const struct coap_message *message, uint32_t number)
{
    if (coap_message_is_request(message))
        line_add(line, number ? " stop observing" : " observe");
    else
        line_add(line, message->type == COAP_TYPE_ACKNOWLEDGEMENT ? " observe %u" : " notify %u",
                 number);
}

/* "2:1/0/64": the second of Block2, the last, of 64 octets (RFC 7959 section 3). */
static void add_block(struct line *line, unsigned which, uint32_t value)
{
    line_add(line, " %u:%u/%u/%u", which, value >> 4, value >> 3 & 1, 16U << (value & 7));
}

static void add_coap_options(struct line *line, const struct coap_message *message)
{
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    uint32_t previous = 0;
    while (coap_message_next_option(message, &walk, &option)) {
        for (size_t i = 0; i < sizeof text_options / sizeof text_options[0]; i++) {
            if (text_options[i].number != option.number)
                continue;
            line_add(line, "%s",
                     option.number == previous ? text_options[i].other : text_options[i].first);
            add_text(line, option.value, option.length);
        }
        uint32_t number = coap_message_option_uint(&option);
        if (option.number == OPTION_OBSERVE)
            add_observe(line, message, number);
        else if (option.number == OPTION_ACCEPT) {
            line_add(line, " accept ");
            line_add_name(line, lwm2m_format_name(number), "format", number);
        } else if (option.number == OPTION_BLOCK1 || option.number == OPTION_BLOCK2)
            add_block(line, option.number == OPTION_BLOCK1 ? 1 : 2, number);
        previous = option.number;
    }
}

/* " tlv 27 octets", or a short text itself. */
static void add_coap_payload(struct line *line, const struct coap_message *message)
{
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    uint32_t format = LWM2M_FORMAT_NONE;
    while (coap_message_next_option(message, &walk, &option))
        if (option.number == OPTION_CONTENT_FORMAT)
            format = coap_message_option_uint(&option);
    if (!message->payload_length)
        return;
    if (format != LWM2M_FORMAT_NONE) {
        line_add(line, " ");
        line_add_name(line, lwm2m_format_name(format), "format", format);
    }
    if (format != LWM2M_FORMAT_TEXT || message->payload_length > TEXT_SHOWN) {
        line_add(line, " %zu octets", message->payload_length);
        return;
    }
    line_add(line, " \"");
    add_encoded(line, message->payload, message->payload_length, "%\"");
    line_add(line, "\"");
}

size_t coap_describe(const uint8_t *octets, size_t length, char *text, size_t size)
{
    struct line line = line_begin(text, size);
    struct coap_message message;
    enum coap_message_fault fault = coap_message_decode(octets, length, &message);
    if (fault == COAP_FAULT_SHORT || fault == COAP_FAULT_VERSION) {
        line_add(&line, "CoAP [%s]", coap_message_fault_text(fault));
        return line.length;
    }
    char code[COAP_MESSAGE_CODE_TEXT_SIZE];
    const char *name = coap_message_code_name(message.code);
    line_add(&line, "%s", coap_message_type_name(message.type));
    if (message.code)
        line_add(&line, " %s", coap_message_code_text(message.code, code));
    if (name && !coap_message_is_request(&message) && message.code)
        line_add(&line, " %s", name);
    add_coap_options(&line, &message);
    line_add(&line, " [mid %u]", message.message_id);
    add_coap_payload(&line, &message);
    if (fault)
        line_add(&line, " [%s]", coap_message_fault_text(fault));
    return line.length;
}
