#include "node/gateway/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_SIZE = 1 << 16,
    DOOMED = BUFFER_SIZE / 128 /* more flows than one part of a walk can tell of */
};

struct conntrack {
    struct mnl_socket *ask, *end; /* flows can't be ended on a socket in the middle of a walk */
    uint32_t sequence;
    uint8_t buffer[BUFFER_SIZE];
};

static struct mnl_socket *open_socket(struct error *error)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return socket;
    error_set_errno(error, errno, "netlink socket for conntrack");
    if (socket)
        mnl_socket_close(socket);
    return NULL;
}

struct conntrack *conntrack_open(struct error *error)
{
    struct conntrack *conntrack = calloc(1, sizeof *conntrack);
    if (!conntrack) {
        error_set(error, "conntrack: no memory");
        return NULL;
    }
    conntrack->ask = open_socket(error);
    conntrack->end = conntrack->ask ? open_socket(error) : NULL;
    if (conntrack->end)
        return conntrack;
    conntrack_close(conntrack);
    return NULL;
}

void conntrack_close(struct conntrack *conntrack)
{
    if (conntrack && conntrack->ask)
        mnl_socket_close(conntrack->ask);
    if (conntrack && conntrack->end)
        mnl_socket_close(conntrack->end);
    free(conntrack);
}

/* --- messages ------------------------------------------------------------------------------- */

static struct nlmsghdr *start(struct conntrack *conntrack, void *at, uint16_t message,
                              uint16_t flags, uint8_t family)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(at);
    header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message);
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++conntrack->sequence;
    struct nfgenmsg *extra = mnl_nlmsg_put_extra_header(header, sizeof *extra);
    extra->nfgen_family = family;
    return header;
}

static uint8_t family_of(const struct address *address)
{
    return address_is_ipv4(address) ? AF_INET : AF_INET6;
}

static void put_address(struct nlmsghdr *header, uint16_t type4, uint16_t type6,
                        const struct address *address)
{
    if (address_is_ipv4(address))
        mnl_attr_put(header, type4, 4, address->octet + 12);
    else
        mnl_attr_put(header, type6, 16, address->octet);
}

static void put_tuple(struct nlmsghdr *header, const struct conntrack_tuple *tuple)
{
    struct nlattr *outer = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
    struct nlattr *nest = mnl_attr_nest_start(header, CTA_TUPLE_IP);
    put_address(header, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &tuple->source);
    put_address(header, CTA_IP_V4_DST, CTA_IP_V6_DST, &tuple->destination);
    mnl_attr_nest_end(header, nest);
    nest = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(header, CTA_PROTO_NUM, tuple->protocol);
    mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(tuple->source_port));
    mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(tuple->destination_port));
    mnl_attr_nest_end(header, nest);
    mnl_attr_nest_end(header, outer);
}

static void read_ip(const struct nlattr *nest, struct conntrack_tuple *tuple)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, nest)
    {
        const uint8_t *value = mnl_attr_get_payload(attribute);
        uint16_t type = mnl_attr_get_type(attribute);
        if (type == CTA_IP_V4_SRC)
            tuple->source = address_from_ipv4(value);
        else if (type == CTA_IP_V4_DST)
            tuple->destination = address_from_ipv4(value);
        else if (type == CTA_IP_V6_SRC)
            tuple->source = address_from_ipv6(value);
        else if (type == CTA_IP_V6_DST)
            tuple->destination = address_from_ipv6(value);
    }
}

static void read_protocol(const struct nlattr *nest, struct conntrack_tuple *tuple)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, nest)
    {
        uint16_t type = mnl_attr_get_type(attribute);
        if (type == CTA_PROTO_NUM)
            tuple->protocol = mnl_attr_get_u8(attribute);
        else if (type == CTA_PROTO_SRC_PORT)
            tuple->source_port = ntohs(mnl_attr_get_u16(attribute));
        else if (type == CTA_PROTO_DST_PORT)
            tuple->destination_port = ntohs(mnl_attr_get_u16(attribute));
    }
}

static void read_tuple(const struct nlmsghdr *header, uint16_t which, struct conntrack_tuple *tuple)
{
    const struct nlattr *attribute, *nest;
    memset(tuple, 0, sizeof *tuple);
    mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) != which)
            continue;
        mnl_attr_for_each_nested(nest, attribute)
        {
            if (mnl_attr_get_type(nest) == CTA_TUPLE_IP)
                read_ip(nest, tuple);
            else if (mnl_attr_get_type(nest) == CTA_TUPLE_PROTO)
                read_protocol(nest, tuple);
        }
    }
}

/* Reads all answers to what was asked last. */
static bool collect(struct conntrack *conntrack, struct mnl_socket *socket, uint32_t sequence,
                    mnl_cb_t take, void *context, void (*between)(void *context))
{
    int running = MNL_CB_OK;
    while (running > MNL_CB_STOP) {
        ssize_t length = mnl_socket_recvfrom(socket, conntrack->buffer, BUFFER_SIZE);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        running = mnl_cb_run(conntrack->buffer, (size_t)length, sequence,
                             mnl_socket_get_portid(socket), take, context);
        if (between)
            between(context);
    }
    return running == MNL_CB_STOP;
}

/* --- finding -------------------------------------------------------------------------------- */

struct search {
    struct conntrack_tuple original, reply;
    bool found;
};

static int take_found(const struct nlmsghdr *header, void *context)
{
    struct search *search = context;
    read_tuple(header, CTA_TUPLE_ORIG, &search->original);
    read_tuple(header, CTA_TUPLE_REPLY, &search->reply);
    search->found = true;
    return MNL_CB_OK;
}

bool conntrack_find(struct conntrack *conntrack, const struct conntrack_tuple *outward,
                    struct address *external, uint16_t *external_port)
{
    struct nlmsghdr *header = start(conntrack, conntrack->buffer, IPCTNL_MSG_CT_GET, NLM_F_ACK,
                                    family_of(&outward->source));
    put_tuple(header, outward);
    struct search search = {.found = false};
    if (mnl_socket_sendto(conntrack->ask, header, header->nlmsg_len) < 0)
        return false;
    collect(conntrack, conntrack->ask, header->nlmsg_seq, take_found, &search, NULL);
    /* What the remote peer sends to: in answer where the flow began inside, else of its own accord. */
    bool began_inside = address_equal(&search.original.source, &outward->source) &&
                        search.original.source_port == outward->source_port;
    const struct conntrack_tuple *inward = began_inside ? &search.reply : &search.original;
    *external = inward->destination;
    *external_port = inward->destination_port;
    return search.found;
}

/* --- ending --------------------------------------------------------------------------------- */

struct sweep {
    struct conntrack *conntrack;
    const struct conntrack_inbound *ended;
    size_t count;
    const struct address *external; /* and all that goes through this address, unless NULL */
    struct conntrack_tuple doomed[DOOMED];
    size_t doomed_count;
};

static bool fits(const struct conntrack_inbound *ended, const struct conntrack_tuple *original)
{
    return (ended->protocol == 0 || original->protocol == ended->protocol) &&
           (ended->external_port == 0 || original->destination_port == ended->external_port) &&
           address_equal(&original->destination, &ended->external) &&
           (!ended->from_remote || (original->source_port == ended->remote_port &&
                                    address_equal(&original->source, &ended->remote)));
}

static bool goes_through(const struct nlmsghdr *header, const struct conntrack_tuple *original,
                         const struct address *external)
{
    struct conntrack_tuple reply;
    read_tuple(header, CTA_TUPLE_REPLY, &reply);
    return address_equal(&original->destination, external) ||
           address_equal(&reply.destination, external);
}

static int take_flow(const struct nlmsghdr *header, void *context)
{
    struct sweep *sweep = context;
    struct conntrack_tuple original;
    if (sweep->doomed_count == DOOMED)
        return MNL_CB_OK;
    read_tuple(header, CTA_TUPLE_ORIG, &original);
    bool doomed = sweep->external && goes_through(header, &original, sweep->external);
    for (size_t i = 0; i < sweep->count && !doomed; i++)
        doomed = fits(&sweep->ended[i], &original);
    if (doomed)
        sweep->doomed[sweep->doomed_count++] = original;
    return MNL_CB_OK;
}

static void end_doomed(void *context)
{
    struct sweep *sweep = context;
    struct conntrack *conntrack = sweep->conntrack;
    uint8_t message[512];
    for (size_t i = 0; i < sweep->doomed_count; i++) {
        struct nlmsghdr *header = start(conntrack, message, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
                                        family_of(&sweep->doomed[i].source));
        put_tuple(header, &sweep->doomed[i]);
        uint8_t answer[1024];
        if (mnl_socket_sendto(conntrack->end, header, header->nlmsg_len) < 0 ||
            mnl_socket_recvfrom(conntrack->end, answer, sizeof answer) < 0)
            break;
    }
    sweep->doomed_count = 0;
}

static void sweep_family(struct sweep *sweep, uint8_t family)
{
    struct conntrack *conntrack = sweep->conntrack;
    struct nlmsghdr *header =
        start(conntrack, conntrack->buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
    uint32_t sequence = header->nlmsg_seq;
    if (mnl_socket_sendto(conntrack->ask, header, header->nlmsg_len) < 0)
        return;
    collect(conntrack, conntrack->ask, sequence, take_flow, sweep, end_doomed);
}

void conntrack_end(struct conntrack *conntrack, const struct conntrack_inbound *ended, size_t count)
{
    static struct sweep sweep;
    sweep = (struct sweep){.conntrack = conntrack, .ended = ended, .count = count};
    bool ipv4 = false;
    bool ipv6 = false;
    for (size_t i = 0; i < count; i++) {
        bool is_ipv4 = address_is_ipv4(&ended[i].external);
        ipv4 = ipv4 || is_ipv4;
        ipv6 = ipv6 || !is_ipv4;
    }
    if (ipv4)
        sweep_family(&sweep, AF_INET);
    if (ipv6)
        sweep_family(&sweep, AF_INET6);
}

void conntrack_end_address(struct conntrack *conntrack, const struct address *external)
{
    static struct sweep sweep;
    sweep = (struct sweep){.conntrack = conntrack, .external = external};
    sweep_family(&sweep, family_of(external));
}
