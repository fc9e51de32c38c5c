#include "node/gateway/config_keys.h"

#include "node/common/clock.h"
#include "node/gateway/config_realms.h"
#include "node/gateway/defect.h"

#include <string.h>

enum kind { NUMBER16, NUMBER32, NUMBER8, FLAG, NAME, SPECIAL };

struct key {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct config */
    uint32_t minimum, maximum;
    const char *help;
    int (*read)(struct config *config, const struct config_line *line, struct error *error);
    size_t size; /* NAME: room */
};

/* --- keys of their own ---------------------------------------------------------------------- */

static int read_interfaces(char names[][IF_NAMESIZE], size_t *count, const struct config_line *line,
                           struct error *error)
{
    *count = 0;
    for (size_t i = 1; i < line->count; i++) {
        if (*count == CONFIG_INTERFACES || strlen(line->words[i]) >= IF_NAMESIZE)
            return config_expected(line, "at most 16 interface names", error);
        memcpy(names[(*count)++], line->words[i], strlen(line->words[i]) + 1);
    }
    return *count ? 0 : config_expected(line, "an interface name", error);
}

static int read_inside(struct config *config, const struct config_line *line, struct error *error)
{
    return read_interfaces(config->inside, &config->inside_count, line, error);
}

static int read_trusted(struct config *config, const struct config_line *line, struct error *error)
{
    return read_interfaces(config->trusted, &config->trusted_count, line, error);
}

static int read_external(struct config *config, const struct config_line *line, struct error *error)
{
    config->external_auto = line->count == 2 && strcmp(line->words[1], "auto") == 0;
    config->policy.external_count = config->external_auto ? 1 : line->count - 1;
    if (config->external_auto) {
        config->external[0] = address_any_ipv4();
        return 0;
    }
    for (size_t i = 1; i < line->count; i++)
        if (!address_parse(line->words[i], &config->external[i - 1]) ||
            !address_is_ipv4(&config->external[i - 1]))
            return config_expected(line, "IPv4 addresses or 'auto'", error);
    return line->count > 1 ? 0 : config_expected(line, "IPv4 addresses or 'auto'", error);
}

/* "192.0.2.1", "2001:db8::1", "192.0.2.1:5351", "[2001:db8::1]:5351". */
static bool read_server(const char *word, struct config_upstream *server)
{
    char text[ADDRESS_TEXT_SIZE + IF_NAMESIZE];
    const char *colon = strchr(word, ':');
    const char *bracket = word[0] == '[' ? strchr(word, ']') : NULL;
    const char *start = bracket ? word + 1 : word;
    const char *end = bracket                            ? bracket
                      : colon && !strchr(colon + 1, ':') ? colon
                                                         : word + strlen(word);
    const char *port = bracket ? bracket + 1 : end;
    uint32_t number = PCP_SERVER_PORT;
    size_t length = (size_t)(end - start);
    if (length >= sizeof text)
        return false;
    memcpy(text, start, length);
    text[length] = '\0';
    if (!place_parse(text, &server->place) ||
        (*port && (*port != ':' || config_number(port + 1, 1, UINT16_MAX, &number))))
        return false;
    server->port = (uint16_t)number;
    return true;
}

static int read_upstream(struct config *config, const struct config_line *line, struct error *error)
{
    static const char *const wanted = "up to four of ADDRESS and ADDRESS:PORT, or 'auto'";
    config->upstream_auto = line->count == 2 && strcmp(line->words[1], "auto") == 0;
    config->upstream_count = config->upstream_auto ? 0 : line->count - 1;
    if (config->upstream_count > PCP_PROXY_SERVERS || line->count == 1)
        return config_expected(line, wanted, error);
    for (size_t i = 0; i < config->upstream_count; i++)
        if (!read_server(line->words[i + 1], &config->upstream[i]))
            return config_expected(line, wanted, error);
    return 0;
}

static int read_port_range(struct config *config, const struct config_line *line,
                           struct error *error)
{
    if (line->count != 2 ||
        config_ports(line->words[1], &config->policy.first_port, &config->policy.last_port))
        return config_expected(line, "a range of ports, FIRST-LAST", error);
    return 0;
}

static int read_prefixes(struct pcp_server_prefix *prefixes, size_t *count,
                         const struct config_line *line, struct error *error)
{
    for (size_t i = 1; i < line->count; i++)
        if (*count == CONFIG_PREFIXES || config_prefix(line->words[i], &prefixes[(*count)++]))
            return config_expected(line, "at most 16 prefixes, ADDRESS/BITS", error);
    return line->count > 1 ? 0 : config_expected(line, "a prefix, ADDRESS/BITS", error);
}

static int read_clients(struct config *config, const struct config_line *line, struct error *error)
{
    return read_prefixes(config->third_party_clients, &config->policy.third_party_client_count,
                         line, error);
}

static int read_inside_prefixes(struct config *config, const struct config_line *line,
                                struct error *error)
{
    return read_prefixes(config->inside_prefixes, &config->policy.inside_count, line, error);
}

static int read_rule(struct config *config, const struct config_line *line, struct error *error)
{
    if (config->policy.rule_count == CONFIG_RULES)
        return error_set(error, "%s: expected at most %d rules", line->where, CONFIG_RULES);
    struct pcp_server_rule *rule = &config->rules[config->policy.rule_count++];
    rule->allow = line->words[0][0] == 'a';
    if (line->count != 3 || config_prefix(line->words[1], &rule->hosts) ||
        config_ports(line->words[2], &rule->first_port, &rule->last_port))
        return config_expected(line, "ADDRESS/BITS FIRST-LAST", error);
    return 0;
}

static int read_serve(struct config *config, const struct config_line *line, struct error *error)
{
    memset(config->policy.protocols, 0, sizeof config->policy.protocols);
    for (size_t i = 1; i < line->count; i++) {
        uint8_t protocol;
        if (config_protocol(line->words[i], &protocol))
            return config_expected(line, "transport protocols by name or number", error);
        pcp_server_policy_serve(&config->policy, protocol, true);
    }
    return 0;
}

static int read_static(struct config *config, const struct config_line *line, struct error *error)
{
    if (config->static_count == CONFIG_STATICS)
        return error_set(error, "%s: expected at most %d static mappings", line->where,
                         CONFIG_STATICS);
    struct config_static *entry = &config->statics[config->static_count++];
    uint32_t internal_port, external_port;
    if (line->count != 5 || config_protocol(line->words[1], &entry->protocol) ||
        !address_parse(line->words[2], &entry->internal) ||
        config_number(line->words[3], 1, UINT16_MAX, &internal_port) ||
        config_number(line->words[4], 1, UINT16_MAX, &external_port))
        return config_expected(line, "PROTOCOL ADDRESS PORT EXTERNAL-PORT", error);
    entry->internal_port = (uint16_t)internal_port;
    entry->external_port = (uint16_t)external_port;
    return 0;
}

static int read_times(struct pcp_server_times *times, const struct config_line *line,
                      struct error *error)
{
    if (line->count != 4 || config_number(line->words[1], 0, UINT32_MAX, &times->udp) ||
        config_number(line->words[2], 0, UINT32_MAX, &times->tcp) ||
        config_number(line->words[3], 0, UINT32_MAX, &times->other))
        return config_expected(line, "three numbers of seconds: UDP TCP OTHER", error);
    return 0;
}

static int read_idle(struct config *config, const struct config_line *line, struct error *error)
{
    return read_times(&config->policy.idle, line, error);
}

static int read_rest(struct config *config, const struct config_line *line, struct error *error)
{
    return read_times(&config->policy.rest, line, error);
}

static int read_prefix64(struct config *config, const struct config_line *line, struct error *error)
{
    for (size_t i = 1; i < line->count; i++) {
        struct pcp_server_prefix prefix;
        if (config->policy.prefix64_count == CONFIG_PREFIX64 ||
            config_prefix(line->words[i], &prefix) || prefix.length % 8 != 0 ||
            address_is_ipv4(&prefix.address))
            return config_expected(line, "at most 8 IPv6 prefixes of whole octets", error);
        config->prefix64[config->policy.prefix64_count++] =
            (struct pcp_server_prefix64){.prefix = prefix.address, .octets = prefix.length / 8};
    }
    return line->count > 1 ? 0 : config_expected(line, "an IPv6 prefix", error);
}

static int read_defect(struct config *config, const struct config_line *line, struct error *error)
{
    config->list_defects = line->count == 2 && strcmp(line->words[1], "list") == 0;
    if (config->list_defects)
        return 0;
    config->defect = line->count == 2 ? defect_find(line->words[1]) : NULL;
    return config->defect ? 0 : config_expected(line, "a name that '--defect list' prints", error);
}

static int read_policy(struct config *config, const struct config_line *line, struct error *error)
{
    return line->count == 2 ? config_read_file(config, line->words[1], error)
                            : config_expected(line, "a file", error);
}

/* --- the table of keys ---------------------------------------------------------------------- */

#define POLICY(kind, name, field, low, high, help)                                                 \
    {                                                                                              \
        name, kind, offsetof(struct config, policy.field), low, high, help, NULL, 0                \
    }
#define SPECIAL_KEY(name, read, help)                                                              \
    {                                                                                              \
        name, SPECIAL, 0, 0, 0, help, read, 0                                                      \
    }
#define PLAIN(kind, name, field, help)                                                             \
    {                                                                                              \
        name, kind, offsetof(struct config, field), 0, 0, help, NULL, 0                            \
    }
#define TEXT(name, field, help)                                                                    \
    {                                                                                              \
        name, NAME, offsetof(struct config, field), 0, 0, help, NULL,                              \
            sizeof((struct config *)0)->field                                                      \
    }

static const struct key keys[] = {
    SPECIAL_KEY("policy", read_policy, "a file of such keys, read where it is named"),
    SPECIAL_KEY("inside", read_inside, "interfaces on which PCP is served"),
    TEXT("outside", outside, "the interface to the internet"),
    SPECIAL_KEY("external", read_external,
                "external IPv4 addresses, or auto: outside's own (auto)"),
    SPECIAL_KEY("upstream", read_upstream,
                "be a proxy of the PCP servers ADDRESS[:PORT]..., or auto: the default router"),
    PLAIN(FLAG, "upstream-spread", upstream_spread,
          "a client's requests go to one of them, not to all (no)"),
    PLAIN(FLAG, "relay-unknown", relay_unknown,
          "pass on unknown opcodes and mandatory options (yes)"),
    TEXT("backend", backend, "nftables or none (nftables)"),
    TEXT("state", state, "file that keeps mappings over a restart (none)"),
    TEXT("leases", leases, "a file of dnsmasq's leases: mappings end with them (none)"),
    PLAIN(FLAG, "masquerade", masquerade, "translate implicit flows too (yes)"),
    PLAIN(FLAG, "guard", guard, "drop what comes from outside unasked (no)"),
    PLAIN(FLAG, "anycast", anycast, "serve at the anycast addresses, where there are such (yes)"),
    {"alert", NUMBER32, offsetof(struct config, alert), 0, 1000000,
     "microseconds of waiting for a client's next request without sleep (50)", NULL, 0},
    {"flows", NUMBER32, offsetof(struct config, flow_capacity), 1, 1U << 24,
     "room for flows without mappings, of each family (65535)", NULL, 0},
    {"time-scale", NUMBER32, offsetof(struct config, time_scale), 1, CLOCK_FASTEST,
     "lifetimes, epoch, rest and idle times run so many times as fast (1)", NULL, 0},
    POLICY(FLAG, "map", map, 0, 0, "serve MAP (yes)"),
    POLICY(FLAG, "peer", peer, 0, 0, "serve PEER (yes)"),
    POLICY(FLAG, "nat-pmp", nat_pmp, 0, 0, "serve NAT-PMP (yes)"),
    POLICY(FLAG, "nat-pmp-alone", nat_pmp_alone, 0, 0, "serve it, and no PCP (no)"),
    POLICY(FLAG, "third-party", third_party, 0, 0, "allow THIRD_PARTY (no)"),
    SPECIAL_KEY("third-party-clients", read_clients, "prefixes that may use it on inside"),
    SPECIAL_KEY("trusted", read_trusted, "interfaces for THIRD_PARTY requests alone"),
    SPECIAL_KEY("realm", config_read_realm,
                "ID PREFIX...: whose THIRD_PARTY_ID says ID; realms can't share addresses"),
    POLICY(FLAG, "third-party-id-required", realm_required, 0, 0, "THIRD_PARTY needs one (no)"),
    POLICY(FLAG, "prefer-failure", prefer_failure, 0, 0, "support PREFER_FAILURE (yes)"),
    POLICY(FLAG, "wildcards", wildcards, 0, 0, "allow all-ports and all-protocols MAPs (no)"),
    POLICY(FLAG, "check-nonces", check_nonces, 0, 0, "Simple Threat Model (yes)"),
    POLICY(FLAG, "mapping-updates", mapping_updates, 0, 0, "tell clients of new addresses (yes)"),
    POLICY(FLAG, "preserve-port", preserve_port, 0, 0, "try the internal port first (yes)"),
    POLICY(FLAG, "ipv6-firewall", ipv6_firewall, 0, 0, "pinholes for IPv6 (yes)"),
    POLICY(FLAG, "ipv4-firewall", ipv4_firewall, 0, 0, "IPv4 without translation (no)"),
    SPECIAL_KEY("serve", read_serve, "transport protocols (udp tcp)"),
    POLICY(NUMBER32, "minimum-lifetime", minimum_lifetime, 1, UINT32_MAX, "seconds (120)"),
    POLICY(NUMBER32, "maximum-lifetime", maximum_lifetime, 1, UINT32_MAX, "seconds (86400)"),
    POLICY(NUMBER32, "long-error", long_error, 0, UINT32_MAX, "seconds (1800)"),
    POLICY(NUMBER32, "short-error", short_error, 0, UINT32_MAX, "seconds (30)"),
    SPECIAL_KEY("idle", read_idle, "idle timeouts of flows, UDP TCP OTHER (120 7440 120)"),
    SPECIAL_KEY("rest", read_rest, "rest of ports, UDP TCP OTHER (120 7440 120)"),
    POLICY(NUMBER32, "mappings", mapping_capacity, 1, 1U << 24, "room for mappings (65536)"),
    POLICY(NUMBER32, "filters", filter_capacity, 1, 1U << 24, "room for filters (4096)"),
    POLICY(NUMBER32, "descriptions", description_capacity, 0, 1U << 24,
           "room for DESCRIPTIONs; 0: ignored (4096)"),
    POLICY(NUMBER16, "mappings-per-host", mappings_per_host, 1, UINT16_MAX, "quota (1024)"),
    POLICY(NUMBER16, "filters-per-mapping", filters_per_mapping, 1, CONFIG_FILTERS, "limit (8)"),
    POLICY(NUMBER16, "ports-per-set", ports_per_set, 0, CONFIG_SET, "limit of PORT_SET (64)"),
    SPECIAL_KEY("ports", read_port_range, "external ports of mappings (30000-65535)"),
    POLICY(NUMBER8, "announcements", announcements, 0, 10, "copies of an ANNOUNCE (10)"),
    SPECIAL_KEY("inside-prefixes", read_inside_prefixes, "sources that belong inside (any)"),
    SPECIAL_KEY("allow", read_rule, "ADDRESS/BITS FIRST-LAST: hosts and internal ports"),
    SPECIAL_KEY("deny", read_rule, "likewise; the first rule that fits decides"),
    SPECIAL_KEY("prefix64", read_prefix64, "of a NAT64, for those who ask by PREFIX64 (none)"),
    SPECIAL_KEY("static", read_static, "PROTOCOL ADDRESS PORT EXTERNAL-PORT"),
    SPECIAL_KEY("defect", read_defect, "be wrong on purpose, as a test of tests; list names them"),
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

void config_help(FILE *to)
{
    fputs("usage: pinhole-gateway [--check] [--KEY VALUE...]...\n"
          "A PCP server (RFC 6887, NAT-PMP too) with its NAT and firewall. Keys, on the command\n"
          "line or in a policy file, one a line without the dashes:\n",
          to);
    for (size_t i = 0; i < KEY_COUNT; i++)
        fprintf(to, "  --%-20s %s\n", keys[i].name, keys[i].help);
}

static int read_flag(const struct config_line *line, bool *out, struct error *error)
{
    bool yes = line->count == 1 || (line->count == 2 && strcmp(line->words[1], "yes") == 0);
    if (!yes && (line->count != 2 || strcmp(line->words[1], "no") != 0))
        return config_expected(line, "yes or no", error);
    *out = yes;
    return 0;
}

static int read_limited(const struct key *key, void *target, const struct config_line *line,
                        struct error *error)
{
    uint32_t number;
    if (line->count != 2 || config_number(line->words[1], key->minimum, key->maximum, &number))
        return error_set(error, "%s: %s: expected a number from %u to %u, got '%s'", line->where,
                         key->name, key->minimum, key->maximum,
                         line->count > 1 ? line->words[1] : "");
    if (key->kind == NUMBER32)
        *(uint32_t *)target = number;
    else if (key->kind == NUMBER16)
        *(uint16_t *)target = (uint16_t)number;
    else
        *(uint8_t *)target = (uint8_t)number;
    return 0;
}

int config_read_line(struct config *config, const struct config_line *line, struct error *error)
{
    const struct key *key = NULL;
    if (line->count == 0)
        return 0;
    for (size_t i = 0; i < KEY_COUNT && !key; i++)
        if (strcmp(keys[i].name, line->words[0]) == 0)
            key = &keys[i];
    if (!key)
        return error_set(error, "%s: unknown key '%s' (--help lists them)", line->where,
                         line->words[0]);
    void *target = (char *)config + key->offset;
    switch (key->kind) {
    case SPECIAL:
        return key->read(config, line, error);
    case FLAG:
        return read_flag(line, target, error);
    case NAME:
        if (line->count != 2 || strlen(line->words[1]) >= key->size)
            return config_expected(line, "one word", error);
        memcpy(target, line->words[1], strlen(line->words[1]) + 1);
        return 0;
    default:
        return read_limited(key, target, line, error);
    }
}
