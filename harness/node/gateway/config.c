#include "node/gateway/config.h"

#include "node/gateway/config_keys.h"
#include "node/gateway/config_realms.h"
#include "node/gateway/defect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 16384 };

/* --- files, arguments, environment ---------------------------------------------------------- */

static int split(char *text, struct config_line *line, struct error *error)
{
    char *rest = NULL;
    line->count = 0;
    text[strcspn(text, "#\n")] = '\0';
    for (char *word = strtok_r(text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (line->count == CONFIG_WORDS)
            return error_set(error, "%s: expected at most %d words", line->where, CONFIG_WORDS);
        line->words[line->count++] = word;
    }
    return 0;
}

int config_read_file(struct config *config, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set_errno(error, errno, "policy file %s", path);
    char text[LINE];
    char where[300];
    int result = 0;
    for (unsigned int number = 1; result == 0 && fgets(text, sizeof text, file); number++) {
        struct config_line line = {.where = where};
        snprintf(where, sizeof where, "%.256s:%u", path, number);
        result = split(text, &line, error);
        if (result == 0)
            result = config_read_line(config, &line, error);
    }
    fclose(file);
    return result;
}

/* "--KEY VALUE VALUE", up to the next option, is the line "KEY VALUE VALUE". */
static int read_arguments(struct config *config, int argument_count, char *const *arguments,
                          struct error *error)
{
    for (int i = 1; i < argument_count;) {
        struct config_line line = {.where = "command line"};
        if (strncmp(arguments[i], "--", 2) != 0)
            return error_set(error, "command line: expected --KEY, got '%s'", arguments[i]);
        line.words[line.count++] = arguments[i++] + 2;
        while (i < argument_count && strncmp(arguments[i], "--", 2) != 0 &&
               line.count < CONFIG_WORDS)
            line.words[line.count++] = arguments[i++];
        if (strcmp(line.words[0], "check") == 0)
            config->check = true;
        else if (strcmp(line.words[0], "help") == 0)
            config->help = true;
        else if (config_read_line(config, &line, error))
            return -1;
    }
    return 0;
}

static int read_environment(struct config *config, struct error *error)
{
    static const struct {
        const char *variable;
        const char *key;
    } variables[] = {{"PINHOLE_POLICY", "policy"},
                     {"PINHOLE_INSIDE", "inside"},
                     {"PINHOLE_OUTSIDE", "outside"},
                     {"PINHOLE_STATE", "state"},
                     {"PINHOLE_TIME_SCALE", "time-scale"},
                     {"PINHOLE_MINIMUM_LIFETIME", "minimum-lifetime"},
                     {"PINHOLE_MAXIMUM_LIFETIME", "maximum-lifetime"}};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i].variable);
        char text[LINE];
        if (!value || !*value)
            continue;
        struct config_line line = {.where = variables[i].variable};
        snprintf(text, sizeof text, "%s %s", variables[i].key, value);
        if (split(text, &line, error) || config_read_line(config, &line, error))
            return -1;
    }
    return 0;
}

bool config_is_proxy(const struct config *config)
{
    return config->upstream_auto || config->upstream_count;
}

/* What a proxy's policy must be: what the server upstream decides, or tells, isn't done here. */
static int check_proxy(struct config *config, struct error *error)
{
    struct pcp_server_policy *policy = &config->policy;
    if (!config->outside[0])
        return error_set(error, "expected an outside interface (--outside NAME) for --upstream");
    if (policy->ipv4_firewall)
        return error_set(error, "expected translation where --upstream is, not --ipv4-firewall");
    policy->proxy = true;
    policy->ports_per_set = 0; /* a set upstream would be one port here */
    policy->relay_unknown = config->relay_unknown;
    policy->nat_pmp = false;
    policy->mapping_updates = false;
    return 0;
}

static int check(struct config *config, struct error *error)
{
    config->policy.external = config->external;
    config->policy.third_party_clients = config->third_party_clients;
    config->policy.inside = config->inside_prefixes;
    config->policy.rules = config->rules;
    config->policy.prefix64 = config->prefix64;
    if (config_check_realms(config, error))
        return -1;
    if (config->inside_count == 0)
        return error_set(error, "expected an inside interface (--inside NAME)");
    if (config->external_auto && !config->outside[0])
        return error_set(error, "expected an outside interface (--outside NAME), or --external");
    if (config_is_proxy(config) && check_proxy(config, error))
        return -1;
    return pcp_server_policy_check(&config->policy, error);
}

int config_read(struct config *config, int argument_count, char *const *arguments,
                struct error *error)
{
    memset(config, 0, sizeof *config);
    config->policy = pcp_server_policy_default();
    config->policy.mapping_capacity = 65536;
    config->policy.filter_capacity = 4096;
    config->policy.description_capacity = 4096;
    config->policy.external_count = 1;
    config->external[0] = address_any_ipv4();
    config->external_auto = true;
    config->masquerade = true;
    config->anycast = true;
    config->relay_unknown = true;
    config->alert = 50;
    config->flow_capacity = 65535;
    config->time_scale = 1;
    memcpy(config->backend, "nftables", sizeof "nftables");
    if (read_environment(config, error) || read_arguments(config, argument_count, arguments, error))
        return -1;
    if (config->help || config->list_defects)
        return 0;
    defect_configure(config->defect, config);
    return check(config, error);
}
