#include "node/gateway/nft_elements.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_SIZE = 1 << 20,  /* a full queue of the longest elements */
    MESSAGE_ELEMENTS = 256, /* the list's length is 16 bits */
    RECEIVE_SIZE = 1 << 16,
    WANTED_SOCKET_BUFFER = 4 << 20,
    QUESTIONS = 32, /* at once: as many answers as fit a socket's buffer */
    ANSWER_SIZE = RECEIVE_SIZE / QUESTIONS
};

struct nft_elements {
    struct mnl_socket *socket;
    const char *table;
    uint32_t sequence;
    struct nft_element queue[NFT_QUEUE_SIZE];
    size_t queued;
    uint8_t buffer[BUFFER_SIZE];
    uint8_t received[RECEIVE_SIZE];
};

struct nft_elements *nft_elements_open(const char *table, struct error *error)
{
    struct nft_elements *elements = calloc(1, sizeof *elements);
    if (!elements) {
        error_set(error, "nftables: no memory");
        return NULL;
    }
    elements->table = table;
    elements->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!elements->socket || mnl_socket_bind(elements->socket, 0, MNL_SOCKET_AUTOPID)) {
        error_set_errno(error, errno, "netlink socket for nftables");
        nft_elements_close(elements);
        return NULL;
    }
    int wanted = WANTED_SOCKET_BUFFER;
    int brief = 1;
    int fd = mnl_socket_get_fd(elements->socket);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &brief, sizeof brief); /* errors without an echo */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted))
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    return elements;
}

void nft_elements_close(struct nft_elements *elements)
{
    if (elements && elements->socket)
        mnl_socket_close(elements->socket);
    free(elements);
}

struct nft_element *nft_elements_add(struct nft_elements *elements)
{
    if (elements->queued == NFT_QUEUE_SIZE)
        return NULL;
    struct nft_element *element = &elements->queue[elements->queued++];
    memset(element, 0, sizeof *element);
    return element;
}

size_t nft_elements_queued(const struct nft_elements *elements)
{
    return elements->queued;
}

void nft_elements_discard(struct nft_elements *elements)
{
    elements->queued = 0;
}

/* --- messages ------------------------------------------------------------------------------- */

static struct nlmsghdr *put_header(struct nft_elements *elements, void *at, uint16_t type,
                                   uint16_t flags, uint8_t family, uint16_t resource)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(at);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++elements->sequence;
    struct nfgenmsg *extra = mnl_nlmsg_put_extra_header(header, sizeof *extra);
    extra->nfgen_family = family;
    extra->version = NFNETLINK_V0;
    extra->res_id = htons(resource);
    return header;
}

static void put_value(struct nlmsghdr *header, uint16_t type, const uint8_t *value, size_t length)
{
    struct nlattr *nest = mnl_attr_nest_start(header, type);
    mnl_attr_put(header, NFTA_DATA_VALUE, length, value);
    mnl_attr_nest_end(header, nest);
}

static void put_element(struct nlmsghdr *header, const struct nft_element *element)
{
    struct nlattr *nest = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    put_value(header, NFTA_SET_ELEM_KEY, element->key, element->key_length);
    if (element->end_length)
        put_value(header, NFTA_SET_ELEM_KEY_END, element->end, element->end_length);
    if (element->data_length && !element->remove)
        put_value(header, NFTA_SET_ELEM_DATA, element->data, element->data_length);
    mnl_attr_nest_end(header, nest);
}

static struct nlmsghdr *start_elements(struct nft_elements *elements, void *at,
                                       const struct nft_element *element, uint16_t message,
                                       uint16_t flags)
{
    struct nlmsghdr *header = put_header(
        elements, at, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message), flags, element->family, 0);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, elements->table);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, element->set);
    return header;
}

static bool same_set(const struct nft_element *a, const struct nft_element *b)
{
    return a->set == b->set && a->family == b->family;
}

/* One message for the elements of first..end that go where first goes, as far as they fit; marks
 * them done by taking away their set. */
static struct nlmsghdr *put_message(struct nft_elements *elements, void *at, size_t first,
                                    size_t end)
{
    const struct nft_element leader = elements->queue[first];
    struct nlmsghdr *header = start_elements(
        elements, at, &leader, leader.remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
        leader.remove ? 0 : NLM_F_CREATE);
    struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
    size_t count = 0;
    for (size_t i = first; i < end && count < MESSAGE_ELEMENTS; i++) {
        struct nft_element *element = &elements->queue[i];
        if (!element->set || !same_set(element, &leader))
            continue;
        put_element(header, element);
        element->set = NULL;
        count++;
    }
    mnl_attr_nest_end(header, list);
    return header;
}

/* The end of the run of additions, or of removals, that begins at first: within it the order is of
 * no matter, and elements may be gathered by set. */
static size_t run_end(const struct nft_elements *elements, size_t first)
{
    size_t end = first;
    while (end < elements->queued && elements->queue[end].remove == elements->queue[first].remove)
        end++;
    return end;
}

/* Writes the whole transaction; the last message in it asks for an answer. */
static size_t write_batch(struct nft_elements *elements, uint32_t *last_sequence)
{
    uint8_t *at = elements->buffer;
    struct nlmsghdr *header =
        put_header(elements, at, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    at += MNL_ALIGN(header->nlmsg_len);
    for (size_t first = 0; first < elements->queued;) {
        size_t end = run_end(elements, first);
        for (; first < end; first++) {
            if (!elements->queue[first].set)
                continue;
            header = put_message(elements, at, first, end);
            at += MNL_ALIGN(header->nlmsg_len);
        }
    }
    header->nlmsg_flags |= NLM_F_ACK;
    *last_sequence = header->nlmsg_seq;
    header = put_header(elements, at, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    at += MNL_ALIGN(header->nlmsg_len);
    return (size_t)(at - elements->buffer);
}

/* Reads until the answer to last has come; the first error of any message counts. */
static int read_answers(struct nft_elements *elements, uint32_t last, struct error *error)
{
    int failure = 0;
    bool done = false;
    while (!done) {
        ssize_t length = mnl_socket_recvfrom(elements->socket, elements->received, RECEIVE_SIZE);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set_errno(error, errno, "nftables answer");
        int left = (int)length;
        const struct nlmsghdr *header = (const struct nlmsghdr *)elements->received;
        for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type != NLMSG_ERROR)
                continue;
            const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
            if (answer->error && !failure)
                failure = -answer->error;
            done = done || header->nlmsg_seq == last;
        }
    }
    return failure ? error_set_errno(error, failure, "nftables transaction") : 0;
}

int nft_elements_commit(struct nft_elements *elements, struct error *error)
{
    if (elements->queued == 0)
        return 0;
    uint32_t last = 0;
    size_t length = write_batch(elements, &last);
    elements->queued = 0;
    if (mnl_socket_sendto(elements->socket, elements->buffer, length) < 0)
        return error_set_errno(error, errno, "nftables transaction");
    return read_answers(elements, last, error);
}

/* --- look-ups ------------------------------------------------------------------------------- */

static void read_element(const struct nlattr *element, struct nft_found *found)
{
    const struct nlattr *attribute;
    found->present = true;
    mnl_attr_for_each_nested(attribute, element)
    {
        uint16_t type = mnl_attr_get_type(attribute);
        const struct nlattr *value;
        if (type == NFTA_SET_ELEM_EXPIRATION)
            found->expires = be64toh(mnl_attr_get_u64(attribute));
        if (type != NFTA_SET_ELEM_DATA)
            continue;
        mnl_attr_for_each_nested(value, attribute)
        {
            size_t length = mnl_attr_get_payload_len(value);
            if (mnl_attr_get_type(value) == NFTA_DATA_VALUE && length <= NFT_DATA_SIZE)
                memcpy(found->data, mnl_attr_get_payload(value), length);
        }
    }
}

static void read_list(const struct nlmsghdr *header, struct nft_found *found)
{
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg))
    {
        const struct nlattr *element;
        if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
            continue;
        mnl_attr_for_each_nested(element, attribute) read_element(element, found);
    }
}

/* One question for each element, in one message to the kernel. Returns its length. */
static size_t write_questions(struct nft_elements *elements, const struct nft_element *wanted,
                              size_t count)
{
    uint8_t *at = elements->buffer;
    for (size_t i = 0; i < count; i++) {
        struct nlmsghdr *header = start_elements(elements, at, &wanted[i], NFT_MSG_GETSETELEM, 0);
        struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
        put_element(header, &wanted[i]);
        mnl_attr_nest_end(header, list);
        at += MNL_ALIGN(header->nlmsg_len);
    }
    return (size_t)(at - elements->buffer);
}

/* Each question has one answer, the element or an error, and all are there when the question was sent:
 * the kernel works on it meanwhile. */
static void read_found(struct nft_elements *elements, uint32_t first, size_t count,
                       struct nft_found *found)
{
    struct mmsghdr messages[QUESTIONS];
    struct iovec parts[QUESTIONS];
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){elements->received + i * ANSWER_SIZE, ANSWER_SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int received = recvmmsg(mnl_socket_get_fd(elements->socket), messages, (unsigned int)count,
                            MSG_DONTWAIT, NULL);
    for (int i = 0; i < received; i++) {
        const struct nlmsghdr *header = parts[i].iov_base;
        uint32_t index = header->nlmsg_seq - first;
        if (mnl_nlmsg_ok(header, (int)messages[i].msg_len) && index < count &&
            header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
            read_list(header, &found[index]);
    }
}

int nft_elements_get(struct nft_elements *elements, const struct nft_element *wanted, size_t count,
                     struct nft_found *found)
{
    memset(found, 0, count * sizeof *found);
    for (size_t done = 0; done < count; done += QUESTIONS) {
        size_t step = count - done < QUESTIONS ? count - done : QUESTIONS;
        uint32_t first = elements->sequence + 1;
        size_t length = write_questions(elements, wanted + done, step);
        if (mnl_socket_sendto(elements->socket, elements->buffer, length) < 0)
            return -1;
        read_found(elements, first, step, found + done);
    }
    return 0;
}
