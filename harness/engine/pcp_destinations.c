#include "engine/pcp_destinations.h"

#include <string.h>

/* Section 3.1. */
enum scope { SCOPE_LINK_LOCAL = 2, SCOPE_SITE_LOCAL = 5, SCOPE_GLOBAL = 14 };

/* The default policy table, section 2.1, longer prefixes first. */
static const struct policy {
    uint8_t prefix[16];
    uint8_t octets; /* whole ones of the prefix */
    uint8_t bits;   /* behind them */
    uint8_t precedence;
    uint8_t label;
} policies[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16, 0, 50, 0}, /* ::1/128 */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 0, 35, 4},       /* ::ffff:0:0/96 */
    {{0}, 12, 0, 1, 3},                                               /* ::/96 */
    {{0x20, 0x01, 0, 0}, 4, 0, 5, 5},                                 /* 2001::/32 */
    {{0x20, 0x02}, 2, 0, 30, 2},                                      /* 2002::/16 */
    {{0x3f, 0xfe}, 2, 0, 1, 12},                                      /* 3ffe::/16 */
    {{0xfe, 0xc0}, 1, 2, 1, 11},                                      /* fec0::/10 */
    {{0xfc}, 0, 7, 3, 13},                                            /* fc00::/7 */
    {{0}, 0, 0, 40, 1},                                               /* ::/0 */
};

static const struct policy *policy_of(const struct address *address)
{
    const struct policy *policy = policies;
    for (;; policy++) {
        unsigned octets = policy->octets;
        uint8_t mask = (uint8_t)(0xff00 >> policy->bits);
        if (memcmp(address->octet, policy->prefix, octets) == 0 &&
            (!policy->bits || ((address->octet[octets] ^ policy->prefix[octets]) & mask) == 0))
            return policy;
    }
}

static enum scope scope_of(const struct address *address)
{
    const uint8_t *octet = address->octet;
    if (address_is_ipv4(address)) /* section 3.2: private addresses are global */
        return octet[12] == 127 || (octet[12] == 169 && octet[13] == 254) ? SCOPE_LINK_LOCAL
                                                                          : SCOPE_GLOBAL;
    struct address loopback = {.octet = {[15] = 1}};
    if (address_equal(address, &loopback) || (octet[0] == 0xfe && (octet[1] & 0xc0) == 0x80))
        return SCOPE_LINK_LOCAL;
    return octet[0] == 0xfe && (octet[1] & 0xc0) == 0xc0 ? SCOPE_SITE_LOCAL : SCOPE_GLOBAL;
}

/* b is to be tried before a. */
static bool is_better(const struct pcp_select_address *b, const struct pcp_select_address *a)
{
    enum scope scope[] = {scope_of(&a->server), scope_of(&b->server)};
    const struct policy *policy[] = {policy_of(&a->server), policy_of(&b->server)};
    bool same_scope[] = {scope[0] == scope_of(&a->source), scope[1] == scope_of(&b->source)};
    bool same_label[] = {policy[0]->label == policy_of(&a->source)->label,
                         policy[1]->label == policy_of(&b->source)->label};
    if (same_scope[0] != same_scope[1])
        return same_scope[1];
    if (same_label[0] != same_label[1])
        return same_label[1];
    if (policy[0]->precedence != policy[1]->precedence)
        return policy[1]->precedence > policy[0]->precedence;
    return scope[1] < scope[0];
}

void pcp_destinations_order(const struct pcp_select_address *addresses, uint8_t count,
                            uint8_t *order)
{
    for (uint8_t i = 0; i < count; i++) {
        uint8_t at = i;
        for (; at > 0 && is_better(&addresses[i], &addresses[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}
