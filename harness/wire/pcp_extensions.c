#include "wire/pcp_extensions.h"

#include "wire/octets.h"

#include <string.h>

enum {
    AFFIX_OCTETS = 12,             /* prefix and suffix of a PREFIX64 */
    OWN_OCTETS = 2 + AFFIX_OCTETS, /* with the length before them */
    COUNT_OCTETS = 2,              /* IPv4 Prefix Count, if there is one */
    IPV4_OCTETS = 2 + 4,           /* length and address */
    PORT_SET_LENGTH = 5
};

enum pcp_fault pcp_option_prefix64(const struct pcp_option *option, struct pcp_prefix64 *out)
{
    memset(out, 0, sizeof *out);
    if (option->length < OWN_OCTETS)
        return PCP_FAULT_OPTION_LENGTH;
    uint16_t octets = octets_get16(option->data);
    if (octets < 4 || (octets > 8 && octets != AFFIX_OCTETS)) /* RFC 6052 section 2.2 */
        return PCP_FAULT_OPTION_LENGTH;
    const uint8_t *affixes = option->data + 2;
    out->octets = (uint8_t)octets;
    memcpy(out->prefix.octet, affixes, octets);
    memcpy(out->suffix, affixes + octets, (size_t)AFFIX_OCTETS - octets);
    if (option->length == OWN_OCTETS)
        return PCP_FAULT_NONE;
    if (option->length < OWN_OCTETS + COUNT_OCTETS)
        return PCP_FAULT_OPTION_LENGTH;
    uint16_t count = octets_get16(option->data + OWN_OCTETS);
    if (option->length != OWN_OCTETS + COUNT_OCTETS + (size_t)count * IPV4_OCTETS)
        return PCP_FAULT_OPTION_LENGTH;
    out->ipv4_count = count;
    out->ipv4 = option->data + OWN_OCTETS + COUNT_OCTETS;
    return PCP_FAULT_NONE;
}

struct address pcp_prefix64_ipv4(const struct pcp_prefix64 *prefix64, size_t index,
                                 uint16_t *length)
{
    const uint8_t *at = prefix64->ipv4 + index * IPV4_OCTETS;
    *length = octets_get16(at);
    return address_from_ipv4(at + 2);
}

enum pcp_fault pcp_option_port_set(const struct pcp_option *option, struct pcp_port_set *out)
{
    memset(out, 0, sizeof *out);
    if (option->length != PORT_SET_LENGTH)
        return PCP_FAULT_OPTION_LENGTH;
    out->size = octets_get16(option->data);
    out->first_internal_port = octets_get16(option->data + 2);
    out->reserved = option->data[4] >> 1;
    out->parity = option->data[4] & 1;
    return PCP_FAULT_NONE;
}
