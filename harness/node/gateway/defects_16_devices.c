/* Defects in how mappings live beside flows, in SCTP and in quotas, RFC 6887 sections 16 and 17.2. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"

enum { OFFSET_RESULT = 3, SCTP = 132 };

static void say_no_resources(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (defect_read(octets, *length, &response) && response.opcode == PCP_MAP &&
        response.data.map.protocol == SCTP && response.result == PCP_CANNOT_PROVIDE_EXTERNAL)
        octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
}

static void forget_the_quota(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.mappings_per_host = UINT16_MAX;
}

/* number[0]: mappings made so far, of anyone. */
static bool count_all(struct defect *defect, struct pcp_server_change *change)
{
    defect->number[0] += change->kind == PCP_SERVER_CREATED;
    return true;
}

static void withhold_beyond_the_quota(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (defect_read(exchange->came.octets, exchange->came.length, &request) &&
        request.opcode == PCP_MAP && defect->number[0] >= defect->config->policy.mappings_per_host)
        exchange->input->length = 0;
}

static void refuse_for_the_quota(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    if (exchange->input->length == 0 && exchange->came.length > 0)
        defect_refuse(defect, exchange, PCP_USER_EX_QUOTA, defect->config->policy.short_error,
                      octets, length);
}

const struct defect_hooks defects_16_devices[] = {
    {.name = "lets-flows-take-mapped-ports",
     .ruleset = "table ip pinhole_defect {\n"
                " map takers { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout;"
                " size 1024; }\n"
                " chain notes { type filter hook postrouting priority 310;\n"
                "  meta l4proto udp ct direction original update @takers { ct original proto-src"
                " timeout 5m : ct original ip saddr . ct original proto-src }\n"
                " }\n"
                " chain takes { type nat hook prerouting priority dstnat - 2;\n"
                "  meta l4proto udp dnat to udp dport map @takers\n"
                " }\n"
                "}\n"},
    {.name = "ends-mappings-with-outbound-flows",
     .ruleset = "table ip pinhole_defect {\n"
                " set closed { type inet_service; flags dynamic,timeout; timeout 1h; size 1024; }\n"
                " chain ends { type filter hook forward priority filter;\n"
                "  ct status & dnat == 0 tcp flags & (fin | rst) != 0 add @closed"
                " { ct original proto-src }\n"
                " }\n"
                " chain begins { type filter hook prerouting priority mangle;\n"
                "  ct state new tcp dport @closed drop\n"
                " }\n"
                "}\n"},
    {.name = "calls-sctp-ports-lack-of-resources", .answer = say_no_resources},
    {.name = "limits-no-host", .configure = forget_the_quota},
    {.name = "has-one-quota-for-all",
     .request = withhold_beyond_the_quota,
     .answer = refuse_for_the_quota,
     .change = count_all},
    {.name = NULL},
};
