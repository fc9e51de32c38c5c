/* The PCP proxy between a client and a whole server: RFC 7648 section 3, in virtual time. */
#include "engine/pcp_proxy.h"
#include "server_support.h"

#define HOST     "192.168.1.10"
#define UPSTREAM "100.64.0.1" /* the carrier's server */
#define OUTER    "100.64.0.2" /* our external address, its client */

/* near is our side; far, with an external address of its own, is the carrier's. */
static struct bench near, far;
static struct pcp_proxy *proxy;
static struct pcp_proxy_settings settings;
static void *proxy_memory;
static struct pcp_proxy_packet packet;
static struct pcp_proxy_relay relay;
static const char *far_address; /* of the carrier's server */

static int set_up(void **state)
{
    (void)state;
    prepare(&near);
    near.external[0] = at(OUTER);
    near.policy.proxy = true;
    near.policy.relay_unknown = true;
    near.policy.nat_pmp = false;
    near.policy.mapping_updates = false;
    prepare(&far);
    far_address = UPSTREAM;
    far.policy.nat_pmp = false;
    settings = (struct pcp_proxy_settings){.upstream = {at(UPSTREAM)},
                                           .upstream_count = 1,
                                           .own = {at(OUTER)},
                                           .pending = 16,
                                           .relay_opcodes = true};
    return 0;
}

static void begin(void)
{
    struct error error = {{0}};
    start(&near);
    start(&far);
    size_t size = pcp_proxy_size(&near.policy, &settings);
    proxy_memory = malloc(size);
    assert_non_null(proxy_memory);
    proxy = pcp_proxy_create(proxy_memory, size, near.server, &near.policy, &settings, &error);
    if (!proxy)
        fail_msg("%s", error.text);
}

static int tear_down(void **state)
{
    (void)state;
    stop(&near);
    stop(&far);
    free(proxy_memory);
    proxy_memory = NULL;
    return 0;
}

static void ask(const char *host, const struct request *request)
{
    uint8_t *copy = exact_copy(request->octets, request->length);
    struct pcp_server_input input = {
        .octets = copy,
        .length = request->length,
        .source = at(host),
        .source_port = 40000,
        .side = PCP_SERVER_INSIDE,
        .path = 7,
        .now = near.now,
        .random = ++near.random,
    };
    pcp_proxy_request(proxy, &input, &near.answer, &packet);
    pcp_server_commit(near.server, &near.answer);
    free(copy);
    memset(&near.response, 0, sizeof near.response);
    if (near.answer.length)
        pcp_decode(near.answer.octets, near.answer.length, &near.response);
}

/* Hands octets from upstream to the proxy. */
static void answer_from(const char *source, const uint8_t *octets, size_t length)
{
    struct address from = at(source);
    uint8_t *copy = exact_copy(octets, length);
    pcp_proxy_response(proxy, &from, copy, length, near.now, &relay);
    pcp_server_commit(near.server, &relay.answer);
    free(copy);
    memset(&near.response, 0, sizeof near.response);
    if (relay.answer.length)
        pcp_decode(relay.answer.octets, relay.answer.length, &near.response);
}

/* What the proxy has to send goes up, and the answer comes down. */
static void exchange(void)
{
    assert_int_not_equal(packet.length, 0);
    char source[ADDRESS_TEXT_SIZE];
    address_format(&packet.source, source);
    far.now = near.now;
    send_octets(&far, source, packet.octets, packet.length);
    answer_from(far_address, far.answer.octets, far.answer.length);
}

static void map_through(uint16_t port, uint32_t lifetime)
{
    struct pcp_message message = map_message(HOST, UDP, port, lifetime);
    struct request request = encode(&message);
    ask(HOST, &request);
    if (packet.length)
        exchange();
}

static struct pcp_server_mapping only_mapping(void)
{
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    do
        assert_true(pcp_server_next(near.server, &cursor, &mapping));
    while (mapping.kind == PCP_SERVER_RESTING);
    return mapping;
}

static void a_request_goes_on_with_our_external_endpoint_as_its_internal_one(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 7200);
    message.data.map.external_port = 41000;
    message.data.map.external_address = at("11.0.0.1");
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_equal(near.answer.length, 0); /* nothing for the client yet */
    assert_int_equal(near.answer.change.kind, PCP_SERVER_CREATED);
    struct pcp_server_mapping local = only_mapping();
    assert_address(&packet.source, OUTER);
    struct pcp_message upstream;
    assert_int_equal(pcp_decode(packet.octets, packet.length, &upstream), PCP_FAULT_NONE);
    assert_address(&upstream.client, OUTER);
    assert_int_equal(upstream.data.map.internal_port, local.external_port);
    assert_int_equal(upstream.data.map.external_port, 41000); /* the client's suggestion */
    assert_address(&upstream.data.map.external_address, "11.0.0.1");
    assert_memory_equal(upstream.data.map.nonce, message.data.map.nonce, 12);
    assert_int_equal(upstream.lifetime, 7200);
}

static void the_client_hears_of_the_outermost_endpoint_and_of_our_epoch(void **state)
{
    (void)state;
    begin();
    near.now += 50 * SECOND;
    pcp_server_reset_epoch(near.server, near.now);
    near.now += 3 * SECOND;
    map_through(5683, 7200);
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_address(&near.response.data.map.external_address, "11.0.0.1");
    assert_int_equal(near.response.data.map.external_port, far.response.data.map.external_port);
    assert_int_equal(near.response.data.map.internal_port, 5683);
    assert_int_equal(near.response.lifetime, 7200);
    assert_int_equal(near.response.epoch, 3);
    assert_int_equal(far.response.epoch, 53);
    assert_address(&relay.destination, HOST);
    assert_int_equal(relay.destination_port, 40000);
    assert_int_equal(relay.path, 7);
    assert_int_equal(only_mapping().deadline, near.now + 7200 * SECOND);
}

static void a_local_mapping_is_temporary_until_upstream_confirms_it(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 7200);
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_equal(only_mapping().deadline, near.now + 60 * SECOND);
    ask(HOST, &request); /* the client asks again: so does the proxy, in the same slot */
    assert_int_not_equal(packet.length, 0);
    elapse(&near, 60 * SECOND);
    assert_int_equal(live(&near), 0);
    answer_from(UPSTREAM, far.answer.octets, 0);
    assert_int_equal(relay.answer.length, 0);
}

static void the_lifetime_is_upstreams_or_less(void **state)
{
    (void)state;
    near.policy.maximum_lifetime = 3000;
    far.policy.maximum_lifetime = 1000;
    begin();
    map_through(5683, 7200);
    assert_int_equal(near.response.lifetime, 1000);
    assert_int_equal(only_mapping().deadline, near.now + 1000 * SECOND);
    far.policy.maximum_lifetime = 1000;
}

static void a_mapping_with_three_quarters_left_is_answered_at_once(void **state)
{
    (void)state;
    begin();
    map_through(5683, 1000);
    uint16_t port = near.response.data.map.external_port;
    near.now += 250 * SECOND;
    map_through(5683, 1000);
    assert_int_equal(packet.length, 0);
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(near.response.lifetime, 750); /* what is left, not renewed */
    assert_address(&near.response.data.map.external_address, "11.0.0.1");
    assert_int_equal(near.response.data.map.external_port, port);
    assert_int_equal(near.answer.change.kind, PCP_SERVER_UNCHANGED);
    near.now += SECOND;
    struct pcp_message message = map_message(HOST, UDP, 5683, 1000);
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_equal(near.answer.length, 0);
    assert_int_equal(only_mapping().deadline, near.now + 749 * SECOND); /* not before upstream */
    exchange();
    assert_int_equal(near.response.lifetime, 1000);
    assert_int_equal(only_mapping().deadline, near.now + 1000 * SECOND);
}

static void a_refusal_from_upstream_reaches_the_client_and_leaves_nothing(void **state)
{
    (void)state;
    far.policy.map = false;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 7200);
    message.data.map.external_port = 1234;
    struct request request = encode(&message);
    ask(HOST, &request);
    exchange();
    assert_int_equal(near.response.result, PCP_NOT_AUTHORIZED);
    assert_int_equal(near.response.lifetime, 1800);
    assert_memory_equal(relay.answer.octets + 24, request.octets + 24, 36); /* the client's copy */
    assert_int_equal(relay.answer.change.kind, PCP_SERVER_REMOVED);
    assert_int_equal(live(&near), 0);
}

static void a_failed_renewal_leaves_what_was_confirmed(void **state)
{
    (void)state;
    begin();
    map_through(5683, 1000);
    near.now += 500 * SECOND;
    struct pcp_message message = map_message(HOST, UDP, 5683, 1000);
    struct request request = encode(&message);
    ask(HOST, &request);
    struct pcp_server_answer refusal = {0};
    pcp_decode(packet.octets, packet.length, &message);
    message.response = true;
    message.result = PCP_NO_RESOURCES;
    message.lifetime = 30;
    message.epoch = 500;
    refusal.length = pcp_encode(&message, refusal.octets, sizeof refusal.octets);
    answer_from(UPSTREAM, refusal.octets, refusal.length);
    assert_int_equal(near.response.result, PCP_NO_RESOURCES);
    assert_int_equal(only_mapping().deadline, near.now + 500 * SECOND);
}

static void prefer_failure_is_judged_by_the_outermost_server(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.data.map.external_port = 41000;
    message.data.map.external_address = at("11.0.0.1");
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    ask(HOST, &request);
    exchange();
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(near.response.data.map.external_port, 41000);
    assert_int_equal(relay.answer.length, 64); /* the option came back */
    message.data.map.internal_port = 5684;
    request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    ask(HOST, &request);
    exchange();
    assert_int_equal(near.response.result, PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(live(&near), 1);
}

static void filters_hold_here_and_upstream(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    add_filter(&request, "11.9.9.9", 128, 0);
    ask(HOST, &request);
    exchange();
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(pcp_server_count(near.server).filters, 1);
    assert_int_equal(pcp_server_count(far.server).filters, 1);
}

static void a_delete_ends_both_mappings(void **state)
{
    (void)state;
    begin();
    map_through(5683, 600);
    struct pcp_message message = map_message(HOST, UDP, 5683, 0);
    message.data.map.external_port = 1234;
    struct request request = encode(&message);
    ask(HOST, &request);
    struct pcp_message upstream;
    assert_int_equal(pcp_decode(packet.octets, packet.length, &upstream), PCP_FAULT_NONE);
    assert_int_equal(upstream.data.map.external_port, 0); /* a delete suggests nothing */
    exchange();
    assert_int_equal(near.response.data.map.external_port, 1234); /* but has what it suggested */
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(near.response.lifetime, 0);
    assert_int_equal(live(&near), 0);
    assert_int_equal(live(&far), 0);
}

static void what_has_traffic_ends_when_upstream_says_so(void **state)
{
    (void)state;
    begin();
    for (uint32_t left = 0; left <= 100; left += 100) {
        near.flows.present = far.flows.present = false;
        map_through(5683, 600);
        near.flows =
            (struct flows){.key = {.protocol = UDP, .internal = at(HOST), .internal_port = 5683},
                           .flow = {.external = at(OUTER), .idle = 30 * SECOND},
                           .present = true,
                           .any_remote = true};
        far.flows =
            (struct flows){.key = {.protocol = UDP,
                                   .internal = at(OUTER),
                                   .internal_port = only_mapping().external_port},
                           .flow = {.external = at("11.0.0.1"), .idle = (120 - left) * SECOND},
                           .present = true,
                           .any_remote = true};
        map_through(5683, 0);
        assert_int_equal(near.response.lifetime, left);
        assert_int_equal(live(&near), left != 0);
    }
    assert_int_equal(only_mapping().deadline, near.now + 100 * SECOND);
}

static void a_delete_of_nothing_goes_on_too(void **state)
{
    (void)state;
    begin();
    map_through(5683, 0);
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(near.response.data.map.internal_port, 5683);
    /* What another mapping has upstream is left alone. */
    map_through(5000, 600);
    uint16_t taken = only_mapping().external_port;
    struct pcp_message message = map_message("192.168.1.20", UDP, taken, 0);
    struct request request = encode(&message);
    ask("192.168.1.20", &request);
    struct pcp_message upstream;
    assert_int_equal(pcp_decode(packet.octets, packet.length, &upstream), PCP_FAULT_NONE);
    assert_int_equal(upstream.lifetime, 0);
    assert_int_equal(upstream.data.map.internal_port, taken + 1);
    assert_address(&upstream.client, OUTER);
}

static void a_peer_goes_on_with_its_remote(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = peer_message(HOST, UDP, 5683, "11.9.9.9", 9, 600);
    struct request request = encode(&message);
    ask(HOST, &request);
    exchange();
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(near.response.opcode, PCP_PEER);
    assert_address(&near.response.data.remote_address, "11.9.9.9");
    assert_int_equal(near.response.data.remote_port, 9);
    assert_address(&near.response.data.map.external_address, "11.0.0.1");
}

static void a_pinholes_host_is_named_by_third_party(void **state)
{
    (void)state;
    static struct pcp_server_prefix clients;
    clients = (struct pcp_server_prefix){at("2001:db8::1"), 128};
    settings.own[1] = at("2001:db8::1");
    settings.upstream[0] = at("2001:db8::ff");
    far_address = "2001:db8::ff";
    far.policy.third_party = true;
    far.policy.third_party_clients = &clients;
    far.policy.third_party_client_count = 1;
    begin();
    const char *host = "2001:db8::10";
    struct pcp_message message = map_message(host, UDP, 5683, 600);
    struct request request = encode(&message);
    ask(host, &request);
    assert_address(&packet.source, "2001:db8::1");
    assert_int_equal(packet.length, 80);
    exchange();
    assert_int_equal(near.response.result, PCP_SUCCESS);
    assert_int_equal(relay.answer.length, 60); /* that option was ours, not the client's */
    assert_address(&near.response.data.map.external_address, host);
}

static void announce_requests_are_answered_here(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 1, 0);
    message.opcode = PCP_ANNOUNCE;
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_equal(packet.length, 0);
    assert_int_equal(near.response.result, PCP_SUCCESS);
}

/* An ANNOUNCE from upstream, of an epoch. */
static void announce(uint32_t epoch)
{
    const struct pcp_message message = {
        .version = 2, .response = true, .opcode = PCP_ANNOUNCE, .epoch = epoch};
    uint8_t octets[24];
    pcp_encode(&message, octets, sizeof octets);
    answer_from(far_address, octets, sizeof octets);
}

/* The proxy's next request of its own, when it is due. */
static bool next_repair(void)
{
    uint64_t next = pcp_proxy_next_time(proxy);
    if (next == PCP_SERVER_NEVER)
        return false;
    near.now = next > near.now ? next : near.now;
    return pcp_proxy_advance(proxy, near.now, &packet);
}

static void after_an_announcement_the_mappings_are_asked_for_again(void **state)
{
    (void)state;
    begin();
    near.now += 1000 * SECOND;
    map_through(5683, 600);
    uint16_t port = near.response.data.map.external_port;
    near.now += 100 * SECOND;
    announce(1100); /* in step */
    assert_in_range(pcp_proxy_next_time(proxy), near.now, near.now + 5 * SECOND);
    assert_true(next_repair());
    struct pcp_message upstream;
    assert_int_equal(pcp_decode(packet.octets, packet.length, &upstream), PCP_FAULT_NONE);
    assert_address(&packet.source, OUTER);
    assert_int_equal(packet.servers, 1);
    assert_int_equal(upstream.data.map.internal_port, only_mapping().external_port);
    assert_int_equal(upstream.data.map.external_port, port);
    assert_in_range(upstream.lifetime, 495, 500);
    exchange();
    assert_int_equal(relay.answer.length, 0); /* nothing has changed: nobody hears of it */
    assert_int_not_equal(pcp_server_epoch(near.server, near.now), 0);
    announce(pcp_server_epoch(far.server, near.now)); /* a copy */
    while (pcp_proxy_next_time(proxy) != PCP_SERVER_NEVER)
        assert_false(next_repair());
    assert_int_not_equal(pcp_server_epoch(near.server, near.now), 0);
    struct pcp_message stranger = {.version = 2, .response = true, .opcode = PCP_ANNOUNCE};
    uint8_t octets[24];
    pcp_encode(&stranger, octets, sizeof octets);
    answer_from("100.64.0.9", octets, sizeof octets); /* a stranger's word is none */
    assert_int_equal(pcp_proxy_next_time(proxy), PCP_SERVER_NEVER);
}

static void what_upstream_has_lost_and_changed_is_told_to_clients(void **state)
{
    (void)state;
    near.policy.announcements = 3;
    begin();
    near.now += 1000 * SECOND;
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    add_filter(&request, "11.9.9.9", 128, 0);
    ask(HOST, &request);
    exchange();
    stop(&far);
    prepare(&far);
    far.external[0] = at("11.0.0.77");
    start(&far);
    near.now += SECOND;
    announce(0);
    assert_true(next_repair());
    assert_int_equal(packet.length, 84); /* the filter is asked for again */
    exchange();
    assert_address(&near.response.data.map.external_address, "11.0.0.77");
    assert_address(&relay.destination, HOST); /* a Mapping Update */
    assert_int_equal(pcp_server_epoch(near.server, near.now), 0);
    struct pcp_server_event event;
    assert_true(pcp_server_advance(near.server, near.now, &event));
    assert_int_equal(event.kind, PCP_SERVER_ANNOUNCE);
    struct pcp_server_mapping mapping = only_mapping();
    assert_address(&mapping.outermost, "11.0.0.77");
}

static void a_server_that_answers_no_more_is_told_of_in_the_end(void **state)
{
    (void)state;
    begin();
    near.now += 1000 * SECOND;
    map_through(5683, 600);
    announce(1000);
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_not_equal(packet.length, 0); /* what was known is not sure */
    unsigned tries = 0;
    uint64_t begun = near.now;
    while (pcp_proxy_next_time(proxy) != PCP_SERVER_NEVER)
        tries += next_repair();
    assert_int_equal(tries, PCP_PROXY_ROUNDS);
    assert_in_range(near.now, begun + 45 * SECOND, begun + 50 * SECOND);
    assert_int_equal(pcp_server_epoch(near.server, near.now), 0);
}

static void of_several_servers_the_first_success_counts(void **state)
{
    (void)state;
    settings.upstream[1] = at("100.64.0.9");
    settings.upstream_count = 2;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    ask(HOST, &request);
    assert_int_equal(packet.servers, 3);
    far.now = near.now;
    send_octets(&far, OUTER, packet.octets, packet.length);
    struct pcp_server_answer refusal = far.answer;
    refusal.octets[3] = PCP_NO_RESOURCES;
    answer_from("100.64.0.9", refusal.octets, refusal.length);
    assert_int_equal(relay.answer.length, 0);
    answer_from(UPSTREAM, far.answer.octets, far.answer.length);
    assert_int_equal(near.response.result, PCP_SUCCESS);
    message.data.map.internal_port = 5684;
    request = encode(&message);
    ask(HOST, &request);
    send_octets(&far, OUTER, packet.octets, packet.length);
    answer_from(UPSTREAM, far.answer.octets, far.answer.length);
    assert_int_equal(near.response.result, PCP_SUCCESS);
    answer_from("100.64.0.9", far.answer.octets, far.answer.length);
    assert_int_equal(relay.answer.length, 0); /* the client has its answer */
    /* Each has an Epoch of its own. */
    far.answer.octets[8] = 1;
    ask(HOST, &request);
    assert_int_equal(pcp_proxy_next_time(proxy), PCP_SERVER_NEVER);
}

static void clients_are_spread_and_keep_their_server(void **state)
{
    (void)state;
    settings.upstream[1] = at("100.64.0.9");
    settings.upstream_count = 2;
    settings.spread = true;
    begin();
    static const char *const hosts[] = {HOST, "192.168.1.11"};
    unsigned servers[2] = {0};
    for (uint16_t i = 0; i < 8; i++) {
        struct pcp_message message = map_message(hosts[i % 2], UDP, 5000 + i, 600);
        struct request request = encode(&message);
        ask(hosts[i % 2], &request);
        assert_true(packet.servers == 1 || packet.servers == 2);
        if (i >= 2)
            assert_int_equal(packet.servers, servers[i % 2]);
        servers[i % 2] = packet.servers;
    }
    assert_int_not_equal(servers[0], servers[1]);
}

static void a_mapping_update_from_upstream_is_passed_on(void **state)
{
    (void)state;
    far.policy.announcements = 0;
    begin();
    map_through(5683, 600);
    uint16_t port = near.response.data.map.external_port;
    near.now += 10 * SECOND;
    struct address moved = at("11.0.0.99");
    pcp_server_renumber(far.server, 0, &moved, near.now);
    struct pcp_server_event event;
    assert_true(pcp_server_advance(far.server, near.now, &event));
    assert_int_equal(event.kind, PCP_SERVER_UPDATE);
    assert_address(&event.destination, OUTER);
    answer_from(UPSTREAM, event.octets, event.length);
    assert_address(&relay.destination, HOST);
    assert_int_equal(relay.destination_port, 40000);
    assert_int_equal(near.response.data.map.internal_port, 5683);
    assert_int_equal(near.response.data.map.external_port, port);
    assert_address(&near.response.data.map.external_address, "11.0.0.99");
    assert_int_equal(near.response.lifetime, 590);
    map_through(5683, 600); /* and remembered */
    assert_int_equal(packet.length, 0);
    assert_address(&near.response.data.map.external_address, "11.0.0.99");
}

static void what_upstream_never_was_asked_is_ignored(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.response = true;
    message.epoch = 5;
    struct request response = encode(&message);
    answer_from(UPSTREAM, response.octets, response.length);
    assert_int_equal(relay.answer.length, 0);
    struct request request;
    message = map_message(HOST, UDP, 5683, 600);
    request = encode(&message);
    ask(HOST, &request);
    far.now = near.now;
    send_octets(&far, OUTER, packet.octets, packet.length);
    far.answer.octets[24] ^= 1; /* another nonce */
    answer_from(UPSTREAM, far.answer.octets, far.answer.length);
    assert_int_equal(relay.answer.length, 0);
    far.answer.octets[24] ^= 1;
    answer_from("100.64.0.9", far.answer.octets, far.answer.length); /* another server */
    assert_int_equal(relay.answer.length, 0);
    answer_from(UPSTREAM, far.answer.octets, far.answer.length);
    assert_int_not_equal(relay.answer.length, 0);
    answer_from(UPSTREAM, far.answer.octets, 59);
    assert_int_equal(relay.answer.length, 0);
}

static void an_answer_for_a_mapping_that_is_another_clients_now_is_dropped(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    ask(HOST, &request);
    far.now = near.now;
    send_octets(&far, OUTER, packet.octets, packet.length);
    struct pcp_server_answer late = far.answer;
    struct address host = at(HOST);
    pcp_server_forget(near.server, &host, near.now); /* the host has gone, another comes */
    settle(&near);
    message.data.map.nonce[0] ^= 1;
    request = encode(&message);
    ask(HOST, &request);
    answer_from(UPSTREAM, late.octets, late.length);
    assert_int_equal(relay.answer.length, 0);
    assert_int_equal(only_mapping().deadline, near.now + 60 * SECOND);
}

static void unknown_options_and_opcodes_are_relayed_unless_forbidden(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    add_option(&request, 100, "four", 4);
    ask(HOST, &request);
    assert_int_equal(packet.length, 68);
    exchange();
    assert_int_equal(near.response.result, PCP_UNSUPP_OPTION); /* upstream's word */
    request = encode(&message);
    request.octets[1] = 77;
    ask(HOST, &request);
    assert_int_equal(packet.length, 60);
    assert_memory_equal(packet.octets + 8, settings.own[0].octet, 16);
    exchange();
    assert_int_equal(near.response.result, PCP_UNSUPP_OPCODE);
    const struct address other = at("100.64.0.9");
    pcp_proxy_renumber(proxy, &other);
    ask(HOST, &request);
    assert_memory_equal(packet.octets + 8, other.octet, 16);
    assert_true(address_equal(&packet.source, &other));
    tear_down(state);
    set_up(state);
    near.policy.relay_unknown = false;
    settings.relay_opcodes = false;
    begin();
    ask(HOST, &request);
    assert_int_equal(packet.length, 0);
    assert_int_equal(near.response.result, PCP_UNSUPP_OPCODE);
    request = encode(&message);
    add_option(&request, 100, "four", 4);
    ask(HOST, &request);
    assert_int_equal(packet.length, 0);
    assert_int_equal(near.response.result, PCP_UNSUPP_OPTION);
}

static void requests_beyond_the_room_for_them_are_dropped(void **state)
{
    (void)state;
    begin();
    for (uint16_t port = 1; port <= 20; port++) {
        struct pcp_message message = map_message(HOST, UDP, port, 600);
        struct request request = encode(&message);
        ask(HOST, &request);
        assert_int_equal(near.answer.length, 0);
        assert_int_equal(packet.length != 0, port <= 16);
    }
    elapse(&near, 61 * SECOND);
    map_through(30, 600);
    assert_int_equal(near.response.result, PCP_SUCCESS);
}

static void a_device_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    begin();
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    struct request request = encode(&message);
    struct pcp_server_input input = {.octets = request.octets,
                                     .length = request.length,
                                     .source = at(HOST),
                                     .source_port = 40000,
                                     .now = near.now};
    pcp_proxy_request(proxy, &input, &near.answer, &packet);
    pcp_proxy_refuse(proxy, &input, &near.answer);
    assert_int_equal(near.answer.octets[3], PCP_NO_RESOURCES);
    assert_int_equal(live(&near), 0);
    far.now = near.now;
    send_octets(&far, OUTER, packet.octets, packet.length);
    answer_from(UPSTREAM, far.answer.octets, far.answer.length);
    assert_int_equal(relay.answer.length, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_request_goes_on_with_our_external_endpoint_as_its_internal_one),
        T(the_client_hears_of_the_outermost_endpoint_and_of_our_epoch),
        T(a_local_mapping_is_temporary_until_upstream_confirms_it),
        T(the_lifetime_is_upstreams_or_less),
        T(a_mapping_with_three_quarters_left_is_answered_at_once),
        T(a_refusal_from_upstream_reaches_the_client_and_leaves_nothing),
        T(a_failed_renewal_leaves_what_was_confirmed),
        T(prefer_failure_is_judged_by_the_outermost_server),
        T(filters_hold_here_and_upstream),
        T(a_delete_ends_both_mappings),
        T(what_has_traffic_ends_when_upstream_says_so),
        T(a_delete_of_nothing_goes_on_too),
        T(a_peer_goes_on_with_its_remote),
        T(a_pinholes_host_is_named_by_third_party),
        T(announce_requests_are_answered_here),
        T(after_an_announcement_the_mappings_are_asked_for_again),
        T(what_upstream_has_lost_and_changed_is_told_to_clients),
        T(a_server_that_answers_no_more_is_told_of_in_the_end),
        T(of_several_servers_the_first_success_counts),
        T(clients_are_spread_and_keep_their_server),
        T(a_mapping_update_from_upstream_is_passed_on),
        T(what_upstream_never_was_asked_is_ignored),
        T(an_answer_for_a_mapping_that_is_another_clients_now_is_dropped),
        T(unknown_options_and_opcodes_are_relayed_unless_forbidden),
        T(requests_beyond_the_room_for_them_are_dropped),
        T(a_device_that_fails_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
