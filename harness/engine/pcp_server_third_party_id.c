/* The THIRD_PARTY_ID option, RFC 7843: in which realm the address of THIRD_PARTY is meant.
 *
 * Where subscribers use the same private addresses, an address alone names no host. The option adds an
 * identifier, that of the subscriber's tunnel, say:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Option Code=13  |  Reserved   |         Option Length         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   :                        THIRD_PARTY_ID                         :
 *
 * The server knows its identifiers beforehand, and a host of the table is an address in a realm. So all
 * else of it (quotas, nonces, resting ports, the pooling of external addresses) keeps the realms apart
 * by itself, and a mapping takes two octets for it however long the identifier is.
 *
 * Decisions where the text leaves room:
 * - A length is supported if an identifier of that length is known.
 * - A realm may have addresses of its own. Then a host there is one and the same whether THIRD_PARTY_ID
 *   names it or the host asks for itself, and an address with another realm's identifier is
 *   NOT_AUTHORIZED: that subscriber has no such host.
 */
#include "engine/pcp_server_internal.h"

#include <string.h>

/* The order of a policy's realms: below 0, 0 or above, as of memcmp(). */
static int compare(const struct pcp_server_realm *realm, const uint8_t *id, size_t length)
{
    if (realm->length != length)
        return realm->length < length ? -1 : 1;
    return memcmp(realm->id, id, length);
}

/* The index of the first realm that an id isn't above: where it is, or belongs. */
static size_t place_of(const struct pcp_server_policy *policy, const uint8_t *id, size_t length)
{
    size_t low = 0, high = policy->realm_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&policy->realms[middle], id, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint16_t pcp_server_realm_find(const struct pcp_server_policy *policy, const uint8_t *id,
                               size_t length)
{
    size_t place = place_of(policy, id, length);
    bool found = place < policy->realm_count && compare(&policy->realms[place], id, length) == 0;
    return found ? (uint16_t)(place + 1) : 0;
}

enum pcp_result pcp_server_take_realm(struct pcp_exchange *exchange,
                                      const struct pcp_option *option)
{
    const struct pcp_server_policy *policy = &exchange->server->policy;
    const struct pcp_server_realm *realms = policy->realms;
    if (!exchange->third_party)
        return PCP_THIRD_PARTY_MISSING_OPTION; /* section 5.2 */
    size_t place = place_of(policy, option->data, option->length);
    /* Ids of this length stand on one side at least of where this one belongs. */
    bool supported = (place < policy->realm_count && realms[place].length == option->length) ||
                     (place > 0 && realms[place - 1].length == option->length);
    if (!supported)
        return PCP_UNSUPP_THIRD_PARTY_ID_LENGTH;
    exchange->realm = pcp_server_realm_find(policy, option->data, option->length);
    return exchange->realm ? PCP_SUCCESS : PCP_THIRD_PARTY_ID_UNKNOWN;
}

/* --- realms that have addresses of their own ------------------------------------------------ */

static bool owns(const struct pcp_server_realm *realm, const struct address *host)
{
    for (size_t i = 0; i < realm->host_count; i++)
        if (pcp_server_prefix_holds(&realm->hosts[i], host))
            return true;
    return false;
}

uint16_t pcp_server_realm_of(const struct pcp_server_policy *policy, const struct address *host)
{
    for (size_t i = 0; i < policy->realm_count; i++)
        if (owns(&policy->realms[i], host))
            return (uint16_t)(i + 1);
    return 0;
}

enum pcp_result pcp_server_settle_realm(struct pcp_exchange *exchange)
{
    const struct pcp_server_policy *policy = &exchange->server->policy;
    if (policy->realm_count == 0)
        return PCP_SUCCESS;
    if (exchange->third_party && !exchange->realm && policy->realm_required)
        return PCP_THIRD_PARTY_MISSING_OPTION;
    uint16_t own = pcp_server_realm_of(policy, &exchange->internal);
    bool bound = exchange->realm && policy->realms[exchange->realm - 1].host_count;
    if (exchange->realm && (own || bound) && own != exchange->realm)
        return PCP_NOT_AUTHORIZED;
    exchange->realm = own ? own : exchange->realm;
    return PCP_SUCCESS;
}

size_t pcp_server_append_realm(const struct pcp_server *server, uint16_t realm, uint8_t *octets,
                               size_t used)
{
    const struct pcp_server_realm *named = &server->policy.realms[realm - 1];
    return pcp_append_option(octets, used, PCP_MAXIMUM_LENGTH, PCP_THIRD_PARTY_ID, named->id,
                             named->length);
}

int pcp_server_realms_check(const struct pcp_server_policy *policy, struct error *error)
{
    const struct pcp_server_realm *realms = policy->realms;
    if (policy->realm_count > UINT16_MAX)
        return error_set(error, "realms: expected at most %d, got %zu", UINT16_MAX,
                         policy->realm_count);
    if (policy->realm_count && policy->proxy)
        return error_set(error, "realms: a proxy can't tell them apart");
    if (policy->realm_required && policy->realm_count == 0)
        return error_set(error, "realms: expected at least 1 where each request needs one");
    for (size_t i = 0; i < policy->realm_count; i++) {
        if (realms[i].length == 0 || realms[i].length > PCP_SERVER_MAXIMUM_REALM_ID)
            return error_set(error, "realm %zu: expected an id of 1 to %d octets, got %u", i + 1,
                             PCP_SERVER_MAXIMUM_REALM_ID, realms[i].length);
        if (i && compare(&realms[i - 1], realms[i].id, realms[i].length) >= 0)
            return error_set(
                error, "realm %zu: expected shorter ids first, then by octets, each once", i + 1);
    }
    return 0;
}
