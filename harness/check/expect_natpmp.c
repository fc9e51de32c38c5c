/* The fields of NAT-PMP messages (RFC 6886). */
#include "check/expect_field.h"

enum { PROTOCOL_UDP = 17, PROTOCOL_TCP = 6 };

static const struct field_word kinds[] = {{"request", 0}, {"response", 1}, {NULL, 0}};

static const struct field_word opcodes[] = {{"ADDRESS", NATPMP_ADDRESS},
                                            {"MAP-UDP", NATPMP_MAP_UDP},
                                            {"MAP-TCP", NATPMP_MAP_TCP},
                                            {NULL, 0}};

static const struct field_word results[] = {
    {"SUCCESS", NATPMP_SUCCESS},
    {"UNSUPP_VERSION", NATPMP_UNSUPPORTED_VERSION},
    {"NOT_AUTHORIZED", NATPMP_NOT_AUTHORIZED},
    {"NETWORK_FAILURE", NATPMP_NETWORK_FAILURE},
    {"NO_RESOURCES", NATPMP_OUT_OF_RESOURCES},
    {"UNSUPP_OPCODE", NATPMP_UNSUPPORTED_OPCODE},
    {NULL, 0},
};

bool decode_natpmp(const struct event *event, struct sighting *sighting)
{
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_UDP || packet->payload_length == 0)
        return false;
    if (packet->source_port != PCP_SERVER_PORT && packet->destination_port != PCP_SERVER_PORT)
        return false;
    if (!natpmp_recognise(packet->payload, packet->payload_length))
        return false;
    enum natpmp_fault fault =
        natpmp_decode(packet->payload, packet->payload_length, &sighting->as.natpmp);
    return fault != NATPMP_FAULT_SHORT && fault != NATPMP_FAULT_VERSION;
}

/* Requests that map, and the answers to them that are long enough to say where. */
static bool has_mapping(const struct sighting *s)
{
    size_t length = s->as.natpmp.response ? NATPMP_MAP_RESPONSE_LENGTH : NATPMP_MAP_REQUEST_LENGTH;
    return (s->as.natpmp.opcode == NATPMP_MAP_UDP || s->as.natpmp.opcode == NATPMP_MAP_TCP) &&
           s->event->packet.payload_length >= length;
}

static bool read_kind(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.response;
    return index == 0;
}

static bool read_opcode(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.opcode;
    return index == 0;
}

static bool read_result(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.result;
    return index == 0 && s->as.natpmp.response && s->event->packet.payload_length >= 4;
}

static bool read_epoch(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.epoch;
    return index == 0 && s->as.natpmp.response &&
           s->event->packet.payload_length >= NATPMP_UNSUPPORTED_VERSION_LENGTH;
}

static bool read_protocol(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.opcode == NATPMP_MAP_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    return index == 0 && has_mapping(s);
}

static bool read_internal_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.internal_port;
    return index == 0 && has_mapping(s);
}

static bool read_external_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.external_port;
    return index == 0 && has_mapping(s);
}

static bool read_lifetime(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->as.natpmp.lifetime;
    return index == 0 && has_mapping(s);
}

static bool read_external_address(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = address_from_ipv4(s->as.natpmp.external_address);
    return index == 0 && s->as.natpmp.response && s->as.natpmp.opcode == NATPMP_ADDRESS &&
           s->event->packet.payload_length >= NATPMP_ADDRESS_RESPONSE_LENGTH;
}

const struct field field_natpmp[] = {
    {"kind", FIELD_NUMBER, kinds, read_kind},
    {"opcode", FIELD_NUMBER, opcodes, read_opcode},
    {"result", FIELD_NUMBER, results, read_result},
    {"epoch", FIELD_NUMBER, NULL, read_epoch},
    {"protocol", FIELD_NUMBER, field_transports, read_protocol},
    {"internal-port", FIELD_NUMBER, NULL, read_internal_port},
    {"external-port", FIELD_NUMBER, NULL, read_external_port},
    {"external-address", FIELD_ADDRESS, NULL, read_external_address},
    {"lifetime", FIELD_NUMBER, NULL, read_lifetime},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
