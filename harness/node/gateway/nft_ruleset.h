/* The rules of the nftables backend: put in place once, the same however many mappings there are. */
#ifndef PINHOLE_NODE_GATEWAY_NFT_RULESET_H
#define PINHOLE_NODE_GATEWAY_NFT_RULESET_H

#include "base/error.h"
#include "node/gateway/config.h"

enum {
    NFT_FILTER_SLOTS = 8,           /* filters of one mapping, each in a set of its own */
    NFT_PERMITTED_MARK = 0x50435032 /* "PCP2": packets that a mapping lets in carry it */
};

#define NFT_TABLE "pinhole" /* one of family ip, one of family ip6 */

/* Makes both tables anew, empty of mappings; -1 with what nftables says. */
int nft_ruleset_install(const struct config *config, struct error *error);

#endif
