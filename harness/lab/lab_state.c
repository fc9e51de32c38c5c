/* The state that a run leaves in its nodes, saved for whoever reads the results. */
#include "lab/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_SIZE = 64 << 10 };

static FILE *create_file(const struct lab *lab, size_t node, const char *folder, const char *suffix,
                         struct error *error)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s.%s", folder,
                          lab_topology(lab)->nodes[node].name, suffix);
    FILE *file = length < (int)sizeof path ? fopen(path, "we") : NULL;
    if (!file)
        (void)error_set_errno(error, errno, "creating %.200s", path);
    return file;
}

static int close_file(FILE *file, struct error *error)
{
    if (fclose(file) != 0)
        return error_set_errno(error, errno, "writing a node's state");
    return 0;
}

static int save_ruleset(FILE *file, struct error *error)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context)
        return error_set(error, "nftables can't be used");
    int result = 0;
    if (nft_ctx_buffer_error(context) != 0 || nft_ctx_buffer_output(context) != 0 ||
        nft_run_cmd_from_buffer(context, "list ruleset") != 0)
        result = error_set(error, "listing the ruleset failed");
    else
        (void)fputs(nft_ctx_get_output_buffer(context), file);
    nft_ctx_free(context);
    return result;
}

/* --- tracked connections ---------------------------------------------------------------------- */

enum { ATTRIBUTES = 32 }; /* more than any of the tables of ctnetlink that are read here */

struct table {
    const struct nlattr *attribute[ATTRIBUTES];
};

static int pick(const struct nlattr *attribute, void *state)
{
    struct table *table = state;
    unsigned type = mnl_attr_get_type(attribute);
    if (type < ATTRIBUTES)
        table->attribute[type] = attribute;
    return MNL_CB_OK;
}

static struct table nested(const struct nlattr *attribute)
{
    struct table table = {{NULL}};
    if (attribute)
        (void)mnl_attr_parse_nested(attribute, pick, &table);
    return table;
}

static unsigned number(const struct nlattr *attribute)
{
    if (!attribute)
        return 0;
    switch (mnl_attr_get_payload_len(attribute)) {
    case 1:
        return mnl_attr_get_u8(attribute);
    case 2:
        return ntohs(mnl_attr_get_u16(attribute));
    default:
        return ntohl(mnl_attr_get_u32(attribute));
    }
}

static void write_address(FILE *file, const char *name, const struct nlattr *ipv4,
                          const struct nlattr *ipv6)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (ipv4 && mnl_attr_get_payload_len(ipv4) == 4)
        (void)inet_ntop(AF_INET, mnl_attr_get_payload(ipv4), text, sizeof text);
    else if (ipv6 && mnl_attr_get_payload_len(ipv6) == 16)
        (void)inet_ntop(AF_INET6, mnl_attr_get_payload(ipv6), text, sizeof text);
    (void)fprintf(file, " %s=%s", name, text);
}

static void write_tuple(FILE *file, const struct nlattr *attribute)
{
    struct table tuple = nested(attribute);
    struct table ip = nested(tuple.attribute[CTA_TUPLE_IP]);
    struct table protocol = nested(tuple.attribute[CTA_TUPLE_PROTO]);
    write_address(file, "src", ip.attribute[CTA_IP_V4_SRC], ip.attribute[CTA_IP_V6_SRC]);
    write_address(file, "dst", ip.attribute[CTA_IP_V4_DST], ip.attribute[CTA_IP_V6_DST]);
    if (protocol.attribute[CTA_PROTO_SRC_PORT])
        (void)fprintf(file, " sport=%u dport=%u", number(protocol.attribute[CTA_PROTO_SRC_PORT]),
                      number(protocol.attribute[CTA_PROTO_DST_PORT]));
    else if (protocol.attribute[CTA_PROTO_ICMP_ID])
        (void)fprintf(file, " id=%u", number(protocol.attribute[CTA_PROTO_ICMP_ID]));
    else if (protocol.attribute[CTA_PROTO_ICMPV6_ID])
        (void)fprintf(file, " id=%u", number(protocol.attribute[CTA_PROTO_ICMPV6_ID]));
}

static void write_protocol(FILE *file, unsigned protocol)
{
    static const struct {
        unsigned number;
        const char *name;
    } names[] = {{IPPROTO_TCP, "tcp"},
                 {IPPROTO_UDP, "udp"},
                 {IPPROTO_ICMP, "icmp"},
                 {IPPROTO_ICMPV6, "icmpv6"},
                 {IPPROTO_SCTP, "sctp"}};
    const char *name = "unknown";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == protocol)
            name = names[i].name;
    (void)fprintf(file, "%-8s %u", name, protocol);
}

/* udp      17 29 src=... dst=... sport=... dport=... [UNREPLIED] src=... ... [ASSURED] mark=0 */
static int write_connection(const struct nlmsghdr *header, void *state)
{
    FILE *file = state;
    struct table entry = {{NULL}};
    if (mnl_attr_parse(header, sizeof(struct nfgenmsg), pick, &entry) < 0)
        return MNL_CB_OK;
    struct table original = nested(entry.attribute[CTA_TUPLE_ORIG]);
    struct table protocol = nested(original.attribute[CTA_TUPLE_PROTO]);
    unsigned status = number(entry.attribute[CTA_STATUS]);
    write_protocol(file, number(protocol.attribute[CTA_PROTO_NUM]));
    (void)fprintf(file, " %u", number(entry.attribute[CTA_TIMEOUT]));
    write_tuple(file, entry.attribute[CTA_TUPLE_ORIG]);
    if (!(status & IPS_SEEN_REPLY))
        (void)fputs(" [UNREPLIED]", file);
    write_tuple(file, entry.attribute[CTA_TUPLE_REPLY]);
    if (status & IPS_ASSURED)
        (void)fputs(" [ASSURED]", file);
    (void)fprintf(file, " mark=%u\n", number(entry.attribute[CTA_MARK]));
    return MNL_CB_OK;
}

static int read_connections(int fd, FILE *file, struct error *error)
{
    _Alignas(NLMSG_ALIGNTO) char octets[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(octets);
    request->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(request, sizeof *message);
    message->nfgen_family = AF_UNSPEC;
    message->version = NFNETLINK_V0;
    if (send(fd, request, request->nlmsg_len, 0) < 0)
        return error_set_errno(error, errno, "asking for tracked connections");

    char *answer = malloc(ANSWER_SIZE);
    int more = answer ? MNL_CB_OK : MNL_CB_ERROR;
    while (more == MNL_CB_OK) {
        ssize_t got = recv(fd, answer, ANSWER_SIZE, 0);
        more =
            got < 0 ? MNL_CB_ERROR : mnl_cb_run(answer, (size_t)got, 0, 0, write_connection, file);
    }
    int cause = errno;
    free(answer);
    /* A kernel that tracks no connections doesn't know the request: then there are none. */
    if (more == MNL_CB_ERROR && cause != EINVAL && cause != EOPNOTSUPP)
        return error_set_errno(error, cause, "reading tracked connections");
    return 0;
}

static int save_connections(FILE *file, struct error *error)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0)
        return error_set_errno(error, errno, "opening a netlink socket");
    int result = read_connections(fd, file, error);
    (void)close(fd);
    return result;
}

/* --- both ------------------------------------------------------------------------------------- */

static int save(const struct lab *lab, size_t node, const char *folder, const char *suffix,
                int (*writer)(FILE *file, struct error *error), struct error *error)
{
    FILE *file = create_file(lab, node, folder, suffix, error);
    if (!file)
        return -1;
    int written = writer(file, error);
    int closed = close_file(file, error);
    return written == 0 ? closed : -1;
}

int lab_save_state(const struct lab *lab, size_t node, const char *folder, struct error *error)
{
    if (lab_enter(lab, node, error) != 0)
        return -1;
    int result = save(lab, node, folder, "nft", save_ruleset, error);
    if (result == 0)
        result = save(lab, node, folder, "conntrack", save_connections, error);
    int left = lab_leave(lab, error);
    return result == 0 ? left : -1;
}
