/* A defect in how the default router is found: RFC 6887 section 8.1. Bitcoin Core had it. */
#include "node/device/defect.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/* The gateway of a default route, whichever table that is in, or else of any route. */
static int look_at_route(const struct nlmsghdr *message, void *data)
{
    const struct rtmsg *route = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    struct address *router = data;
    mnl_attr_for_each(attribute, message, sizeof *route)
    {
        if (mnl_attr_get_type(attribute) == RTA_GATEWAY && mnl_attr_get_payload_len(attribute) == 4)
            *router = address_from_ipv4(mnl_attr_get_payload(attribute));
    }
    return route->rtm_dst_len == 0 ? MNL_CB_STOP : MNL_CB_OK;
}

static void read_the_first_part(struct defect *defect, struct pcp_endpoint_list *list)
{
    _Alignas(struct nlmsghdr) char buffer[32768];
    struct mnl_socket *netlink = mnl_socket_open(NETLINK_ROUTE);
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    (void)defect;
    if (!netlink)
        return;
    request->nlmsg_type = RTM_GETROUTE;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct rtmsg *general = mnl_nlmsg_put_extra_header(request, sizeof *general);
    general->rtm_family = AF_INET;
    if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(netlink, request, request->nlmsg_len) >= 0) {
        ssize_t length = mnl_socket_recvfrom(netlink, buffer, sizeof buffer);
        if (length > 0)
            (void)mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(netlink),
                             look_at_route, &list->addresses[0].server);
    }
    mnl_socket_close(netlink);
}

const struct defect_hooks defects_08_1_routes[] = {
    {.name = "reads-the-first-part-of-the-routes", .list = read_the_first_part},
    {.name = NULL},
};
