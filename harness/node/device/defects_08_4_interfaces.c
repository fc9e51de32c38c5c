/* Defects in which address requests come from: RFC 6887 section 8.4. */
#include "node/device/defect.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_AT = 8 };

/* --- scope ------------------------------------------------------------------------------------ */

/* Sends it by a socket whose address the kernel chooses. */
static void send_from_link_local(struct defect *defect, struct defect_datagram *datagram)
{
    const struct place *peer = &defect->endpoint->peer;
    union socket_address address;
    struct place source;
    if (!place_is_link_local(&peer->address) || !datagram->is_pcp)
        return;
    socklen_t length = place_to_socket(peer, PCP_SERVER_PORT, &address);
    int handle = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return;
    if (connect(handle, &address.any, length) == 0 &&
        getsockname(handle, &address.any, &length) == 0) {
        place_from_socket(&address, &source, NULL);
        memcpy(datagram->octets + CLIENT_AT, source.address.octet, sizeof source.address.octet);
        (void)send(handle, datagram->octets, datagram->length, 0);
    }
    close(handle);
    datagram->length = 0;
}

static void take_the_kernels(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 0; i < list->count; i++) {
        const struct place to = {list->addresses[i].server, list->interfaces[i]};
        union socket_address address;
        struct place source;
        socklen_t length = place_to_socket(&to, PCP_SERVER_PORT, &address);
        int handle = socket(place_family(&to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (handle < 0)
            return;
        if (connect(handle, &address.any, length) == 0 &&
            getsockname(handle, &address.any, &length) == 0) {
            place_from_socket(&address, &source, NULL);
            list->addresses[i].source = source.address;
        }
        close(handle);
    }
}

static void mute_private(struct defect *defect, struct defect_datagram *datagram)
{
    const uint8_t *octet = defect->endpoint->source.octet + 12;
    if (address_is_ipv4(&defect->endpoint->source) && octet[0] == 192 && octet[1] == 168)
        datagram->length = 0;
}

/* --- privacy addresses ------------------------------------------------------------------------ */

/* The first source stands in octets. */
static bool is_first_list(struct defect *defect, const struct pcp_endpoint_list *list)
{
    if (defect->length)
        return false;
    defect->length = sizeof list->addresses[0].source;
    memcpy(defect->octets, &list->addresses[0].source, defect->length);
    return true;
}

static void keep_first(struct defect *defect, struct pcp_endpoint_list *list)
{
    if (!is_first_list(defect, list))
        memcpy(&list->addresses[0].source, defect->octets, defect->length);
}

/* In the lab's network that is ::10. */
static void take_the_lasting(struct defect *defect, struct pcp_endpoint_list *list)
{
    static const uint8_t host[8] = {[7] = 0x10};
    struct address *source = &list->addresses[0].source;
    struct address first;
    if (is_first_list(defect, list))
        return;
    memcpy(&first, defect->octets, sizeof first);
    if (!address_equal(source, &first))
        memcpy(source->octet + 8, host, sizeof host);
}

static void drop_deletions(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp && datagram->sent.opcode == PCP_MAP && datagram->sent.lifetime == 0)
        datagram->length = 0;
}

const struct defect_hooks defects_08_4_interfaces[] = {
    {.name = "asks-from-its-link-local-address", .request = send_from_link_local},
    {.name = "asks-from-what-the-kernel-takes", .list = take_the_kernels},
    {.name = "asks-from-no-private-address", .request = mute_private},
    {.name = "keeps-its-first-address", .list = keep_first},
    {.name = "asks-from-its-lasting-address", .list = take_the_lasting},
    {.name = "leaves-its-old-mapping", .request = drop_deletions},
    {.name = NULL},
};
