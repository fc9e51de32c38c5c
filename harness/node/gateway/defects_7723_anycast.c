/* Defects at the anycast addresses, RFC 7723. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"

static void answer_by_the_route(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    if (*length)
        defect_send(defect->config->inside[0], NULL, PCP_SERVER_PORT, &exchange->came.source,
                    exchange->came.source_port, octets, *length);
    *length = 0;
}

static void leave_nothing_off(struct defect *defect, struct config *config)
{
    (void)defect;
    config->anycast = true;
}

const struct defect_hooks defects_7723_anycast[] = {
    {.name = "ignores-the-anycast-address",
     .ruleset = "table inet pinhole_defect {\n"
                " chain deaf { type filter hook prerouting priority raw;\n"
                "  ip daddr 192.0.0.9 udp dport 5351 drop\n"
                "  ip6 daddr 2001:1::1 udp dport 5351 drop\n"
                " }\n"
                "}\n"},
    {.name = "maps-nothing-at-the-anycast-address",
     .ruleset = "table inet pinhole_defect {\n"
                " chain deaf { type filter hook prerouting priority raw;\n"
                "  ip daddr 192.0.0.9 udp dport 5351 udp length > 32 drop\n"
                "  ip6 daddr 2001:1::1 udp dport 5351 udp length > 32 drop\n"
                " }\n"
                "}\n"},
    {.name = "answers-anycast-from-its-own-address", .answer = answer_by_the_route},
    {.name = "cannot-leave-anycast-off", .configure = leave_nothing_off},
    {.name = NULL},
};
