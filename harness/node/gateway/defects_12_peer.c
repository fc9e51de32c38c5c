/* Defects in PEER, RFC 6887 sections 12, 12.1 and 12.3. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "node/gateway/conntrack.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_LIFETIME = 4,
    OFFSET_RESERVED_24 = PCP_HEADER_LENGTH + 13,
    OFFSET_SUGGESTED_PORT = PCP_HEADER_LENGTH + 18,
    OFFSET_SUGGESTED = PCP_HEADER_LENGTH + 20,
    OFFSET_REMOTE_PORT = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    OFFSET_RESERVED_16 = OFFSET_REMOTE_PORT + 2,
    OFFSET_REMOTE = OFFSET_REMOTE_PORT + 4,
    ADDRESS = sizeof(struct address),
    MINUTE = 60,
    FIVE_SECONDS = 5
};

static bool is_peer(const struct pcp_server_input *input, struct pcp_message *out)
{
    return defect_read(input->octets, input->length, out) && out->opcode == PCP_PEER;
}

static bool is_answer_to_peer(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return defect_read(octets, length, out) && out->response && out->opcode == PCP_PEER;
}

static bool is_success(const uint8_t *octets, size_t length)
{
    struct pcp_message response;
    return is_answer_to_peer(octets, length, &response) && response.result == PCP_SUCCESS;
}

static bool is_error(const uint8_t *octets, size_t length)
{
    struct pcp_message response;
    return is_answer_to_peer(octets, length, &response) && response.result != PCP_SUCCESS;
}

static bool suggests(const struct pcp_message *request)
{
    return request->data.map.external_port != 0 ||
           !address_is_any(&request->data.map.external_address);
}

static bool is_loopback(const struct address *address)
{
    enum { LOOPBACK_IPV4 = 127 };
    static const uint8_t ipv6[ADDRESS] = {[ADDRESS - 1] = 1};
    return address_is_ipv4(address) ? address->octet[12] == LOOPBACK_IPV4
                                    : memcmp(address->octet, ipv6, ADDRESS) == 0;
}

/* --- configuration ----------------------------------------------------------------------------- */

static void switch_on(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.peer = true;
}

static void check_no_nonces(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.check_nonces = false;
}

static void grant_five_seconds(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.minimum_lifetime = 1;
    config->policy.maximum_lifetime = FIVE_SECONDS;
}

/* --- reserved bits ----------------------------------------------------------------------------- */

static void mind_24_bits(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_peer(&exchange->came, &request) && request.data.map.reserved[0])
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void mind_16_bits(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_peer(&exchange->came, &request) && request.data.reserved[0])
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void echo_24_bits(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_success(octets, *length))
        memcpy(octets + OFFSET_RESERVED_24, exchange->came.octets + OFFSET_RESERVED_24, 3);
}

static void echo_16_bits(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_success(octets, *length))
        memcpy(octets + OFFSET_RESERVED_16, exchange->came.octets + OFFSET_RESERVED_16, 2);
}

/* --- suggestions ------------------------------------------------------------------------------- */

static void pass_over_suggestions(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (!is_peer(exchange->input, &request))
        return;
    const struct address any =
        address_is_ipv4(&exchange->came.source) ? address_any_ipv4() : address_any_ipv6();
    octets_put16(exchange->octets + OFFSET_SUGGESTED_PORT, 0);
    memcpy(exchange->octets + OFFSET_SUGGESTED, any.octet, ADDRESS);
}

/* The mapping has been made by then, without the suggestion. */
static void refuse_suggestions(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_peer(&exchange->came, &request) && suggests(&request))
        defect_refuse(defect, exchange, PCP_CANNOT_PROVIDE_EXTERNAL,
                      defect->config->policy.short_error, octets, length);
}

static void refuse_suggestions_to_loopback(struct defect *defect,
                                           const struct defect_exchange *exchange, uint8_t *octets,
                                           size_t *length)
{
    struct pcp_message request;
    if (is_peer(&exchange->came, &request) && is_loopback(&request.data.remote_address))
        refuse_suggestions(defect, exchange, octets, length);
}

static bool leave_prefer_failure_out(struct pcp_option *option, unsigned occurrence)
{
    (void)occurrence;
    return option->code != PCP_PREFER_FAILURE;
}

static void pass_over_prefer_failure(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_peer(exchange->input, &request))
        defect_edit_options(exchange, leave_prefer_failure_out);
}

/* --- what answers repeat ----------------------------------------------------------------------- */

static void lose_the_remote_peer(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (!is_answer_to_peer(octets, *length, &response))
        return;
    octets_put16(octets + OFFSET_REMOTE_PORT, 0);
    memset(octets + OFFSET_REMOTE, 0, ADDRESS);
}

static void lose_the_suggestion(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (!is_error(octets, *length))
        return;
    octets_put16(octets + OFFSET_SUGGESTED_PORT, 0);
    memset(octets + OFFSET_SUGGESTED, 0, ADDRESS);
}

/* --- remote peers ------------------------------------------------------------------------------ */

/* Some address that packets are forwarded to. */
static void peer_with_another(struct defect *defect, struct defect_exchange *exchange)
{
    static const uint8_t ipv4[4] = {192, 0, 2, 1};
    static const uint8_t ipv6[ADDRESS] = {0x20, 0x01, 0x0d, 0xb8, [ADDRESS - 1] = 1};
    struct pcp_message request;
    (void)defect;
    if (!is_peer(exchange->input, &request) || !is_loopback(&request.data.remote_address))
        return;
    const struct address another = address_is_ipv4(&request.data.remote_address)
                                       ? address_from_ipv4(ipv4)
                                       : address_from_ipv6(ipv6);
    memcpy(exchange->octets + OFFSET_REMOTE, another.octet, ADDRESS);
}

static void tell_of_loopback(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    (void)defect;
    if (is_peer(&exchange->came, &request) && is_success(octets, *length))
        memcpy(octets + OFFSET_REMOTE, request.data.remote_address.octet, ADDRESS);
}

static void say_not_authorized(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_peer(&exchange->came, &request) && is_loopback(&request.data.remote_address))
        defect_refuse(defect, exchange, PCP_NOT_AUTHORIZED, defect->config->policy.long_error,
                      octets, length);
}

/* --- lifetimes --------------------------------------------------------------------------------- */

/* What is forgotten has no time left, and the engine then gives it the shorter one. */
static void shorten(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (!is_peer(exchange->input, &request))
        return;
    struct defect_note *note = defect_note(defect, exchange->input);
    if (note && request.lifetime < note->number[0])
        pcp_server_forget(defect->server, &exchange->came.source, defect->now);
    if (note)
        note->number[0] = request.lifetime;
}

static void tell_what_was_asked_for(struct defect *defect, const struct defect_exchange *exchange,
                                    uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    (void)defect;
    if (is_peer(&exchange->came, &request) && is_success(octets, *length))
        octets_put32(octets + OFFSET_LIFETIME, request.lifetime);
}

static void refuse_for_a_minute(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_answer_to_peer(octets, *length, &response) && response.result == PCP_NOT_AUTHORIZED)
        octets_put32(octets + OFFSET_LIFETIME, MINUTE);
}

static bool is_end_of_peer(const struct pcp_server_event *event)
{
    return event->kind == PCP_SERVER_EXPIRED && event->change.mapping.kind == PCP_SERVER_PEER;
}

static bool keep_for_ever(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return !is_end_of_peer(event);
}

/* The flow that went out by it ends, too; what it sends then is a new one. */
static bool end_the_flow(struct defect *defect, struct pcp_server_event *event)
{
    const struct pcp_server_mapping *mapping = &event->change.mapping;
    const struct conntrack_inbound flow = {.protocol = mapping->protocol,
                                           .external = mapping->remote,
                                           .external_port = mapping->remote_port,
                                           .from_remote = true,
                                           .remote = mapping->internal,
                                           .remote_port = mapping->internal_port};
    struct conntrack *conntrack = is_end_of_peer(event) ? conntrack_open(NULL) : NULL;
    (void)defect;
    if (conntrack)
        conntrack_end(conntrack, &flow, 1);
    conntrack_close(conntrack);
    return true;
}

/* --- packets ----------------------------------------------------------------------------------- */

static bool know_no_flow(struct defect *defect, const struct pcp_server_flow_key *key, bool found,
                         struct pcp_server_flow *flow)
{
    (void)defect;
    (void)flow;
    return found && !key->to_remote;
}

static bool make_nothing(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return change->mapping.kind != PCP_SERVER_PEER;
}

/* A port of implicit flows is that of a flow taken over. */
static bool is_taken_over(const struct defect *defect, const struct pcp_server_mapping *mapping)
{
    return !address_equal(&mapping->internal, &mapping->external) &&
           mapping->external_port < defect->config->policy.first_port;
}

static bool open_what_is_taken_over(struct defect *defect, struct pcp_server_change *change)
{
    struct pcp_server_mapping *mapping = &change->mapping;
    if (mapping->kind == PCP_SERVER_PEER && is_taken_over(defect, mapping))
        mapping->kind = PCP_SERVER_MAP;
    return true;
}

static bool open_what_is_made(struct defect *defect, struct pcp_server_change *change)
{
    struct pcp_server_mapping *mapping = &change->mapping;
    if (mapping->kind == PCP_SERVER_PEER && !is_taken_over(defect, mapping))
        mapping->kind = PCP_SERVER_MAP;
    return true;
}

const struct defect_hooks defects_12_peer[] = {
    {.name = "cannot-switch-peer-off", .configure = switch_on},
    {.name = "minds-24-reserved-bits-of-peer", .answer = mind_24_bits},
    {.name = "minds-16-reserved-bits-of-peer", .answer = mind_16_bits},
    {.name = "echoes-24-reserved-bits-of-peer", .answer = echo_24_bits},
    {.name = "echoes-16-reserved-bits-of-peer", .answer = echo_16_bits},
    {.name = "passes-over-suggestions-in-peer", .request = pass_over_suggestions},
    {.name = "takes-prefer-failure-in-peer", .request = pass_over_prefer_failure},
    {.name = "loses-the-remote-peer", .message = lose_the_remote_peer},
    {.name = "loses-suggestions-in-errors", .message = lose_the_suggestion},
    {.name = "shortens-peers", .request = shorten},
    {.name = "looks-at-suggestions-before-remote-peers", .answer = refuse_suggestions_to_loopback},
    {.name = "peers-with-loopback", .request = peer_with_another, .answer = tell_of_loopback},
    {.name = "refuses-loopback-by-not-authorized", .answer = say_not_authorized},
    {.name = "takes-any-nonce-in-peer", .configure = check_no_nonces},
    {.name = "refuses-nonces-in-peer-for-a-minute", .message = refuse_for_a_minute},
    {.name = "peers-for-five-seconds", .configure = grant_five_seconds},
    {.name = "tells-peers-what-they-asked-for", .answer = tell_what_was_asked_for},
    {.name = "makes-the-peers-that-it-refuses",
     .request = pass_over_suggestions,
     .answer = refuse_suggestions},
    {.name = "keeps-peers-for-ever", .event = keep_for_ever},
    {.name = "ends-flows-with-their-peer", .event = end_the_flow},
    {.name = "knows-no-flows-at-peer", .outbound = know_no_flow},
    {.name = "answers-peers-and-makes-nothing", .change = make_nothing},
    {.name = "opens-flows-under-peer", .change = open_what_is_taken_over},
    {.name = "opens-what-peer-made", .change = open_what_is_made},
    {.name = "peers-for-one-flow-alone",
     .ruleset =
         "flush chain ip pinhole outward\n"
         "add rule ip pinhole outward meta l4proto { tcp, udp } snat to ip saddr . meta l4proto"
         " . th sport . ip daddr . th dport map @peer_outbound\n"
         "add rule ip pinhole outward meta l4proto { tcp, udp } masquerade to :1024-29999\n"},
    {.name = "peers-inward-alone",
     .ruleset =
         "flush chain ip pinhole outward\n"
         "add rule ip pinhole outward meta l4proto { tcp, udp } masquerade to :1024-29999\n"},
    {.name = NULL},
};
