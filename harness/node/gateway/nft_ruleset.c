#include "node/gateway/nft_ruleset.h"

#include "node/common/clock.h"
#include "node/gateway/defect.h"

#include <inttypes.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_IMPLICIT_PORT = 1024,
    SPARE_ELEMENTS = 8192, /* those that go count until their transaction is over */
    CLOSED_SECONDS = 240   /* a TCP flow lasts after its end, RFC 5382 REQ-5 */
};

/* Protocols whose packets begin with two ports. */
#define WITH_PORTS "meta l4proto { tcp, udp, dccp, sctp, udplite } "

struct form {
    const char *suffix;
    const char *type; /* of one side, behind the address */
    const char *target;
    const char *inward; /* one side's fields, behind the address */
    const char *outward;
    const char *guard; /* what makes a packet have them */
};

static const struct form forms[NFT_FORMS] = {
    [NFT_FORM_PORT] = {"", " . inet_proto . inet_service", " . inet_service",
                       " . meta l4proto . th dport", " . meta l4proto . th sport", WITH_PORTS},
    [NFT_FORM_PROTOCOL] = {"_protocol", " . inet_proto", "", " . meta l4proto", " . meta l4proto",
                           ""},
    [NFT_FORM_ALL] = {"_all", "", "", "", "", ""},
};

struct family {
    const char *ip;      /* table family, and header */
    const char *address; /* type */
    bool translated;     /* by NAT, beside the firewall */
};

/* --- sets ----------------------------------------------------------------------------------- */

/* Sets whose size is told have all their hash's buckets from the start; in others the kernel takes
 * several times as long for an element whenever it makes room for more. */
static void add_form_sets(FILE *text, const struct family *family, const struct form *form,
                          const struct config *config)
{
    const char *address = family->address;
    static const char *const maps[] = {"inbound", "outbound"};
    char size[32] = "";
    if (form == &forms[NFT_FORM_PORT])
        (void)snprintf(size, sizeof size, " size %u;",
                       config->policy.mapping_capacity + SPARE_ELEMENTS);
    for (size_t i = 0; i < 2 && family->translated; i++)
        fprintf(text, " map %s%s { type %s%s : %s%s;%s }\n", maps[i], form->suffix, address,
                form->type, address, form->target, size);
    fprintf(text, " set pinholes%s { type %s%s;%s }\n", form->suffix, address, form->type,
            family->translated ? "" : size);
    fprintf(text, " set filtered%s { type %s%s; }\n", form->suffix, address, form->type);
    fprintf(text, " set allowed%s { type %s%s . %s; flags interval; }\n", form->suffix, address,
            form->type, address);
    fprintf(text, " set allowed_port%s { type %s%s . %s . inet_service; flags interval; }\n",
            form->suffix, address, form->type, address);
}

static void add_sets(FILE *text, const struct family *family, const struct config *config)
{
    const char *address = family->address;
    const char *endpoint = forms[NFT_FORM_PORT].type;
    for (size_t i = 0; i < NFT_FORMS; i++)
        add_form_sets(text, family, &forms[i], config);
    static const char *const maps[] = {"peer_inbound", "peer_outbound"};
    for (size_t i = 0; i < 2 && family->translated; i++)
        fprintf(text, " map %s { type %s%s . %s . inet_service : %s . inet_service; }\n", maps[i],
                address, endpoint, address, address);
    fprintf(text, " set peer_pinholes { type %s%s . %s . inet_service; }\n", address, endpoint,
            address);
    if (!family->translated) {
        fprintf(text, " set flows { type %s%s; flags dynamic,timeout; size %u; }\n", address,
                endpoint, config->flow_capacity);
        return;
    }
    fprintf(text, " map flows { type %s%s : %s . inet_service; flags dynamic,timeout; size %u; }\n",
            address, endpoint, address, config->flow_capacity);
    if (config_is_proxy(config))
        fprintf(text, " map outermost { type %s%s : %s . inet_service; }\n", address, endpoint,
                address);
    fprintf(text, " set claimed { type %s%s; }\n", address, endpoint);
    fprintf(text, " set claimants { type %s . %s%s; }\n", address, address, endpoint);
    fprintf(text, " set avoiders { type %s%s; flags dynamic,timeout; size %u; }\n", address,
            endpoint, config->flow_capacity);
}

/* --- chains --------------------------------------------------------------------------------- */

/* Drops a packet from outside that none of its mapping's filters lets in (13.3). */
static void add_filter_chains(FILE *text, const struct family *family)
{
    const char *ip = family->ip;
    for (size_t i = 0; i < NFT_FORMS; i++) {
        const struct form *form = &forms[i];
        fprintf(text, " chain filter%s {\n", form->suffix);
        fprintf(text, "  %s daddr%s . %s saddr @allowed%s return\n", ip, form->inward, ip,
                form->suffix);
        fprintf(text, "  %s daddr%s . %s saddr . th sport @allowed_port%s return\n", ip,
                form->inward, ip, form->suffix);
        fprintf(text, "  drop\n }\n");
    }
}

static void add_destinations(FILE *text, const struct config *config)
{
    fprintf(text, " chain prerouting { type nat hook prerouting priority dstnat - 1;\n");
    fprintf(text, "  " WITH_PORTS "dnat to ip daddr . meta l4proto . th dport . ip saddr . th sport"
                  " map @peer_inbound\n");
    for (size_t i = 0; i < NFT_FORMS; i++) {
        const struct form *form = &forms[i];
        fprintf(text, "  ip daddr%s @filtered%s jump filter%s\n", form->inward, form->suffix,
                form->suffix);
        fprintf(text, "  %sdnat to ip daddr%s map @inbound%s\n", form->guard, form->inward,
                form->suffix);
    }
    /* From inside to where a mapping is at the far end: not all the way there and back, RFC 7648 3.1. */
    if (config_is_proxy(config))
        fprintf(text,
                "  iifname != \"%s\" " WITH_PORTS
                "dnat to ip daddr . meta l4proto . th dport map @outermost\n",
                config->outside);
    fprintf(text, " }\n");
}

static void add_masquerading(FILE *text, const struct config *config)
{
    unsigned int most = config->policy.first_port - 1U;
    if (!config->masquerade)
        return;
    if (most > LEAST_IMPLICIT_PORT) {
        fprintf(text,
                "  ip saddr . meta l4proto . th sport @avoiders " WITH_PORTS
                "masquerade to :%d-%u fully-random\n",
                LEAST_IMPLICIT_PORT, most);
        fprintf(text, "  " WITH_PORTS "masquerade to :%d-%u\n", LEAST_IMPLICIT_PORT, most);
    }
    fprintf(text, "  masquerade\n");
}

static void add_sources(FILE *text, const struct config *config)
{
    const char *out = config->outside;
    fprintf(text, " chain postrouting { type nat hook postrouting priority srcnat - 1;\n");
    fprintf(text, "  oifname \"%s\" jump outward\n", out);
    /* From inside to a mapping of inside: both ends see external addresses, RFC 4787 REQ-9. */
    for (size_t i = 0; i < config->inside_count; i++)
        fprintf(text, "  iifname \"%s\" ct status dnat jump outward\n", config->inside[i]);
    fprintf(text, " }\n chain outward {\n");
    fprintf(text, "  " WITH_PORTS "snat to ip saddr . meta l4proto . th sport . ip daddr . th dport"
                  " map @peer_outbound\n");
    for (size_t i = 0; i < NFT_FORMS; i++)
        fprintf(text, "  %ssnat to ip saddr%s map @outbound%s\n", forms[i].guard, forms[i].outward,
                forms[i].suffix);
    add_masquerading(text, config);
    fprintf(text, " }\n chain claims { type filter hook postrouting priority srcnat + 1;\n");
    fprintf(
        text,
        "  oifname \"%s\" ct state new ip saddr . meta l4proto . th sport @claimed"
        " ct original ip saddr . ip saddr . meta l4proto . th sport != @claimants"
        " add @avoiders { ct original ip saddr . meta l4proto . th sport timeout 1m } drop\n }\n",
        out);
}

static bool is_trusted(const struct config *config, const char *interface)
{
    for (size_t i = 0; i < config->trusted_count; i++)
        if (strcmp(config->trusted[i], interface) == 0)
            return true;
    return false;
}

/* What this machine itself is not to hear from outside. To PCP a closed port's ICMP error would be an
 * answer too. */
static void add_unheard(FILE *text, const struct family *family, const struct config *config)
{
    const char *out = config->outside;
    fprintf(text, " chain input { type filter hook input priority filter - 1;\n");
    if (!is_trusted(config, out))
        fprintf(text, "  iifname \"%s\" udp dport %d drop\n", out, PCP_SERVER_PORT);
    if (family->translated) {
        /* What goes on though its mapping has ended is reset, RFC 6886 section 3.4. */
        fprintf(text,
                "  iifname \"%s\" tcp flags & (syn | rst) == 0 tcp dport %u-%u"
                " reject with tcp reset\n",
                out, config->policy.first_port, config->policy.last_port);
        fprintf(text, "  iifname \"%s\" ct state new " WITH_PORTS "th dport %u-%u drop\n", out,
                config->policy.first_port, config->policy.last_port);
    }
    fprintf(text, " }\n");
}

/* PCP itself is no flow to remember: a flood of it must not fill the kernel's table of them. What goes past us,
 * to a server of somebody else's, is a flow like others. */
static void add_untracked(FILE *text, const struct config *config)
{
    fprintf(text, " chain asked { type filter hook prerouting priority raw;\n");
    for (size_t i = 0; i < config->inside_count; i++)
        fprintf(text, "  iifname \"%s\" udp dport %d fib daddr type local notrack\n",
                config->inside[i], PCP_SERVER_PORT);
    fprintf(text, " }\n chain answered { type filter hook output priority raw;\n");
    for (size_t i = 0; i < config->inside_count; i++)
        fprintf(text, "  oifname \"%s\" udp sport %d notrack\n", config->inside[i],
                PCP_SERVER_PORT);
    fprintf(text, " }\n");
}

/* Notes packets out. Where they are translated by now, the tracked flow knows their internal side: the
 * source of what began inside, and of the replies to what began outside. */
static void add_flows(FILE *text, const struct family *family, const struct config *config)
{
    static const char *const directions[] = {"original", "reply"};
    const struct pcp_server_times *idle = &config->policy.idle;
    const struct {
        const char *match;
        uint32_t seconds; /* of the protocol's time; the kernel counts real ones */
    } kinds[] = {{"udp", idle->udp},
                 {"tcp", idle->tcp},
                 {"tcp tcp flags & (fin | rst) != 0", idle->tcp ? CLOSED_SECONDS : 0}};
    const char *out = config->outside;
    fprintf(text, " chain seen { type filter hook postrouting priority 300;\n");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *match = kinds[i].match;
        uint64_t timeout = clock_real_wait((uint64_t)kinds[i].seconds * 1000);
        if (timeout && !family->translated)
            fprintf(text,
                    "  oifname \"%s\" meta l4proto %s update @flows"
                    " { %s saddr . meta l4proto . th sport timeout %" PRIu64 "ms }\n",
                    out, match, family->ip, timeout);
        for (size_t k = 0; k < 2 && timeout && family->translated; k++)
            fprintf(text,
                    "  oifname \"%s\" ct direction %s meta l4proto %s update @flows"
                    " { ct %s ip saddr . meta l4proto . ct %s proto-src timeout %" PRIu64 "ms"
                    " : ip saddr . th sport }\n",
                    out, directions[k], match, directions[k], directions[k], timeout);
    }
    fprintf(text, " }\n");
}

static void add_firewall(FILE *text, const struct family *family, const struct config *config)
{
    const char *ip = family->ip;
    const unsigned int mark = NFT_PERMITTED_MARK;
    fprintf(text, " chain inward {\n");
    if (family->translated)
        fprintf(text, "  ct status dnat meta mark set 0x%x return\n", mark);
    fprintf(text,
            "  %s daddr . meta l4proto . th dport . %s saddr . th sport @peer_pinholes"
            " meta mark set 0x%x return\n",
            ip, ip, mark);
    for (size_t i = 0; i < NFT_FORMS; i++) {
        const struct form *form = &forms[i];
        fprintf(text, "  %s daddr%s @filtered%s jump filter%s\n", ip, form->inward, form->suffix,
                form->suffix);
        fprintf(text, "  %s daddr%s @pinholes%s meta mark set 0x%x return\n", ip, form->inward,
                form->suffix, mark);
    }
    fprintf(text, " }\n chain forward { type filter hook forward priority filter - 1;\n");
    fprintf(text, "  iifname != \"%s\" accept\n", config->outside);
    fprintf(text, "  ct state new jump inward\n");
    if (config->guard)
        fprintf(text,
                "  ct state established,related accept\n"
                "  meta l4proto ipv6-icmp accept\n"
                "  meta mark != 0x%x drop\n",
                mark);
    fprintf(text, " }\n");
}

static void add_table(FILE *text, const struct family *family, const struct config *config)
{
    fprintf(text, "table %s " NFT_TABLE " {\n", family->ip);
    add_sets(text, family, config);
    add_filter_chains(text, family);
    if (family->translated) {
        add_destinations(text, config);
        add_sources(text, config);
    }
    add_unheard(text, family, config);
    add_untracked(text, config);
    add_flows(text, family, config);
    add_firewall(text, family, config);
    fprintf(text, "}\n");
}

/* --- the kernel ----------------------------------------------------------------------------- */

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
    const struct family ipv4 = {"ip", "ipv4_addr", !config->policy.ipv4_firewall};
    const struct family ipv6 = {"ip6", "ipv6_addr", false};
    char *commands = NULL;
    size_t size;
    FILE *text = open_memstream(&commands, &size);
    if (!text)
        return error_set(error, "nftables: no memory");
    fputs(REMOVE_TABLES, text);
    add_table(text, &ipv4, config);
    add_table(text, &ipv6, config);
    fputs(defect_ruleset(config->defect), text);
    bool whole = fclose(text) == 0;
    int result = whole ? run(commands, error) : error_set(error, "nftables: no memory");
    free(commands);
    return result;
}

void nft_ruleset_remove(void)
{
    run(REMOVE_TABLES, NULL);
}
