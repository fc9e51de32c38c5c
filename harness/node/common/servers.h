/* Which PCP servers a device asks, and at which addresses (RFC 6887 section 8.1, RFC 7488): those that
 * are configured or that DHCP named, else the default router and, behind it, the anycast address of
 * RFC 7723. */
#ifndef PINHOLE_NODE_SERVERS_H
#define PINHOLE_NODE_SERVERS_H

#include "node/common/nonces.h"
#include "node/common/pcp_endpoint.h"
#include "node/common/settings.h"

enum { SERVERS_ROOM = 4 };

struct servers {
    int family; /* of the default router: AF_INET or AF_INET6 */
    bool anycast;
    bool from_router; /* nothing is configured */
    uint8_t count;
    struct {
        uint8_t count;
        struct place places[PCP_SELECT_ADDRESSES];
    } servers[SERVERS_ROOM];
};

/* Reads what is configured: gateways, each a server as ADDRESS[,ADDRESS]..., and DHCP options in hex,
 * dhcp4 and dhcp6 (RFC 7291), each NULL if not given. Returns 0, or -1 with error. */
int servers_read(struct servers *servers, const struct setting_texts *gateways, const char *dhcp4,
                 const char *dhcp6, struct error *error);

/* The addresses of server number that the host has a way to now, in the order to try. Returns 0, or -1 with error if there
 * is none. A nonce that could not be kept is told by *warning. */
int servers_list(const struct servers *servers, uint8_t number, struct nonces *nonces,
                 struct pcp_endpoint_list *list, struct error *warning, struct error *error);

#endif
