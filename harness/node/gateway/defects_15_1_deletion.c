/* Defects in how mappings are deleted and shortened, RFC 6887 section 15.1. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/octets.h"

#include <nftables/libnftables.h>
#include <string.h>

enum {
    OFFSET_RESULT = 3,
    OFFSET_LIFETIME = 4,
    OFFSET_PROTOCOL = PCP_HEADER_LENGTH + 12,
    OFFSET_EXTERNAL_PORT = PCP_HEADER_LENGTH + 18,
    OFFSET_EXTERNAL = PCP_HEADER_LENGTH + 20,
    UDP = 17
};

/* A delete, as it came. */
static bool is_delete(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           request->opcode == PCP_MAP && request->lifetime == 0;
}

static bool is_answer_to_delete(const struct defect_exchange *exchange, const uint8_t *octets,
                                size_t length, uint8_t result)
{
    struct pcp_message request;
    return is_delete(exchange, &request) && length > OFFSET_EXTERNAL &&
           octets[OFFSET_RESULT] == result;
}

/* What a request hook has withheld from the engine is refused here. */
static void refuse_withheld(struct defect *defect, const struct defect_exchange *exchange,
                            enum pcp_result result, uint8_t *octets, size_t *length)
{
    if (exchange->input->length == 0 && exchange->came.length > 0)
        defect_refuse(defect, exchange, result, defect->config->policy.long_error, octets, length);
}

static bool keep_the_removed(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return change->kind != PCP_SERVER_REMOVED;
}

static void answer_with_a_lifetime(struct defect *defect, const struct defect_exchange *exchange,
                                   uint8_t *octets, size_t *length)
{
    if (is_answer_to_delete(exchange, octets, *length, PCP_SUCCESS))
        octets_put32(octets + OFFSET_LIFETIME, defect->config->policy.minimum_lifetime);
}

static void withhold_deletes(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_delete(exchange, &request))
        exchange->input->length = 0;
}

static void refuse_as_not_authorized(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    refuse_withheld(defect, exchange, PCP_NOT_AUTHORIZED, octets, length);
}

static bool pile_up(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    struct nft_ctx *context =
        change->kind == PCP_SERVER_REMOVED ? nft_ctx_new(NFT_CTX_DEFAULT) : NULL;
    if (context)
        (void)nft_run_cmd_from_buffer(context, "add rule ip pinhole_defect piled counter");
    nft_ctx_free(context);
    return true;
}

static void take_any_nonce(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.check_nonces = false;
}

static void say_no_resources(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_answer_to_delete(exchange, octets, *length, PCP_NOT_AUTHORIZED))
        octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
}

static void refuse_what_is_not_there(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    if (is_answer_to_delete(exchange, octets, *length, PCP_SUCCESS) &&
        exchange->change.kind == PCP_SERVER_UNCHANGED)
        defect_refuse(defect, exchange, PCP_NOT_AUTHORIZED, defect->config->policy.long_error,
                      octets, length);
}

static void withhold_deletes_that_suggest(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_delete(exchange, &request) && request.data.map.external_port != 0)
        exchange->input->length = 0;
}

static void refuse_as_malformed(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    refuse_withheld(defect, exchange, PCP_MALFORMED_REQUEST, octets, length);
}

static void assign_zeros(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    (void)defect;
    if (!is_answer_to_delete(exchange, octets, *length, PCP_SUCCESS))
        return;
    octets_put16(octets + OFFSET_EXTERNAL_PORT, 0);
    memset(octets + OFFSET_EXTERNAL, 0, sizeof(struct address));
}

static void read_no_protocol_as_udp(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_delete(exchange, &request) && request.data.map.protocol == 0 &&
        request.data.map.internal_port != 0)
        exchange->octets[OFFSET_PROTOCOL] = UDP;
}

static void agree(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                  size_t *length)
{
    (void)defect;
    if (!is_answer_to_delete(exchange, octets, *length, PCP_NOT_AUTHORIZED))
        return;
    octets[OFFSET_RESULT] = PCP_SUCCESS;
    octets_put32(octets + OFFSET_LIFETIME, 0);
}

static void withhold_deletes_for_others(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct pcp_option option;
    (void)defect;
    if (is_delete(exchange, &request) && defect_option(&request, PCP_THIRD_PARTY, &option) >= 0)
        exchange->input->length = 0;
}

static void forget_the_host(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_delete(exchange, &request) && request.data.map.internal_port == 0)
        pcp_server_forget(defect->server, &exchange->came.source, defect->now);
}

/* number[0]: the longest lifetime asked for; number[1]: a shorter one that was asked for now. */
static void ask_for_the_longest(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (!note || !defect_read(exchange->came.octets, exchange->came.length, &request))
        return;
    note->number[1] = request.lifetime < note->number[0] ? request.lifetime : 0;
    if (note->number[1])
        octets_put32(exchange->octets + OFFSET_LIFETIME, (uint32_t)note->number[0]);
    else
        note->number[0] = request.lifetime;
}

static void say_the_shorter(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    const struct defect_note *note = defect_note(defect, &exchange->came);
    (void)length;
    if (note && note->number[1])
        octets_put32(octets + OFFSET_LIFETIME, (uint32_t)note->number[1]);
}

const struct defect_hooks defects_15_1_deletion[] = {
    {.name = "keeps-what-it-deletes", .change = keep_the_removed},
    {.name = "answers-deletes-with-a-lifetime", .answer = answer_with_a_lifetime},
    {.name = "refuses-deletes", .request = withhold_deletes, .answer = refuse_as_not_authorized},
    {.name = "piles-up-rules",
     .change = pile_up,
     .ruleset = "table ip pinhole_defect {\n chain piled { }\n}\n"},
    {.name = "deletes-with-any-nonce", .configure = take_any_nonce},
    {.name = "answers-a-wrong-nonce-with-no-resources", .answer = say_no_resources},
    {.name = "knows-no-repeated-delete", .answer = refuse_what_is_not_there},
    {.name = "minds-what-a-delete-suggests",
     .request = withhold_deletes_that_suggest,
     .answer = refuse_as_malformed},
    {.name = "answers-deletes-with-zeros", .answer = assign_zeros},
    {.name = "deletes-all-protocols-of-a-port", .request = read_no_protocol_as_udp},
    {.name = "agrees-to-every-delete", .answer = agree},
    {.name = "refuses-deletes-for-others",
     .request = withhold_deletes_for_others,
     .answer = refuse_as_not_authorized},
    {.name = "deletes-all-with-a-wildcard", .request = forget_the_host},
    {.name = "never-shortens", .request = ask_for_the_longest, .answer = say_the_shorter},
    {.name = "ends-mappings-with-connections",
     .ruleset = "table ip pinhole_defect {\n"
                " set closed { type inet_service; flags dynamic,timeout; timeout 1h; size 1024; }\n"
                " chain ends { type filter hook forward priority filter;\n"
                "  ct status dnat tcp flags & (fin | rst) != 0 add @closed { ct original proto-dst "
                "}\n"
                " }\n"
                " chain begins { type filter hook prerouting priority mangle;\n"
                "  ct state new tcp dport @closed drop\n"
                " }\n"
                "}\n"},
    {.name = NULL},
};
