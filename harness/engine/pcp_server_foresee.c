/* What a request is going to ask of the device. */
#include "engine/pcp_server_internal.h"

bool pcp_server_foresee(const struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_flow_key *key)
{
    struct pcp_message request;
    /* A new MAP by its own host is all that comes in numbers; the rest is asked for one by one. */
    if (!server->device.outbound || input->side != PCP_SERVER_INSIDE ||
        pcp_decode(input->octets, input->length, &request) != PCP_FAULT_NONE || request.response ||
        request.opcode != PCP_MAP || request.lifetime == 0 || request.data.map.internal_port == 0 ||
        request.options_length != 0 || !address_is_ipv4(&input->source))
        return false;
    const struct pcp_map *map = &request.data.map;
    uint16_t realm = pcp_server_realm_of(&server->policy, &input->source);
    uint32_t host = pcp_table_host_find(&server->table, &input->source, realm);
    if (pcp_table_binding_find(&server->table, host, map->protocol, map->internal_port))
        return false;
    *key = (struct pcp_server_flow_key){.protocol = map->protocol,
                                        .internal = input->source,
                                        .realm = realm,
                                        .internal_port = map->internal_port};
    return true;
}
