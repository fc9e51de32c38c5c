#include "lab/netlink.h"

#include "lab/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH_SIZE = 96 << 10,  /* below a socket's default send buffer */
    MESSAGE_SIZE = 1 << 10, /* no request of ours is longer */
    ANSWER_SIZE = 64 << 10,
    REQUESTS = 1024,
};

struct netlink_batch {
    size_t used;
    size_t count;
    struct nlmsghdr *last;
    bool overflow;                       /* more was appended than fits: commit fails */
    struct netlink_note notes[REQUESTS]; /* by sequence number */
    _Alignas(NLMSG_ALIGNTO) char octets[BATCH_SIZE];
    _Alignas(NLMSG_ALIGNTO) char answer[ANSWER_SIZE];
};

int netlink_open(struct error *error)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return error_set_errno(error, errno, "opening a netlink socket");
    /* Errors carry the kernel's own words, and not the request again. Older kernels: without. */
    int on = 1;
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    return fd;
}

struct netlink_batch *netlink_batch_create(struct error *error)
{
    struct netlink_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        (void)error_set(error, "out of memory");
    return batch;
}

void netlink_batch_free(struct netlink_batch *batch)
{
    free(batch);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Begins a request. Where the batch is full it goes over the last one, and the commit fails. */
static struct nlmsghdr *begin(struct netlink_batch *batch, const struct netlink_note *note,
                              uint16_t type, uint16_t flags)
{
    if (batch->count == REQUESTS || batch->used + MESSAGE_SIZE > BATCH_SIZE) {
        batch->overflow = true;
        batch->used = 0;
        batch->count = 0;
    }
    struct nlmsghdr *header = mnl_nlmsg_put_header(batch->octets + batch->used);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = (uint32_t)batch->count;
    batch->notes[batch->count] = *note;
    batch->last = header;
    return header;
}

static void end(struct netlink_batch *batch, const struct nlmsghdr *header)
{
    batch->used += MNL_ALIGN(header->nlmsg_len);
    batch->count++;
}

static struct ifinfomsg *put_interface(struct nlmsghdr *header, uint32_t index, bool up)
{
    struct ifinfomsg *interface = mnl_nlmsg_put_extra_header(header, sizeof *interface);
    interface->ifi_family = AF_UNSPEC;
    interface->ifi_index = (int)index;
    if (up)
        interface->ifi_change = interface->ifi_flags = IFF_UP;
    return interface;
}

void netlink_add_bridge(struct netlink_batch *batch, const struct netlink_note *note,
                        const char *name, uint32_t index)
{
    struct nlmsghdr *header = begin(batch, note, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    (void)put_interface(header, index, true);
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    struct nlattr *kind = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "bridge");
    /* Multicast goes everywhere: no snooping, so no querier's silence at the start. */
    struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    mnl_attr_put_u8(header, IFLA_BR_MCAST_SNOOPING, 0);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, kind);
    end(batch, header);
}

static void put_end(struct nlmsghdr *header, const struct netlink_end *veth)
{
    mnl_attr_put_strz(header, IFLA_IFNAME, veth->name);
    mnl_attr_put(header, IFLA_ADDRESS, sizeof veth->address, veth->address);
    /* Else as many as the machine has processors, each with folders in /sys. */
    mnl_attr_put_u32(header, IFLA_NUM_TX_QUEUES, 1);
    mnl_attr_put_u32(header, IFLA_NUM_RX_QUEUES, 1);
    if (veth->bridge)
        mnl_attr_put_u32(header, IFLA_MASTER, veth->bridge);
}

void netlink_add_veth(struct netlink_batch *batch, const struct netlink_note *note,
                      const struct netlink_end *near, const struct netlink_end *far,
                      int far_namespace)
{
    struct nlmsghdr *header = begin(batch, note, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    (void)put_interface(header, near->index, near->up);
    put_end(header, near);
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(header, VETH_INFO_PEER);
    (void)put_interface(header, far->index, false);
    put_end(header, far);
    if (far_namespace >= 0)
        mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)far_namespace);
    mnl_attr_nest_end(header, peer);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
    end(batch, header);
}

void netlink_raise(struct netlink_batch *batch, const struct netlink_note *note, uint32_t index,
                   uint32_t bridge)
{
    struct nlmsghdr *header = begin(batch, note, RTM_NEWLINK, 0);
    (void)put_interface(header, index, true);
    if (bridge)
        mnl_attr_put_u32(header, IFLA_MASTER, bridge);
    end(batch, header);
}

void netlink_address_not(struct netlink_batch *batch, const struct netlink_note *note,
                         uint32_t index)
{
    struct nlmsghdr *header = begin(batch, note, RTM_NEWLINK, 0);
    (void)put_interface(header, index, false);
    struct nlattr *families = mnl_attr_nest_start(header, IFLA_AF_SPEC);
    struct nlattr *ipv6 = mnl_attr_nest_start(header, AF_INET6);
    mnl_attr_put_u8(header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(header, ipv6);
    mnl_attr_nest_end(header, families);
    end(batch, header);
}

/* Length and first octet of an address as the kernel takes it. */
struct octets {
    uint8_t family;
    uint16_t size;
    const uint8_t *first;
    uint8_t prefix_length;
};

static struct octets native(const struct prefix *prefix)
{
    if (prefix_is_ipv4(prefix))
        return (struct octets){AF_INET, 4, prefix->octet + 12,
                               (uint8_t)(prefix->length - IPV4_OFFSET)};
    return (struct octets){AF_INET6, 16, prefix->octet, prefix->length};
}

void netlink_add_address(struct netlink_batch *batch, const struct netlink_note *note,
                         uint32_t index, const struct prefix *address)
{
    struct octets octets = native(address);
    struct nlmsghdr *header = begin(batch, note, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    message->ifa_family = octets.family;
    message->ifa_prefixlen = octets.prefix_length;
    message->ifa_index = index;
    message->ifa_scope = address_is_link_local(address->octet) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (octets.family == AF_INET6)
        message->ifa_flags = IFA_F_NODAD;
    mnl_attr_put(header, IFA_LOCAL, octets.size, octets.first);
    mnl_attr_put(header, IFA_ADDRESS, octets.size, octets.first);
    if (octets.family == AF_INET && octets.prefix_length < 31) {
        uint32_t value;
        memcpy(&value, octets.first, sizeof value);
        value |= htonl(UINT32_MAX >> octets.prefix_length);
        mnl_attr_put_u32(header, IFA_BROADCAST, value);
    }
    end(batch, header);
}

void netlink_add_route(struct netlink_batch *batch, const struct netlink_note *note, uint32_t index,
                       const struct prefix *destination, const uint8_t via[16])
{
    struct octets octets = native(destination);
    struct nlmsghdr *header = begin(batch, note, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    message->rtm_family = octets.family;
    message->rtm_dst_len = octets.prefix_length;
    message->rtm_table = RT_TABLE_MAIN;
    message->rtm_protocol = RTPROT_STATIC;
    message->rtm_scope = RT_SCOPE_UNIVERSE;
    message->rtm_type = RTN_UNICAST;
    if (octets.prefix_length > 0)
        mnl_attr_put(header, RTA_DST, octets.size, octets.first);
    mnl_attr_put(header, RTA_GATEWAY, octets.size, via + 16 - octets.size);
    if (index)
        mnl_attr_put_u32(header, RTA_OIF, index);
    end(batch, header);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int pick_message(const struct nlattr *attribute, void *text)
{
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
        *(const char **)text = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

/* With the words that the kernel puts behind a failed request, if it has any. */
static int request_failed(const struct netlink_batch *batch, const struct nlmsghdr *header,
                          struct error *error)
{
    const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
    const char *text = NULL;
    if (header->nlmsg_flags & NLM_F_ACK_TLVS) {
        size_t offset = sizeof *answer;
        if (!(header->nlmsg_flags & NLM_F_CAPPED))
            offset += mnl_nlmsg_get_payload_len(&answer->msg);
        (void)mnl_attr_parse(header, (unsigned)offset, pick_message, &text);
    }
    struct netlink_note note = {.action = "netlink", .object = "request"};
    if (answer->msg.nlmsg_seq < REQUESTS)
        note = batch->notes[answer->msg.nlmsg_seq];
    char place[200] = "";
    if (note.file)
        (void)snprintf(place, sizeof place, "%s:%d: ", note.file, note.line);
    return error_set(error, "%s%s %s: %s%s%s%s", place, note.action, note.object,
                     strerror(-answer->error), text ? " (" : "", text ? text : "", text ? ")" : "");
}

static ssize_t receive(struct netlink_batch *batch, int socket, struct error *error)
{
    ssize_t got;
    do
        got = recv(socket, batch->answer, sizeof batch->answer, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set_errno(error, errno, "reading from netlink");
    return got;
}

/* Reads until the answer to the last request. */
static int await_answers(struct netlink_batch *batch, int socket, uint32_t last,
                         struct error *error)
{
    int result = 0;
    for (;;) {
        ssize_t got = receive(batch, socket, error);
        if (got < 0)
            return -1;
        int left = (int)got;
        const struct nlmsghdr *header = (const struct nlmsghdr *)batch->answer;
        for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type != NLMSG_ERROR)
                continue;
            const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
            if (answer->error != 0)
                result = request_failed(batch, header, error);
            if (header->nlmsg_seq == last)
                return result;
        }
    }
}

int netlink_commit(struct netlink_batch *batch, int socket, struct error *error)
{
    size_t size = batch->used;
    size_t count = batch->count;
    batch->used = 0;
    batch->count = 0;
    if (batch->overflow)
        return error_set(error, "more than %d requests, or too long ones, in one batch", REQUESTS);
    if (count == 0)
        return 0;
    batch->last->nlmsg_flags |= NLM_F_ACK;
    ssize_t sent;
    do
        sent = send(socket, batch->octets, size, 0);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return error_set_errno(error, errno, "writing to netlink");
    return await_answers(batch, socket, (uint32_t)count - 1, error);
}

int netlink_relieve(struct netlink_batch *batch, int socket, struct error *error)
{
    if (batch->count < REQUESTS / 2 && batch->used < BATCH_SIZE / 2)
        return 0;
    return netlink_commit(batch, socket, error);
}

/* --- state ------------------------------------------------------------------------------------ */

struct readiness {
    uint8_t operational;
    const char *queue;
    uint8_t port; /* state of a bridge's port */
    bool is_port;
    bool is_bridge;
};

static int pick_port_state(const struct nlattr *attribute, void *state)
{
    struct readiness *ready = state;
    if (mnl_attr_get_type(attribute) == IFLA_BRPORT_STATE)
        ready->port = mnl_attr_get_u8(attribute);
    return MNL_CB_OK;
}

static int pick_link_information(const struct nlattr *attribute, void *state)
{
    struct readiness *ready = state;
    switch (mnl_attr_get_type(attribute)) {
    case IFLA_INFO_KIND:
        ready->is_bridge = strcmp(mnl_attr_get_str(attribute), "bridge") == 0;
        break;
    case IFLA_INFO_SLAVE_DATA:
        ready->is_port = true;
        return mnl_attr_parse_nested(attribute, pick_port_state, state);
    }
    return MNL_CB_OK;
}

static int pick_readiness(const struct nlattr *attribute, void *state)
{
    struct readiness *ready = state;
    switch (mnl_attr_get_type(attribute)) {
    case IFLA_OPERSTATE:
        ready->operational = mnl_attr_get_u8(attribute);
        break;
    case IFLA_QDISC:
        ready->queue = mnl_attr_get_str(attribute);
        break;
    case IFLA_LINKINFO:
        return mnl_attr_parse_nested(attribute, pick_link_information, state);
    }
    return MNL_CB_OK;
}

static bool is_ready(const struct nlmsghdr *header)
{
    const struct ifinfomsg *interface = mnl_nlmsg_get_payload(header);
    if (!(interface->ifi_flags & IFF_UP) || (interface->ifi_flags & IFF_LOOPBACK))
        return true;
    struct readiness ready = {0};
    (void)mnl_attr_parse(header, sizeof *interface, pick_readiness, &ready);
    if (ready.is_bridge)
        return true;
    return ready.operational == IF_OPER_UP && ready.queue && strcmp(ready.queue, "noop") != 0 &&
           (!ready.is_port || ready.port == BR_STATE_FORWARDING);
}

int netlink_links_ready(struct netlink_batch *batch, int socket, struct error *error)
{
    static const struct netlink_note note = {.action = "reading", .object = "the links' state"};
    struct nlmsghdr *request = begin(batch, &note, RTM_GETLINK, NLM_F_DUMP);
    (void)put_interface(request, 0, false);
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (send(socket, request, request->nlmsg_len, 0) < 0)
        return error_set_errno(error, errno, "writing to netlink");
    bool all = true;
    for (;;) {
        ssize_t got = receive(batch, socket, error);
        if (got < 0)
            return -1;
        int left = (int)got;
        const struct nlmsghdr *header = (const struct nlmsghdr *)batch->answer;
        for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return all;
            if (header->nlmsg_type == NLMSG_ERROR)
                return request_failed(batch, header, error);
            all = all && is_ready(header);
        }
    }
}

int netlink_whole_checksums(int socket, const char *interface, struct error *error)
{
    struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    request.ifr_data = (void *)&off;
    /* A netlink socket hands interface requests down as every socket does. */
    if (ioctl(socket, SIOCETHTOOL, &request) != 0)
        return error_set_errno(error, errno, "turning checksum offload off at %s", interface);
    return 0;
}
