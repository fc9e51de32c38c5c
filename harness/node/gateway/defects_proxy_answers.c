/* Defects in what a proxy makes of answers from upstream, RFC 7648 sections 3 and 3.1. */
#include "node/gateway/defect.h"

#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_LIFETIME = 4,
    OFFSET_EPOCH = 8,
    OFFSET_NONCE = 24,
    OFFSET_EXTERNAL_PORT = 42,
    OFFSET_EXTERNAL_ADDRESS = 44,
    OFFSET_REMOTE_PORT = 60,
    A_DAY = 86400
};

static bool is_grant(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return defect_read(octets, length, out) &&
           (out->opcode == PCP_MAP || out->opcode == PCP_PEER) && out->result == PCP_SUCCESS;
}

static void tell_the_first_port(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (!is_grant(octets, *length, &response))
        return;
    if (!defect->number[0])
        defect->number[0] = octets_get16(octets + OFFSET_EXTERNAL_PORT);
    octets_put16(octets + OFFSET_EXTERNAL_PORT, (uint16_t)defect->number[0]);
}

static void halve_the_lifetime(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_grant(octets, *length, &response))
        octets_put32(octets + OFFSET_LIFETIME, response.lifetime / 2);
}

static void tell_no_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_grant(octets, *length, &response))
        octets_put32(octets + OFFSET_EPOCH, 0);
}

static void note_the_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (is_grant(octets, *length, &response))
        defect->number[1] = response.epoch;
}

static void copy_the_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (is_grant(octets, *length, &response))
        octets_put32(octets + OFFSET_EPOCH, (uint32_t)defect->number[1]);
}

/* As if it went on and on. */
static void smooth_the_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (defect_read(octets, *length, &response))
        octets_put32(octets + OFFSET_EPOCH, (uint32_t)(A_DAY + defect->now / 1000));
}

static void change_the_nonce(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_grant(octets, *length, &response))
        octets[OFFSET_NONCE] ^= 0xff;
}

/* The last mapping that was made here. */
static bool note_the_mapping(struct defect *defect, struct pcp_server_change *change)
{
    if (change->kind == PCP_SERVER_CREATED) {
        defect->number[2] = change->mapping.external_port;
        memcpy(defect->octets[0], change->mapping.external.octet, 16);
    }
    return true;
}

static void tell_the_own_endpoint(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (!is_grant(octets, *length, &response))
        return;
    octets_put16(octets + OFFSET_EXTERNAL_PORT, (uint16_t)defect->number[2]);
    memcpy(octets + OFFSET_EXTERNAL_ADDRESS, defect->octets[0], 16);
}

static void tell_another_peer(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_grant(octets, *length, &response) && response.opcode == PCP_PEER)
        octets[OFFSET_REMOTE_PORT] ^= 1;
}

static bool forget_the_outermost(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    change->mapping.outermost_port = 0;
    change->outermost_port_before = 0;
    return true;
}

static bool keep_the_first_outermost(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return change->kind != PCP_SERVER_RENEWED || !change->outermost_port_before;
}

const struct defect_hooks defects_proxy_answers[] = {
    {.name = "gives-everyone-the-first-answer", .message = tell_the_first_port},
    {.name = "believes-everybody", .believes_everybody = true},
    {.name = "halves-lifetimes", .message = halve_the_lifetime},
    {.name = "tells-no-epoch", .message = tell_no_epoch},
    {.name = "copies-the-epoch", .upstream = note_the_epoch, .message = copy_the_epoch},
    {.name = "overlooks-losses", .upstream = smooth_the_epoch},
    {.name = "changes-the-nonce", .message = change_the_nonce},
    {.name = "tells-its-own-endpoint",
     .change = note_the_mapping,
     .message = tell_the_own_endpoint},
    {.name = "tells-of-another-remote-peer", .message = tell_another_peer},
    {.name = "sends-hairpins-nowhere",
     .ruleset = "add chain ip pinhole hairpins { type filter hook forward priority filter - 2; }\n"
                "add rule ip pinhole hairpins iifname eth0 oifname eth0 ct status dnat drop\n"},
    {.name = "sends-hairpins-upstream", .change = forget_the_outermost},
    {.name = "keeps-the-first-outermost-port", .change = keep_the_first_outermost},
    {.name = NULL},
};
