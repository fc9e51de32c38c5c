/* The fields of PCP messages. */
#include "check/expect_field.h"

#include <stdio.h>
#include <string.h>

enum { PROTOCOL_UDP = 17 };

static const struct field_word kinds[] = {{"request", 0}, {"response", 1}, {NULL, 0}};

static const struct field_word opcodes[] = {
    {"ANNOUNCE", PCP_ANNOUNCE}, {"MAP", PCP_MAP}, {"PEER", PCP_PEER}, {NULL, 0}};

static const struct field_word results[] = {
    {"SUCCESS", PCP_SUCCESS},
    {"UNSUPP_VERSION", PCP_UNSUPP_VERSION},
    {"NOT_AUTHORIZED", PCP_NOT_AUTHORIZED},
    {"MALFORMED_REQUEST", PCP_MALFORMED_REQUEST},
    {"UNSUPP_OPCODE", PCP_UNSUPP_OPCODE},
    {"UNSUPP_OPTION", PCP_UNSUPP_OPTION},
    {"MALFORMED_OPTION", PCP_MALFORMED_OPTION},
    {"NETWORK_FAILURE", PCP_NETWORK_FAILURE},
    {"NO_RESOURCES", PCP_NO_RESOURCES},
    {"UNSUPP_PROTOCOL", PCP_UNSUPP_PROTOCOL},
    {"USER_EX_QUOTA", PCP_USER_EX_QUOTA},
    {"CANNOT_PROVIDE_EXTERNAL", PCP_CANNOT_PROVIDE_EXTERNAL},
    {"ADDRESS_MISMATCH", PCP_ADDRESS_MISMATCH},
    {"EXCESSIVE_REMOTE_PEERS", PCP_EXCESSIVE_REMOTE_PEERS},
    {NULL, 0},
};

static const struct field_word options[] = {{"THIRD_PARTY", PCP_THIRD_PARTY},
                                            {"PREFER_FAILURE", PCP_PREFER_FAILURE},
                                            {"FILTER", PCP_FILTER},
                                            {NULL, 0}};

/* A message with a fault is still one, as long as it can be told from noise; the fields that it lacks
 * have no value. */
bool decode_pcp(const struct event *event, struct sighting *sighting)
{
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_UDP || packet->payload_length == 0)
        return false;
    if (packet->source_port != PCP_SERVER_PORT && packet->destination_port != PCP_SERVER_PORT)
        return false;
    if (packet->payload[0] == 0) /* NAT-PMP: RFC 6887 appendix A */
        return false;
    enum pcp_fault fault = pcp_decode(packet->payload, packet->payload_length, &sighting->as.pcp);
    return fault != PCP_FAULT_SHORT;
}

static bool has_data(const struct sighting *s)
{
    uint8_t opcode = s->as.pcp.opcode;
    size_t length = opcode == PCP_MAP ? PCP_MAP_LENGTH : PCP_PEER_LENGTH;
    return (opcode == PCP_MAP || opcode == PCP_PEER) &&
           s->event->packet.payload_length >= PCP_HEADER_LENGTH + length;
}

static bool has_header(const struct sighting *s)
{
    return s->event->packet.payload_length >= PCP_HEADER_LENGTH;
}

static bool read_version(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.version;
    return index == 0;
}

static bool read_kind(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.response;
    return index == 0;
}

static bool read_opcode(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.opcode;
    return index == 0;
}

static bool read_result(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.result;
    return index == 0 && s->as.pcp.response && s->event->packet.payload_length >= 4;
}

static bool read_lifetime(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.lifetime;
    return index == 0 && has_header(s);
}

static bool read_epoch(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.epoch;
    return index == 0 && s->as.pcp.response && has_header(s);
}

static bool read_client(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->as.pcp.client;
    return index == 0 && !s->as.pcp.response && has_header(s);
}

static bool read_nonce(const struct sighting *s, size_t index, struct field_value *value)
{
    if (index > 0 || !has_data(s))
        return false;
    for (size_t i = 0; i < PCP_NONCE_LENGTH; i++)
        (void)snprintf(value->text + 2 * i, 3, "%02x", s->as.pcp.data.map.nonce[i]);
    return true;
}

static bool read_protocol(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.data.map.protocol;
    return index == 0 && has_data(s);
}

static bool read_internal_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.data.map.internal_port;
    return index == 0 && has_data(s);
}

static bool read_external_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.data.map.external_port;
    return index == 0 && has_data(s);
}

static bool read_external_address(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->as.pcp.data.map.external_address;
    return index == 0 && has_data(s);
}

static bool read_remote_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.pcp.data.remote_port;
    return index == 0 && s->as.pcp.opcode == PCP_PEER && has_data(s);
}

static bool read_remote_address(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->as.pcp.data.remote_address;
    return index == 0 && s->as.pcp.opcode == PCP_PEER && has_data(s);
}

static bool find_option(const struct sighting *s, size_t index, struct pcp_option *option)
{
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    if (!s->as.pcp.options)
        return false;
    for (size_t i = 0; i <= index; i++)
        if (!pcp_option_next(s->as.pcp.options, s->as.pcp.options_length, &offset, option, &fault))
            return false;
    return true;
}

static bool read_option(const struct sighting *s, size_t index, struct field_value *value)
{
    struct pcp_option option;
    if (!find_option(s, index, &option))
        return false;
    value->number = option.code;
    return true;
}

static bool read_third_party(const struct sighting *s, size_t index, struct field_value *value)
{
    struct pcp_option option;
    if (index > 0)
        return false;
    for (size_t i = 0; find_option(s, i, &option); i++)
        if (option.code == PCP_THIRD_PARTY)
            return pcp_option_third_party(&option, &value->address) == PCP_FAULT_NONE;
    return false;
}

const struct field field_pcp[] = {
    {"kind", FIELD_NUMBER, kinds, read_kind},
    {"version", FIELD_NUMBER, NULL, read_version},
    {"opcode", FIELD_NUMBER, opcodes, read_opcode},
    {"result", FIELD_NUMBER, results, read_result},
    {"lifetime", FIELD_NUMBER, NULL, read_lifetime},
    {"epoch", FIELD_NUMBER, NULL, read_epoch},
    {"client-address", FIELD_ADDRESS, NULL, read_client},
    {"nonce", FIELD_TEXT, NULL, read_nonce},
    {"protocol", FIELD_NUMBER, field_transports, read_protocol},
    {"internal-port", FIELD_NUMBER, NULL, read_internal_port},
    {"external-port", FIELD_NUMBER, NULL, read_external_port},
    {"external-address", FIELD_ADDRESS, NULL, read_external_address},
    {"remote-port", FIELD_NUMBER, NULL, read_remote_port},
    {"remote-address", FIELD_ADDRESS, NULL, read_remote_address},
    {"option", FIELD_NUMBER, options, read_option},
    {"third-party", FIELD_ADDRESS, NULL, read_third_party},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
