/* Defects in whom requests go to, and where they come from: RFC 6887 sections 8 and 8.1. */
#include "node/device/defect.h"

#include "node/common/route.h"
#include "node/common/servers.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENT_AT = 8,
    LAST = 15, /* octet of an address */
    A_PORT = 5349,
    ROUTER = 1,    /* the lab's default router, */
    NEIGHBOUR = 2, /* and the other one */
    PATIENT = 2,   /* requests without an answer */
    MISMATCH = 0   /* number[]: ADDRESS_MISMATCH has come */
};

static void ask_by_tcp(struct defect *defect, struct defect_datagram *datagram)
{
    union socket_address to;
    socklen_t length = place_to_socket(&defect->endpoint->peer, PCP_SERVER_PORT, &to);
    int handle = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return;
    if (connect(handle, &to.any, length) == 0)
        (void)send(handle, datagram->octets, datagram->length, MSG_NOSIGNAL);
    close(handle);
}

static void name_another(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp)
        datagram->octets[CLIENT_AT + LAST] ^= 1;
}

/* --- behind a NAT ----------------------------------------------------------------------------- */

static void note_mismatch(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.result == PCP_ADDRESS_MISMATCH)
        defect->number[MISMATCH] = 1;
}

/* Its guess is the first address of the network in which the server is. */
static void claim_the_nat(struct defect *defect, struct defect_datagram *datagram)
{
    struct address nat = defect->endpoint->peer.address;
    nat.octet[LAST] = 1;
    for (size_t i = 0; datagram->is_pcp && defect->number[MISMATCH] && i < sizeof nat.octet; i++)
        datagram->octets[CLIENT_AT + i] = nat.octet[i];
}

/* --- whom ------------------------------------------------------------------------------------- */

static void ask_the_neighbour(struct defect *defect, struct pcp_endpoint_list *list)
{
    if (defect->servers->from_router)
        list->addresses[0].server.octet[LAST] = NEIGHBOUR;
}

static void ask_the_router(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    list->addresses[0].server.octet[LAST] = ROUTER;
}

/* What is for an IPv6 router goes to the IPv4 router, by a socket of that family. */
static void know_ipv4_alone(struct defect *defect, struct defect_datagram *datagram)
{
    struct place router = {0};
    union socket_address to;
    if (place_family(&defect->endpoint->peer) == AF_INET ||
        route_default_router(AF_INET, &router, NULL) < 0)
        return;
    socklen_t length = place_to_socket(&router, PCP_SERVER_PORT, &to);
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return;
    (void)sendto(handle, datagram->octets, datagram->length, 0, &to.any, length);
    close(handle);
    datagram->length = 0;
}

static void hang(struct defect *defect, uint32_t now)
{
    (void)now;
    const struct pcp_client *client = &defect->endpoint->client;
    const struct pcp_mapping *mapping = client->mappings;
    while (mapping->sends >= PATIENT && !client->epoch.known)
        (void)sleep(1); /* it spares the processor */
}

const struct defect_hooks defects_08_1_servers[] = {
    {.name = "asks-by-tcp", .request = ask_by_tcp},
    {.name = "asks-from-one-port", .tap = {.port = A_PORT}},
    {.name = "names-another-address", .request = name_another},
    {.name = "claims-a-nat-unmapped", .answer = note_mismatch, .request = claim_the_nat},
    {.name = "asks-any-router", .list = ask_the_neighbour},
    {.name = "asks-the-router-always", .list = ask_the_router},
    {.name = "knows-the-ipv4-router-alone", .request = know_ipv4_alone},
    {.name = "hangs-without-a-server", .turn = hang},
    {.name = NULL},
};
