/* Which address a PCP client speaks with, RFC 7488: a server may have several, and one after the other
 * is tried until one answers.
 *
 * A selection stands around one struct pcp_client. The caller uses it as it would use the client, but
 * sends by pcp_select_send() and receives by pcp_select_receive(); each datagram goes to client->server,
 * which may be another one than before. Servers to be used side by side (section 4) have a client and a
 * selection each.
 *
 * What the RFC leaves open is decided here:
 *   - An error is an answer: only silence and ICMP errors lead to the next address.
 *   - An address that answered and then fell silent comes last when the list is gone through again.
 *   - "Every 15 minutes" runs from the start of one round through the list to the start of the next.
 *   - One silent mapping doesn't condemn an address that answers the others: that mapping alone rests.
 *   - Renewals count as attempts: MRC of them without an answer, at 1/2, 3/4, 7/8 and 15/16 of the
 *     lifetime, leave the rest of it for the next address.
 *   - A single address has nothing to be exchanged for: RFC 6887 rules alone, without a bound of sends unless
 *     the caller sets one.
 */
#ifndef PINHOLE_ENGINE_PCP_CLIENT_SELECT_H
#define PINHOLE_ENGINE_PCP_CLIENT_SELECT_H

#include "engine/pcp_client.h"

enum {
    PCP_SELECT_ADDRESSES = 8,  /* room in a selection */
    PCP_SELECT_SENDS = 4,      /* MRC, section 3, unless another is set */
    PCP_SELECT_PERIOD = 900000 /* ms from round to round while nobody answers, section 3 */
};

/* One address to try. Those of one server bear the same nonce, those of different servers different
 * ones (RFC 6887 section 11.2); what was granted lives on when only the address changes. */
struct pcp_select_address {
    struct address server;
    struct address source; /* of our datagrams to it */
    uint8_t nonce[PCP_NONCE_LENGTH];
};

struct pcp_selection {
    struct pcp_client *client;
    struct pcp_select_address addresses[PCP_SELECT_ADDRESSES];
    uint8_t count;
    uint8_t current; /* index of the address in use */
    /* MRC. 0: PCP_SELECT_SENDS, or no bound where there is one address alone. The caller may set it, and
     * client->maximum_duration. What failed is begun anew after PCP_SELECT_PERIOD. */
    uint8_t maximum_sends;

    /* Private. */
    uint8_t tried; /* bit i: addresses[i] was silent in this round */
    bool resting;  /* until the next round */
    uint32_t round_start;
    uint32_t rest_end;
};

/* The anycast addresses of RFC 7723, behind the default router in the list of each family. */
struct address pcp_select_anycast_ipv4(void);
struct address pcp_select_anycast_ipv6(void);

/* addresses: 1 to PCP_SELECT_ADDRESSES in the order to try, copied. Initializes client, as
 * pcp_client_init() does, for the first of them. The nonces of mappings requested later must be
 * addresses[current].nonce of the selection. */
void pcp_select_init(struct pcp_selection *selection, struct pcp_client *client,
                     const struct pcp_select_address *addresses, uint8_t count,
                     struct pcp_mapping *mappings, uint16_t mapping_count, uint32_t now);

/* Another list: the default router or our own address changed, or the configuration did. If it is the
 * same as before nothing happens; if it begins with the address in use, asking goes on there; else all
 * mappings are asked for at its first address, at once (RFC 6887 sections 8.3 and 11.5). */
void pcp_select_replace(struct pcp_selection *selection, const struct pcp_select_address *addresses,
                        uint8_t count, uint32_t now);

/* As pcp_client_send(). */
size_t pcp_select_send(struct pcp_selection *selection, uint32_t now, uint32_t random,
                       uint8_t *octets, size_t capacity);

/* As pcp_client_receive(). An announcement from any address of the list ends the rest. */
void pcp_select_receive(struct pcp_selection *selection, uint32_t now, uint32_t random,
                        const struct address *source, uint16_t source_port, const uint8_t *octets,
                        size_t length);

/* A hard ICMP error (RFC 1122 section 4.2.3.9: protocol or port unreachable) came for a request to the
 * address in use: the next one is tried at once. */
void pcp_select_unreachable(struct pcp_selection *selection, uint32_t now);

#endif
