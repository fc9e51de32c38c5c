/* Elements of nftables sets by netlink: queued, then committed in one transaction.
 *
 * Messages are written by hand over libmnl: nothing is allocated for an element, and elements that
 * go into one set together share a message.
 */
#ifndef PINHOLE_NODE_GATEWAY_NFT_ELEMENTS_H
#define PINHOLE_NODE_GATEWAY_NFT_ELEMENTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NFT_KEY_SIZE = 48, /* IPv6 five-tuple: 16 + 4 + 4 + 16 + 4, rounded up */
    NFT_DATA_SIZE = 8, /* IPv4 address and port */
    NFT_QUEUE_SIZE = 4096
};

struct nft_element {
    const char *set; /* a constant string: elements of one set have the same pointer */
    bool remove;
    uint8_t family;                              /* NFPROTO_IPV4 or NFPROTO_IPV6 */
    uint8_t key_length, end_length, data_length; /* end: last key of an interval, or 0 */
    uint8_t key[NFT_KEY_SIZE], end[NFT_KEY_SIZE], data[NFT_DATA_SIZE];
};

struct nft_elements;

/* Opens netlink for the elements of table; NULL with error. */
struct nft_elements *nft_elements_open(const char *table, struct error *error);
void nft_elements_close(struct nft_elements *elements);

/* A new element at the end of the queue, to be filled in; NULL: the queue is full. */
struct nft_element *nft_elements_add(struct nft_elements *elements);
size_t nft_elements_queued(const struct nft_elements *elements);
void nft_elements_discard(struct nft_elements *elements);
/* All or nothing; -1 with error: nothing. The queue is empty afterwards. */
int nft_elements_commit(struct nft_elements *elements, struct error *error);

struct nft_found {
    bool present;
    uint8_t data[NFT_DATA_SIZE];
    uint64_t expires; /* milliseconds that it has left */
};

/* Looks elements up by their keys, all with as few calls of the kernel as it takes. -1 on an error; of
 * an element that can't be told, present is false. */
int nft_elements_get(struct nft_elements *elements, const struct nft_element *wanted, size_t count,
                     struct nft_found *found);

#endif
