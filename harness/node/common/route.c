#include "node/common/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

/* Octets, of a device's stack. The kernel makes datagrams no longer than they are read, and puts so much into one
 * in any case. */
enum { DATAGRAM_SIZE = 8192 };

/* An answer comes in as many datagrams as it takes, and ends with NLMSG_DONE: mnl_cb_run() says so by
 * MNL_CB_STOP. Reading only the first has made clients ask the wrong router. */
static int dump(uint16_t type, int family, mnl_cb_t callback, void *data, struct error *error)
{
    _Alignas(struct nlmsghdr) char buffer[DATAGRAM_SIZE];
    struct mnl_socket *netlink = mnl_socket_open(NETLINK_ROUTE);
    if (!netlink)
        return error_set_errno(error, errno, "could not open a netlink socket");
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    struct rtgenmsg *general = mnl_nlmsg_put_extra_header(request, sizeof(struct rtmsg));
    general->rtgen_family = (unsigned char)family;

    int state = -1;
    if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(netlink, request, request->nlmsg_len) >= 0) {
        do {
            ssize_t length = mnl_socket_recvfrom(netlink, buffer, sizeof buffer);
            state = length < 0 ? -1
                               : mnl_cb_run(buffer, (size_t)length, 1,
                                            mnl_socket_get_portid(netlink), callback, data);
        } while (state > MNL_CB_STOP);
    }
    int problem = errno;
    mnl_socket_close(netlink);
    if (state < 0)
        return error_set_errno(error, problem, "the kernel would not tell its routes");
    return 0;
}

/* --- the default router ----------------------------------------------------------------------- */

struct router_search {
    bool found;
    uint32_t metric;
    struct place router;
};

static uint32_t attribute_u32(const struct nlattr *attribute)
{
    return mnl_attr_get_payload_len(attribute) == 4 ? mnl_attr_get_u32(attribute) : 0;
}

static bool attribute_address(const struct nlattr *attribute, struct address *address)
{
    const uint8_t *octets = mnl_attr_get_payload(attribute);
    if (mnl_attr_get_payload_len(attribute) == 4)
        *address = address_from_ipv4(octets);
    else if (mnl_attr_get_payload_len(attribute) == 16)
        *address = address_from_ipv6(octets);
    else
        return false;
    return true;
}

/* The first next hop of a route with several. */
static void read_first_hop(const struct nlattr *multipath, struct place *router, bool *has_gateway)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
    if (mnl_attr_get_payload_len(multipath) < sizeof *hop || hop->rtnh_len < sizeof *hop ||
        hop->rtnh_len > mnl_attr_get_payload_len(multipath))
        return;
    router->interface = (uint32_t)hop->rtnh_ifindex;
    const struct nlattr *attr; /* libmnl's macro wants this name */
    mnl_attr_for_each_payload((const void *)(hop + 1), hop->rtnh_len - sizeof *hop)
    {
        if (mnl_attr_get_type(attr) == RTA_GATEWAY)
            *has_gateway = attribute_address(attr, &router->address);
    }
}

static int look_at_route(const struct nlmsghdr *message, void *data)
{
    struct router_search *search = data;
    const struct rtmsg *route = mnl_nlmsg_get_payload(message);
    if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 ||
        route->rtm_type != RTN_UNICAST || (route->rtm_flags & RTM_F_CLONED))
        return MNL_CB_OK;
    struct place router = {0};
    bool has_gateway = false;
    uint32_t metric = 0;
    uint32_t table = route->rtm_table;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof *route)
    {
        switch (mnl_attr_get_type(attribute)) {
        case RTA_GATEWAY:
            has_gateway = attribute_address(attribute, &router.address);
            break;
        case RTA_OIF:
            router.interface = attribute_u32(attribute);
            break;
        case RTA_PRIORITY:
            metric = attribute_u32(attribute);
            break;
        case RTA_TABLE:
            table = attribute_u32(attribute);
            break;
        case RTA_MULTIPATH:
            read_first_hop(attribute, &router, &has_gateway);
            break;
        default:
            break;
        }
    }
    if (has_gateway && table == RT_TABLE_MAIN && (!search->found || metric < search->metric)) {
        search->found = true;
        search->metric = metric;
        search->router = router;
    }
    return MNL_CB_OK;
}

int route_default_router(int family, struct place *router, struct error *error)
{
    struct router_search search = {0};
    if (dump(RTM_GETROUTE, family, look_at_route, &search, error) < 0)
        return -1;
    if (!search.found)
        return error_set(error, "there is no default router for %s",
                         family == AF_INET ? "IPv4" : "IPv6");
    *router = search.router;
    return 0;
}

/* --- our own address -------------------------------------------------------------------------- */

struct address_search {
    uint32_t interface;
    int best; /* how good the address found is; 0: none */
    struct address address;
};

static bool is_unique_local(const struct address *address)
{
    return (address->octet[0] & 0xfe) == 0xfc;
}

static int look_at_address(const struct nlmsghdr *message, void *data)
{
    struct address_search *search = data;
    const struct ifaddrmsg *interface = mnl_nlmsg_get_payload(message);
    if (message->nlmsg_type != RTM_NEWADDR || interface->ifa_scope != RT_SCOPE_UNIVERSE)
        return MNL_CB_OK;
    uint32_t flags = interface->ifa_flags;
    struct address address;
    bool has_address = false;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof *interface)
    {
        if (mnl_attr_get_type(attribute) == IFA_FLAGS)
            flags = attribute_u32(attribute);
        if (mnl_attr_get_type(attribute) == IFA_ADDRESS)
            has_address = attribute_address(attribute, &address);
    }
    if (!has_address || is_unique_local(&address) || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
        return MNL_CB_OK;
    /* A device that wants to be found takes the lasting address before a temporary one. */
    int worth = 1;
    worth += interface->ifa_index == search->interface ? 4 : 0;
    worth += flags & IFA_F_DEPRECATED ? 0 : 2;
    worth += flags & IFA_F_TEMPORARY ? 0 : 1;
    if (worth > search->best) {
        search->best = worth;
        search->address = address;
    }
    return MNL_CB_OK;
}

/* A connected UDP socket shows what the kernel would take; connecting it sends nothing. */
static int ask_kernel(const struct place *to, struct place *source, struct error *error)
{
    union socket_address address;
    socklen_t length = place_to_socket(to, 9, &address);
    int handle = socket(place_family(to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return error_set_errno(error, errno, "could not open a socket");
    int interface = (int)to->interface;
    int status =
        interface ? setsockopt(handle, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof interface)
                  : 0;
    if (status == 0)
        status = connect(handle, &address.any, length);
    length = sizeof address;
    if (status == 0)
        status = getsockname(handle, &address.any, &length);
    int problem = errno;
    close(handle);
    char text[ADDRESS_TEXT_SIZE];
    if (status < 0)
        return error_set_errno(error, problem, "there is no way to %s",
                               address_format(&to->address, text));
    place_from_socket(&address, source, NULL);
    return 0;
}

int route_source_address(const struct place *to, struct address *source, struct error *error)
{
    struct place chosen = {0};
    if (ask_kernel(to, &chosen, error) < 0)
        return -1;
    *source = chosen.address;
    bool global = place_family(to) == AF_INET ||
                  (!place_is_link_local(&chosen.address) && !is_unique_local(&chosen.address));
    if (global)
        return 0;
    struct address_search search = {.interface = to->interface};
    if (dump(RTM_GETADDR, AF_INET6, look_at_address, &search, error) < 0)
        return -1;
    if (!search.best)
        return error_set(error, "this host has no global IPv6 address to ask for a mapping from");
    *source = search.address;
    return 0;
}
