/* The rules of the nftables backend, and its sets while they are empty: put in place once, the same
 * however many mappings there are.
 *
 * A mapping is an element, in one of three forms:
 *
 *     form        fields of one side           for
 *                 address . protocol . port    one port
 *     _protocol   address . protocol           all ports of a protocol (RFC 6887 section 11.3)
 *     _all        address                      all protocols           (likewise)
 *
 * What stands in the sets, whose names end in their form:
 *
 *     inbound       external -> internal       NAT: where packets from outside go
 *     outbound      internal -> external       NAT: where packets from inside leave from
 *     pinholes      internal                   firewall: what comes in
 *     filtered      external                   mappings with FILTERs (13.3; a pinhole's external side
 *                                              is its internal one) ...
 *     allowed       external . remote address  ... and whom they let in
 *     allowed_port  external . remote address . remote port
 *
 * and, without a form:
 *
 *     peer_inbound  external . remote -> internal          PEERs
 *     peer_outbound internal . remote -> external
 *     peer_pinholes internal . remote
 *     flows         internal -> external    endpoints that sent lately; an element's age is the time
 *                                           since the last packet out
 *     claimed       external                mapped ports among those of implicit flows
 *     claimants     internal address . external            ... and whose they are
 *     avoiders      internal                endpoints to which masquerading would give one of these
 *
 * Implicit flows get ports of their own, below those of mappings (16.1). A MAP that takes over the
 * port of a live flow (11.3) has one of these: it is claimed. Where masquerading gives it to another
 * host's flow all the same, the flow's first packet is dropped, and its next one gets a port by
 * chance.
 *
 * New packets from outside to mappings' ports that are nobody's end here: the kernel would remember
 * them as flows of this machine, and lead those that follow past a mapping that is made meanwhile.
 *
 * The chains stand one step before the usual priorities, so that a ruleset of the node's own (plain
 * masquerade, say) finds its packets translated already. A packet that a mapping lets in bears a
 * mark, by which such a ruleset can accept it.
 */
#ifndef PINHOLE_NODE_GATEWAY_NFT_RULESET_H
#define PINHOLE_NODE_GATEWAY_NFT_RULESET_H

#include "base/error.h"
#include "node/gateway/config.h"

enum {
    NFT_PERMITTED_MARK = 0x50435032 /* "PCP2": packets that a mapping lets in carry it */
};

#define NFT_TABLE "pinhole" /* one of family ip, one of family ip6 */

enum nft_form { NFT_FORM_PORT, NFT_FORM_PROTOCOL, NFT_FORM_ALL, NFT_FORMS };

/* Makes both tables anew, empty of mappings; -1 with what nftables says. */
int nft_ruleset_install(const struct config *config, struct error *error);
/* Removes them. */
void nft_ruleset_remove(void);

#endif
