#include "engine/pcp_server_policy.h"

#include <string.h>

enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDP_LITE = 136 };

struct pcp_server_policy pcp_server_policy_default(void)
{
    struct pcp_server_policy policy = {
        .mapping_capacity = 4096,
        .filter_capacity = 1024,
        .map = true,
        .peer = true,
        .nat_pmp = true,
        .prefer_failure = true,
        .check_nonces = true,
        .minimum_lifetime = 120,
        .maximum_lifetime = 86400,
        .long_error = 1800,
        .short_error = 30,
        .idle = {.udp = 120, .tcp = 7440, .other = 120},
        .rest = {.udp = 120, .tcp = 7440, .other = 120},
        .mappings_per_host = 1024,
        .filters_per_mapping = 8,
        .ports_per_set = 64,
        .ipv6_firewall = true,
        .first_port = 30000,
        .last_port = 65535,
        .preserve_port = true,
        .announcements = PCP_SERVER_MAXIMUM_ANNOUNCEMENTS,
        .mapping_updates = true,
    };
    pcp_server_policy_serve(&policy, UDP, true);
    pcp_server_policy_serve(&policy, TCP, true);
    return policy;
}

void pcp_server_policy_serve(struct pcp_server_policy *policy, uint8_t protocol, bool served)
{
    uint8_t bit = (uint8_t)(1U << (protocol % 8));
    if (served)
        policy->protocols[protocol / 8] |= bit;
    else
        policy->protocols[protocol / 8] &= (uint8_t)~bit;
}

bool pcp_server_policy_serves(const struct pcp_server_policy *policy, uint8_t protocol)
{
    return policy->protocols[protocol / 8] >> (protocol % 8) & 1;
}

bool pcp_server_has_ports(uint8_t protocol)
{
    return protocol == TCP || protocol == UDP || protocol == DCCP || protocol == SCTP ||
           protocol == UDP_LITE;
}

uint32_t pcp_server_times_of(const struct pcp_server_times *times, uint8_t protocol)
{
    if (protocol == UDP)
        return times->udp;
    return protocol == TCP ? times->tcp : times->other;
}

bool pcp_server_prefix_holds(const struct pcp_server_prefix *prefix, const struct address *address)
{
    size_t whole = prefix->length / 8;
    unsigned int rest = prefix->length % 8;
    if (memcmp(prefix->address.octet, address->octet, whole) != 0)
        return false;
    return rest == 0 || (prefix->address.octet[whole] ^ address->octet[whole]) >> (8 - rest) == 0;
}

bool pcp_server_policy_allows(const struct pcp_server_policy *policy, const struct address *host,
                              uint16_t internal_port)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct pcp_server_rule *rule = &policy->rules[i];
        if (!pcp_server_prefix_holds(&rule->hosts, host))
            continue;
        bool whole = rule->first_port <= 1 && rule->last_port == UINT16_MAX;
        if (internal_port == 0 && rule->allow && !whole)
            continue; /* some ports being allowed doesn't allow them all; one denied denies them */
        if (internal_port == 0 ||
            (internal_port >= rule->first_port && internal_port <= rule->last_port))
            return rule->allow;
    }
    return true;
}

int pcp_server_policy_check(const struct pcp_server_policy *policy, struct error *error)
{
    if (policy->mapping_capacity == 0 || policy->mapping_capacity > 1U << 24)
        return error_set(error, "mapping capacity: expected 1 to %u, got %u", 1U << 24,
                         policy->mapping_capacity);
    if (policy->filter_capacity > 1U << 24)
        return error_set(error, "filter capacity: expected at most %u, got %u", 1U << 24,
                         policy->filter_capacity);
    if (policy->description_capacity > 1U << 24)
        return error_set(error, "description capacity: expected at most %u, got %u", 1U << 24,
                         policy->description_capacity);
    if (policy->external_count > PCP_SERVER_MAXIMUM_ADDRESSES)
        return error_set(error, "external addresses: expected at most %d, got %zu",
                         PCP_SERVER_MAXIMUM_ADDRESSES, policy->external_count);
    if (policy->first_port == 0 || policy->first_port > policy->last_port)
        return error_set(error, "external ports: expected first <= last from 1 on, got %u to %u",
                         policy->first_port, policy->last_port);
    if (policy->minimum_lifetime == 0 || policy->minimum_lifetime > policy->maximum_lifetime)
        return error_set(error, "lifetimes: expected 0 < minimum <= maximum, got %u and %u",
                         policy->minimum_lifetime, policy->maximum_lifetime);
    if (policy->filters_per_mapping == 0)
        return error_set(error, "filters a mapping: expected at least 1 (RFC 6887 section 13.3)");
    if (policy->announcements > PCP_SERVER_MAXIMUM_ANNOUNCEMENTS)
        return error_set(error, "announcements: expected at most %d, got %u",
                         PCP_SERVER_MAXIMUM_ANNOUNCEMENTS, policy->announcements);
    for (size_t i = 0; i < policy->external_count; i++)
        if (!address_is_ipv4(&policy->external[i]))
            return error_set(error, "external address %zu: expected an IPv4 address", i + 1);
    for (size_t i = 0; i < policy->prefix64_count; i++)
        if (pcp_server_prefix64_check(&policy->prefix64[i], error))
            return -1;
    return pcp_server_realms_check(policy, error);
}
