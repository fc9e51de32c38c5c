/* pinhole-gateway: a PCP and NAT-PMP server, or a PCP proxy, with its NAT and firewall. */
#include "node/common/clock.h"
#include "node/common/say.h"
#include "node/gateway/backend.h"
#include "node/gateway/config.h"
#include "node/gateway/defect.h"
#include "node/gateway/gateway.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

int main(int argument_count, char **arguments)
{
    static struct config config;
    struct error error = {{0}};
    if (say_version(argument_count, arguments))
        return 0;
    if (config_read(&config, argument_count, arguments, &error)) {
        complain("%s", error.text);
        return EXIT_USAGE;
    }
    if (config.help) {
        config_help(stdout);
        return 0;
    }
    if (config.list_defects) {
        defect_list(stdout);
        return 0;
    }
    if (!backend_find(config.backend)) {
        complain("backend: expected nftables or none, got '%s'", config.backend);
        return EXIT_USAGE;
    }
    if (config.check)
        return 0;
    clock_set_scale(config.time_scale);
    if (gateway_run(&config, &error)) {
        complain("%s", error.text);
        return EXIT_FAILED;
    }
    return 0;
}
