/* Two tables, and in them
 *
 *   IPv4   inbound, outbound            the two halves of MAP mappings (3-tuples)
 *          peer_inbound, peer_outbound  the two halves of PEER mappings (5-tuples), looked up first
 *   IPv6   pinholes                     MAP
 *   both   peers                        internal side of PEERs: they pass whatever is filtered
 *          filtered, allowed0 to 7      MAPs with FILTERs, and their filters by number: elements of
 *                                       one set must not overlap, filters of one mapping may
 *          flows                        internal endpoints that sent lately, and from which external
 *                                       one; an element's age is the time since the last packet out
 *
 * The chains stand one step before the usual priorities, so that a ruleset of the node's own (plain
 * masquerade, say) finds its packets translated already. A packet from outside that a mapping lets
 * in leaves with a mark, by which such a ruleset can accept it.
 */
#include "node/gateway/nft_ruleset.h"

#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 16384, LEAST_IMPLICIT_PORT = 1024 };

struct text {
    char octets[TEXT_SIZE];
    size_t length;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(text->octets + text->length, TEXT_SIZE - text->length, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length;
    if (text->length >= TEXT_SIZE)
        text->length = TEXT_SIZE - 1; /* nftables will refuse what is cut */
}

/* What both families have alike; address is their type of address, ip the name of their header. */
static void add_sets(struct text *text, const char *address)
{
    add(text, " set peers { type %s . inet_proto . inet_service . %s . inet_service; }\n", address,
        address);
    add(text, " set filtered { type %s . inet_proto . inet_service; }\n", address);
    for (int slot = 0; slot < NFT_FILTER_SLOTS; slot++)
        add(text,
            " set allowed%d { type %s . inet_proto . inet_service . %s . inet_service;"
            " flags interval; }\n",
            slot, address, address);
}

/* Drops a packet from outside that none of its mapping's filters lets in (13.3). */
static void add_filter_chain(struct text *text, const char *ip)
{
    add(text, " chain allowed {\n");
    add(text, "  %s daddr . meta l4proto . th dport . %s saddr . th sport @peers return\n", ip, ip);
    for (int slot = 0; slot < NFT_FILTER_SLOTS; slot++)
        add(text, "  %s daddr . meta l4proto . th dport . %s saddr . th sport @allowed%d return\n",
            ip, ip, slot);
    add(text, "  drop\n }\n");
}

static void add_guard(struct text *text, const struct config *config)
{
    if (config->guard)
        add(text, "  ct state established,related accept\n"
                  "  meta l4proto ipv6-icmp accept\n"
                  "  drop\n");
    add(text, " }\n");
}

static void add_ipv4(struct text *text, const struct config *config)
{
    const char *out = config->outside;
    const struct pcp_server_policy *policy = &config->policy;
    add(text, "table ip " NFT_TABLE " {\n");
    static const char *const maps[] = {"inbound", "outbound"};
    for (size_t i = 0; i < 2; i++) {
        add(text,
            " map %s { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n",
            maps[i]);
        add(text,
            " map peer_%s { type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service"
            " : ipv4_addr . inet_service; }\n",
            maps[i]);
    }
    add(text, " map flows { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;"
              " flags dynamic,timeout; size 65535; }\n");
    add_sets(text, "ipv4_addr");
    add(text, " chain prerouting { type nat hook prerouting priority dstnat - 1;\n");
    add(text,
        "  iifname \"%s\" dnat ip to ip daddr . meta l4proto . th dport . ip saddr . th sport"
        " map @peer_inbound\n",
        out);
    add(text, "  iifname \"%s\" dnat ip to ip daddr . meta l4proto . th dport map @inbound\n }\n",
        out);
    add(text, " chain postrouting { type nat hook postrouting priority srcnat - 1;\n");
    add(text,
        "  oifname \"%s\" snat ip to ip saddr . meta l4proto . th sport . ip daddr . th dport"
        " map @peer_outbound\n",
        out);
    add(text, "  oifname \"%s\" snat ip to ip saddr . meta l4proto . th sport map @outbound\n",
        out);
    if (config->masquerade && policy->first_port > LEAST_IMPLICIT_PORT + 1)
        add(text, "  oifname \"%s\" meta l4proto { tcp, udp } masquerade to :%d-%u\n", out,
            LEAST_IMPLICIT_PORT, policy->first_port - 1U);
    if (config->masquerade)
        add(text, "  oifname \"%s\" masquerade\n", out);
    add(text, " }\n chain seen { type filter hook postrouting priority 300;\n");
    static const char *const protocols[] = {"udp", "tcp"};
    const uint32_t idle[] = {policy->idle.udp, policy->idle.tcp};
    for (size_t i = 0; i < 2; i++)
        if (idle[i])
            add(text,
                "  oifname \"%s\" meta l4proto %s update @flows { ct original ip saddr ."
                " meta l4proto . ct original proto-src timeout %us : ip saddr . th sport }\n",
                out, protocols[i], idle[i]);
    add(text, " }\n");
    add_filter_chain(text, "ip");
    add(text, " chain forward { type filter hook forward priority filter - 1;\n");
    add(text, "  iifname != \"%s\" accept\n", out);
    add(text,
        "  ct direction original ip daddr . meta l4proto . th dport @filtered jump allowed\n");
    add(text, "  ct status dnat meta mark set 0x%x accept\n", (unsigned int)NFT_PERMITTED_MARK);
    add_guard(text, config);
    add(text, "}\n");
}

static void add_ipv6(struct text *text, const struct config *config)
{
    const char *out = config->outside;
    const struct pcp_server_policy *policy = &config->policy;
    add(text, "table ip6 " NFT_TABLE " {\n"
              " set pinholes { type ipv6_addr . inet_proto . inet_service; }\n"
              " set flows { type ipv6_addr . inet_proto . inet_service;"
              " flags dynamic,timeout; size 65535; }\n");
    add_sets(text, "ipv6_addr");
    add(text, " chain seen { type filter hook postrouting priority 300;\n");
    add(text,
        "  oifname \"%s\" meta l4proto udp update @flows { ip6 saddr . meta l4proto . th sport"
        " timeout %us }\n",
        out, policy->idle.udp ? policy->idle.udp : 1);
    add(text,
        "  oifname \"%s\" meta l4proto tcp update @flows { ip6 saddr . meta l4proto . th sport"
        " timeout %us }\n }\n",
        out, policy->idle.tcp ? policy->idle.tcp : 1);
    add_filter_chain(text, "ip6");
    add(text, " chain forward { type filter hook forward priority filter - 1;\n");
    add(text, "  iifname != \"%s\" accept\n", out);
    add(text,
        "  ct direction original ip6 daddr . meta l4proto . th dport @filtered jump allowed\n");
    add(text, "  ip6 daddr . meta l4proto . th dport @pinholes meta mark set 0x%x accept\n",
        (unsigned int)NFT_PERMITTED_MARK);
    add(text,
        "  ip6 daddr . meta l4proto . th dport . ip6 saddr . th sport @peers"
        " meta mark set 0x%x accept\n",
        (unsigned int)NFT_PERMITTED_MARK);
    add_guard(text, config);
    add(text, "}\n");
}

static int run(const char *commands, struct error *error)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context)
        return error_set(error, "nftables: no memory");
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    int result = 0;
    if (nft_run_cmd_from_buffer(context, commands)) {
        const char *says = nft_ctx_get_error_buffer(context);
        result = error_set(error, "nftables: %.*s", (int)strcspn(says, "\n"), says);
    }
    nft_ctx_free(context);
    return result;
}

/* A table that is named is made where it is lacking, so its removal never fails. */
#define REMOVE_TABLES                                                                              \
    "table ip " NFT_TABLE "\ndelete table ip " NFT_TABLE "\n"                                      \
    "table ip6 " NFT_TABLE "\ndelete table ip6 " NFT_TABLE "\n"

int nft_ruleset_install(const struct config *config, struct error *error)
{
    static struct text text;
    text.length = 0;
    add(&text, REMOVE_TABLES);
    add_ipv4(&text, config);
    add_ipv6(&text, config);
    return run(text.octets, error);
}
