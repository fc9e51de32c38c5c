/* Defects in hairpinning, RFC 4787 REQ-9. */
#include "node/gateway/defect.h"

/* Of all that is forwarded, only hairpinned packets leave by the interface that they came in on, their destination
 * translated. */
const struct defect_hooks defects_4787_hairpinning[] = {
    {.name = "does-not-hairpin",
     .ruleset = "table ip pinhole_defect {\n"
                " chain straight { type filter hook forward priority filter;\n"
                "  ct status dnat ip saddr 192.168.0.0/16 ip daddr 192.168.0.0/16 drop\n"
                " }\n"
                "}\n"},
    {.name = "hairpins-internal-sources",
     .ruleset =
         "table ip pinhole_defect {\n"
         " chain as_it_is { type nat hook postrouting priority srcnat - 2;\n"
         "  ct status dnat ip saddr 192.168.0.0/16 ip daddr 192.168.0.0/16 snat to ip saddr\n"
         " }\n"
         "}\n"},
    {.name = NULL},
};
