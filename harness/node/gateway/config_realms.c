/* The kernel's tables know a host by its address. So where they are the backend, a realm has addresses
 * of its own, and subscribers that use the same ones can't be served: each would need a routing domain
 * and a tracking zone to itself. With no backend at all any realms will do.
 */
#include "node/gateway/config_realms.h"

#include "node/common/hex.h"

#include <stdlib.h>
#include <string.h>

/* Octets of an id, or 0 if it is none. */
static size_t read_id(const char *text, uint8_t id[CONFIG_REALM_ID])
{
    size_t length = strlen(text);
    if (strncmp(text, "0x", 2) == 0) {
        int octets = hex_read(text + 2, id, CONFIG_REALM_ID);
        return octets > 0 ? (size_t)octets : 0;
    }
    if (length > CONFIG_REALM_ID)
        return 0;
    for (size_t i = 0; i < length; i++)
        id[i] = (uint8_t)text[i];
    return length;
}

int config_read_realm(struct config *config, const struct config_line *line, struct error *error)
{
    if (config->policy.realm_count == CONFIG_REALMS)
        return error_set(error, "%s: expected at most %d realms", line->where, CONFIG_REALMS);
    struct pcp_server_realm *realm = &config->realms[config->policy.realm_count];
    struct config_realm *text = &config->realm_texts[config->policy.realm_count++];
    realm->id = text->id;
    realm->hosts = text->hosts;
    realm->length = line->count > 1 ? (uint16_t)read_id(line->words[1], text->id) : 0;
    if (realm->length == 0)
        return config_expected(line, "an id of 1 to 64 octets, as text or 0x...", error);
    for (size_t i = 2; i < line->count; i++)
        if (realm->host_count == CONFIG_REALM_PREFIXES ||
            config_prefix(line->words[i], &text->hosts[realm->host_count++]))
            return config_expected(line, "ID and at most 4 prefixes, ADDRESS/BITS", error);
    return 0;
}

static int compare(const void *left, const void *right)
{
    const struct pcp_server_realm *a = left, *b = right;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->id, b->id, a->length);
}

static bool overlap(const struct pcp_server_prefix *a, const struct pcp_server_prefix *b)
{
    const struct pcp_server_prefix *wider = a->length <= b->length ? a : b;
    return pcp_server_prefix_holds(wider, wider == a ? &b->address : &a->address);
}

static bool realms_overlap(const struct pcp_server_realm *a, const struct pcp_server_realm *b)
{
    for (size_t i = 0; i < a->host_count; i++)
        for (size_t k = 0; k < b->host_count; k++)
            if (overlap(&a->hosts[i], &b->hosts[k]))
                return true;
    return false;
}

int config_check_realms(struct config *config, struct error *error)
{
    struct pcp_server_policy *policy = &config->policy;
    struct pcp_server_realm *realms = config->realms;
    qsort(realms, policy->realm_count, sizeof *realms, compare);
    policy->realms = realms;
    bool by_address = strcmp(config->backend, "none") != 0;
    for (size_t i = 0; i < policy->realm_count; i++) {
        if (by_address && realms[i].host_count == 0)
            return error_set(error, "realm: expected prefixes of its own for each where packets "
                                    "are translated (or --backend none)");
        for (size_t k = 0; k < i; k++)
            if (realms_overlap(&realms[i], &realms[k]))
                return error_set(error, "realm: expected prefixes that are no other realm's");
    }
    return 0;
}
