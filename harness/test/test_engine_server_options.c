/* The PCP server's options: RFC 6887 sections 7.3 and 13. */
#include "server_support.h"

#define HOST  "192.168.1.10"
#define OTHER "192.168.1.20"

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop(&bench);
    return 0;
}

static struct request new_map(uint32_t lifetime)
{
    struct pcp_message message = map_message(HOST, UDP, 5683, lifetime);
    return encode(&message);
}

static enum pcp_result ask(const struct request *request)
{
    send_request(&bench, HOST, request);
    assert_int_not_equal(bench.answer.length, 0);
    return (enum pcp_result)bench.response.result;
}

static unsigned int filters_of_only_mapping(void)
{
    struct pcp_server_mapping mapping;
    struct pcp_filter filter;
    uint32_t cursor = 0;
    assert_true(pcp_server_next(bench.server, &cursor, &mapping));
    unsigned int count = 0;
    while (pcp_server_filter_next(bench.server, &mapping.filters, &filter))
        count++;
    return count;
}

/* --- 7.3 ------------------------------------------------------------------------------------ */

static void an_option_area_that_cannot_be_walked_is_a_malformed_option(void **state)
{
    (void)state;
    start(&bench);
    static const uint8_t tails[][8] = {
        {200, 0, 0, 5, 0, 0, 0, 0}, /* longer than what is left */
        {200, 0, 0xff, 0xff, 0, 0, 0, 0},
        {2, 0, 0, 0, 200, 0, 0, 1}, /* the second one, behind a good one */
    };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct request request = new_map(600);
        memcpy(request.octets + request.length, tails[i], 8);
        request.length += 8;
        assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
        assert_int_equal(bench.answer.length, request.length);
        assert_memory_equal(bench.answer.octets + 12, request.octets + 12, request.length - 12);
    }
    assert_int_equal(live(&bench), 0);
}

static void an_unknown_option_is_fatal_below_128_and_skipped_above(void **state)
{
    (void)state;
    start(&bench);
    for (int code = 0; code < 256; code++) {
        if (code >= PCP_THIRD_PARTY && code <= PCP_FILTER)
            continue;
        struct request request = new_map(600);
        add_option(&request, (uint8_t)code, "abcde", 5);
        assert_int_equal(ask(&request), code < 128 ? PCP_UNSUPP_OPTION : PCP_SUCCESS);
        /* An error returns all options, a success the processed ones alone. */
        assert_int_equal(bench.answer.length, code < 128 ? 60 + 4 + 8 : 60);
    }
}

static void options_of_a_request_that_fails_leave_no_trace(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.9", 128, 0);
    add_option(&request, 100, NULL, 0);
    assert_int_equal(ask(&request), PCP_UNSUPP_OPTION);
    assert_int_equal(live(&bench), 0);
    assert_int_equal(pcp_server_count(bench.server).filters, 0);
    assert_int_equal(bench.answer.length, request.length);
}

static void options_may_stand_in_any_order_and_come_back_in_that_order(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.data.map.external_port = 40000;
    message.data.map.external_address = at("11.0.0.1");
    for (int turn = 0; turn < 2; turn++) {
        struct request request = encode(&message);
        if (turn)
            add_filter(&request, "11.9.9.9", 128, 0);
        add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
        if (!turn)
            add_filter(&request, "11.9.9.9", 128, 0);
        assert_int_equal(ask(&request), PCP_SUCCESS);
        assert_int_equal(bench.answer.length, request.length);
        assert_memory_equal(bench.answer.octets + 60, request.octets + 60, request.length - 60);
    }
    assert_int_equal(filters_of_only_mapping(), 1);
}

static void reserved_octets_of_options_change_nothing_and_come_back_zero(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.9", 128, 0);
    request.octets[61] = 0xff; /* of the option header */
    request.octets[64] = 0xff; /* of FILTER */
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.octets[61], 0);
    assert_int_equal(bench.answer.octets[64], 0);
}

static void options_of_13_have_no_place_in_announce(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 0, 0);
    message.opcode = PCP_ANNOUNCE;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = encode(&message);
    add_filter(&request, "11.9.9.9", 128, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = encode(&message);
    add_option(&request, 200, NULL, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
}

static void a_datagram_full_of_options_is_walked_once(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    while (request.length < PCP_MAXIMUM_LENGTH)
        add_option(&request, 255, NULL, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 60);
}

/* --- 13.1 THIRD_PARTY ----------------------------------------------------------------------- */

static void third_party_is_unsupported_by_default_even_for_oneself(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_UNSUPP_OPTION);
    struct pcp_message message = peer_message(HOST, UDP, 5683, "11.9.9.9", 9, 600);
    request = encode(&message);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_UNSUPP_OPTION);
    bench.side = PCP_SERVER_TRUSTED;
    assert_int_equal(ask(&request), PCP_UNSUPP_OPTION);
    assert_int_equal(live(&bench), 0);
}

static void a_permitted_client_maps_for_another_host_and_ends_it(void **state)
{
    (void)state;
    const struct pcp_server_prefix clients = {at(HOST), 128};
    bench.policy.third_party = true;
    bench.policy.third_party_clients = &clients;
    bench.policy.third_party_client_count = 1;
    start(&bench);
    struct request request = new_map(600);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 80);
    assert_memory_equal(bench.answer.octets + 60, request.octets + 60, 20);
    assert_address(&bench.answer.change.mapping.internal, OTHER);
    assert_address(&bench.answer.change.mapping.client, HOST);
    request = new_map(0);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(live(&bench), 0);

    request = new_map(600);
    add_third_party(&request, HOST); /* its own address */
    assert_int_equal(ask(&request), PCP_MALFORMED_REQUEST);
    request = new_map(600);
    add_third_party(&request, OTHER);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = new_map(600);
    add_option(&request, PCP_THIRD_PARTY, "abcdefghijklmnopqrst", 20);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = new_map(600);
    add_third_party(&request, "127.0.0.1");
    assert_int_equal(ask(&request), PCP_NOT_AUTHORIZED);

    struct pcp_message message = map_message(OTHER, UDP, 5683, 600); /* not permitted */
    request = encode(&message);
    add_third_party(&request, HOST);
    send_request(&bench, OTHER, &request);
    assert_result(&bench, PCP_UNSUPP_OPTION);
    request = new_map(600);
    add_third_party(&request, OTHER);
    send_request(&bench, OTHER, &request); /* the client address counts with the option too */
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
}

static void a_trusted_client_need_not_be_of_the_inside_but_its_mappings_must(void **state)
{
    (void)state;
    const struct pcp_server_prefix inside = {at("192.168.1.0"), 120};
    bench.policy.third_party = true;
    bench.policy.inside = &inside;
    bench.policy.inside_count = 1;
    start(&bench);
    bench.side = PCP_SERVER_TRUSTED;
    struct pcp_message message = map_message("10.9.9.9", UDP, 5683, 600);
    struct request request = encode(&message);
    add_third_party(&request, OTHER);
    send_request(&bench, "10.9.9.9", &request);
    assert_result(&bench, PCP_SUCCESS);
    request = encode(&message);
    add_third_party(&request, "10.9.9.10");
    send_request(&bench, "10.9.9.9", &request);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

static void a_trusted_interface_serves_third_party_requests_alone(void **state)
{
    (void)state;
    bench.policy.third_party = true;
    start(&bench);
    bench.side = PCP_SERVER_TRUSTED;
    struct request request = new_map(600);
    add_third_party(&request, OTHER);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    request = new_map(600);
    send_request(&bench, HOST, &request);
    assert_int_equal(bench.answer.length, 0);
    request.octets[0] = 0;
    send_request(&bench, HOST, &request);
    assert_int_equal(bench.answer.length, 0);
    request.octets[0] = 9;
    send_request(&bench, HOST, &request);
    assert_int_equal(bench.answer.length, 0);
    assert_int_equal(live(&bench), 1);
}

/* --- 13.2 PREFER_FAILURE -------------------------------------------------------------------- */

static enum pcp_result insist(uint16_t internal_port, const char *address, uint16_t port)
{
    struct pcp_message message = map_message(HOST, UDP, internal_port, 600);
    message.data.map.external_address = at(address);
    message.data.map.external_port = port;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    return ask(&request);
}

static void prefer_failure_gives_the_suggestion_or_nothing(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, 40000);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_SUCCESS);                 /* a renewal */
    assert_int_equal(insist(1, "11.0.0.1", 40001), PCP_CANNOT_PROVIDE_EXTERNAL); /* mapped else */
    assert_int_equal(bench.response.lifetime, 600);
    assert_int_equal(insist(2, "11.0.0.1", 40000), PCP_CANNOT_PROVIDE_EXTERNAL); /* taken */
    assert_int_equal(bench.response.lifetime, 600 + 240);
    assert_int_equal(insist(2, "11.0.0.1", 80), PCP_CANNOT_PROVIDE_EXTERNAL); /* not given out */
    assert_int_equal(bench.response.lifetime, 1800);
    assert_int_equal(insist(2, "11.0.0.2", 40002), PCP_CANNOT_PROVIDE_EXTERNAL); /* not its own */
    assert_int_equal(insist(2, "11.0.0.1", 5351), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(live(&bench), 1);
}

static void prefer_failure_for_a_port_of_any_address_is_answered_alike_when_repeated(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(insist(1, "0.0.0.0", 40000), PCP_SUCCESS);
    assert_int_equal(insist(1, "0.0.0.0", 40000), PCP_SUCCESS);
    assert_int_equal(insist(1, "0.0.0.0", 40001), PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void prefer_failure_while_there_is_no_address_is_a_network_failure(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_SUCCESS);
    struct address none = at("0.0.0.0");
    pcp_server_renumber(bench.server, 0, &none, bench.now);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_NETWORK_FAILURE);
}

static void a_clash_that_never_ends_is_a_long_error(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_server_mapping fixed = {.protocol = UDP,
                                       .internal = at(OTHER),
                                       .external = at("11.0.0.1"),
                                       .internal_port = 80,
                                       .external_port = 40000};
    struct error error = {{0}};
    assert_int_equal(pcp_server_add_static(bench.server, &fixed, &error), 0);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(bench.response.lifetime, 1800);
}

static void prefer_failure_that_makes_no_sense_is_malformed(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(insist(1, "11.0.0.1", 0), PCP_MALFORMED_OPTION);
    struct request request = new_map(0);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = new_map(600);
    add_option(&request, PCP_PREFER_FAILURE, "abcd", 4);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = new_map(600);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    struct pcp_message message = peer_message(HOST, UDP, 5683, "11.9.9.9", 9, 600);
    request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_REQUEST); /* in PEER, 12.1 */
}

static void a_clients_own_flow_on_another_port_clashes_too(void **state)
{
    (void)state;
    start(&bench);
    bench.flows = (struct flows){
        .key = {.protocol = UDP, .internal = at(HOST), .internal_port = 1},
        .flow = {.external = at("11.0.0.1"), .external_port = 2000},
        .present = true,
    };
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(insist(1, "11.0.0.1", 2000), PCP_SUCCESS);
}

static void prefer_failure_can_be_switched_off(void **state)
{
    (void)state;
    bench.policy.prefer_failure = false;
    start(&bench);
    assert_int_equal(insist(1, "11.0.0.1", 40000), PCP_UNSUPP_OPTION);
}

/* --- 13.3 FILTER ---------------------------------------------------------------------------- */

static void filter_prefixes_are_96_to_128_for_ipv4_and_1_to_128_for_ipv6(void **state)
{
    (void)state;
    bench.policy.filters_per_mapping = 200;
    start(&bench);
    const char *host6 = "2001:db8::10";
    for (int length = 0; length < 256; length++) {
        struct request request = new_map(600);
        add_filter(&request, "11.9.9.9", (uint8_t)length, 0);
        bool sound = length == 0 || (length >= 96 && length <= 128);
        assert_int_equal(ask(&request), sound ? PCP_SUCCESS : PCP_MALFORMED_OPTION);
        struct pcp_message message = map_message(host6, UDP, 5683, 600);
        request = encode(&message);
        add_filter(&request, "2001:db8:9::9", (uint8_t)length, 0);
        send_request(&bench, host6, &request);
        assert_result(&bench, length <= 128 ? PCP_SUCCESS : PCP_MALFORMED_OPTION);
    }
    struct request request = new_map(600);
    add_filter(&request, "2001:db8:9::9", 128, 0); /* of the other family than the host */
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
}

static void filters_add_up_and_prefix_0_clears_those_before_it(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_CREATED);
    request = new_map(600);
    add_filter(&request, "11.9.9.2", 128, 7);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_FILTERED);
    assert_int_equal(filters_of_only_mapping(), 2);
    assert_int_equal(ask(&request), PCP_SUCCESS); /* a repeat adds nothing */
    assert_int_equal(filters_of_only_mapping(), 2);
    map(&bench, HOST, UDP, 5683, 600); /* nor does a renewal without FILTER take any away */
    assert_int_equal(filters_of_only_mapping(), 2);

    request = new_map(600);
    add_filter(&request, "11.9.9.3", 128, 0);
    add_filter(&request, "0.0.0.0", 0, 0);
    add_filter(&request, "11.9.9.4", 120, 0);
    add_filter(&request, "11.9.9.5", 128, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(filters_of_only_mapping(), 2);
    request = new_map(600);
    add_filter(&request, "0.0.0.0", 0, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(filters_of_only_mapping(), 0);
    assert_int_equal(pcp_server_count(bench.server).filters, 0);
}

static void too_many_filters_change_nothing(void **state)
{
    (void)state;
    bench.policy.filters_per_mapping = 2;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    add_filter(&request, "11.9.9.2", 128, 0);
    add_filter(&request, "11.9.9.3", 128, 0);
    assert_int_equal(ask(&request), PCP_EXCESSIVE_REMOTE_PEERS);
    assert_int_equal(bench.response.lifetime, 1800);
    assert_int_equal(filters_of_only_mapping(), 1);
    assert_int_equal(pcp_server_count(bench.server).filters, 1);
}

static void a_full_filter_table_changes_nothing(void **state)
{
    (void)state;
    bench.policy.filter_capacity = 1;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    add_filter(&request, "11.9.9.2", 128, 0);
    assert_int_equal(ask(&request), PCP_EXCESSIVE_REMOTE_PEERS);
    assert_int_equal(live(&bench), 0);
    assert_int_equal(pcp_server_count(bench.server).filters, 0);
}

static void filters_that_are_there_already_need_no_room(void **state)
{
    (void)state;
    bench.policy.filter_capacity = 2;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "0.0.0.0", 0, 0);
    add_filter(&request, "11.9.9.1", 128, 0);
    add_filter(&request, "11.9.9.2", 128, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(ask(&request), PCP_SUCCESS); /* cleared and set again */
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    request = new_map(600);
    add_filter(&request, "11.9.9.2", 128, 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    assert_int_equal(filters_of_only_mapping(), 2);
}

static void one_bad_filter_among_several_spoils_all(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    add_filter(&request, "11.9.9.2", 95, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    add_option(&request, PCP_FILTER, "abcdefghijklmnop", 16);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    assert_int_equal(live(&bench), 0);
}

static void filter_has_no_place_in_a_delete_or_in_peer(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    struct request request = new_map(0);
    add_filter(&request, "11.9.9.1", 128, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    struct pcp_message message = peer_message(HOST, UDP, 5683, "11.9.9.9", 9, 600);
    request = encode(&message);
    add_filter(&request, "11.9.9.1", 128, 0);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION);
    assert_int_equal(live(&bench), 1);
}

static void filters_go_with_their_mapping(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_filter(&request, "11.9.9.1", 128, 0);
    add_filter(&request, "11.9.9.2", 128, 0);
    ask(&request);
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(pcp_server_count(bench.server).filters, 0);
    ask(&request);
    bench.now += 600 * SECOND;
    struct pcp_server_event event;
    assert_true(pcp_server_advance(bench.server, bench.now, &event));
    struct pcp_filter filter; /* the device can still read which filters it has to take away */
    assert_true(pcp_server_filter_next(bench.server, &event.change.mapping.filters, &filter));
    assert_address(&filter.remote_address, "11.9.9.1");
    assert_false(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(pcp_server_count(bench.server).filters, 0);
}

/* --- DESCRIPTION, RFC 7220 ------------------------------------------------------------------ */

enum { DESCRIPTION = 128 };

static unsigned int descriptions(void)
{
    return pcp_server_count(bench.server).descriptions;
}

/* Describes the mapping of port 5683 and expects what is kept of the text; NULL: nothing is. */
static void describe(const char *text, const char *kept)
{
    struct request request = new_map(600);
    add_option(&request, DESCRIPTION, text, (uint16_t)strlen(text));
    assert_int_equal(ask(&request), PCP_SUCCESS);
    if (!kept) {
        assert_int_equal(bench.answer.length, 60);
        return;
    }
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    assert_true(pcp_option_next(bench.response.options, bench.response.options_length, &offset,
                                &option, &fault));
    assert_int_equal(option.code, DESCRIPTION);
    assert_int_equal(option.length, strlen(kept));
    assert_memory_equal(option.data, kept, option.length);
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    size_t length;
    assert_true(pcp_server_next(bench.server, &cursor, &mapping));
    const uint8_t *stored = pcp_server_description(bench.server, &mapping, &length);
    assert_int_equal(length, strlen(kept));
    assert_memory_equal(stored, kept, length);
}

static void a_description_is_kept_replaced_and_erased(void **state)
{
    (void)state;
    bench.policy.description_capacity = 2;
    start(&bench);
    describe("Camera", "Camera");
    describe("K\xc3\xbc"
             "che",
             "K\xc3\xbc"
             "che");
    assert_int_equal(descriptions(), 1);
    map(&bench, HOST, UDP, 5683, 600); /* a renewal that says nothing changes nothing */
    assert_int_equal(descriptions(), 1);
    describe("", "");
    assert_int_equal(descriptions(), 0);
    describe("Camera", "Camera");
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(descriptions(), 0);
}

static void a_long_description_is_cut_between_characters(void **state)
{
    (void)state;
    bench.policy.description_capacity = 2;
    start(&bench);
    char text[1017] = {0}, kept[129] = {0};
    memset(text, 'x', 1016);
    memset(kept, 'x', 128);
    describe(text, kept);
    static const char euro[3] = {(char)0xe2, (char)0x82, (char)0xac};
    for (int i = 0; i < 3; i++)
        text[127 + i] = euro[i]; /* across the limit */
    kept[127] = '\0';
    describe(text, kept);
}

static void a_description_that_is_no_utf_8_is_ignored(void **state)
{
    (void)state;
    bench.policy.description_capacity = 2;
    start(&bench);
    static const char *const texts[] = {
        "\x80",     "\xc3",  "\xc0\x80",         "\xed\xa0\x80",     "\xf5\x80\x80\x80",
        "\xe2\x82", "a\xff", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xe2\x28\xa1"};
    describe("Camera", "Camera");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        describe(texts[i], NULL);
    assert_int_equal(descriptions(), 1);
    describe("\xf0\x9f\x93\xb7 \xf4\x8f\xbf\xbf", "\xf0\x9f\x93\xb7 \xf4\x8f\xbf\xbf");
}

static void without_room_for_it_a_description_is_ignored(void **state)
{
    (void)state;
    bench.policy.description_capacity = 1;
    start(&bench);
    describe("Camera", "Camera");
    struct pcp_message message = peer_message(HOST, UDP, 1, "11.9.9.9", 9, 600);
    struct request request = encode(&message);
    add_option(&request, DESCRIPTION, "Door", 4);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 80);
    elapse(&bench, 600 * SECOND);
    assert_int_equal(descriptions(), 0);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 88);
    add_option(&request, DESCRIPTION, "Door", 4);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION); /* once in a request */
    stop(&bench);
    bench.policy.description_capacity = 0; /* switched off */
    start(&bench);
    describe("Camera", NULL);
}

/* --- PREFIX64, RFC 7225 --------------------------------------------------------------------- */

enum { PREFIX64 = 129 };

static const uint8_t prefix64_question[16] = {0, 12}; /* ::/96, no IPv4 prefix */

static void prefix64_is_ignored_where_none_is_configured(void **state)
{
    (void)state;
    start(&bench);
    struct request request = new_map(600);
    add_option(&request, PREFIX64, prefix64_question, 14);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 60);
}

static void prefix64_tells_all_prefixes_in_map_and_announce(void **state)
{
    (void)state;
    const struct pcp_server_prefix destinations[] = {{at("192.0.2.0"), 120}};
    const struct pcp_server_prefix64 prefixes[] = {
        {.prefix = at("64:ff9b::"), .octets = 12},
        {.prefix = at("2001:db8:122:344::"),
         .octets = 8,
         .suffix = {1, 2, 3, 4},
         .ipv4 = destinations,
         .ipv4_count = 1},
    };
    static const uint8_t wanted[] = {
        129,  0,    0,    14,                                             /* PREFIX64, 14 octets */
        0,    12,                                                         /* a /96 */
        0x00, 0x64, 0xff, 0x9b, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, /* 64:ff9b::, padding */
        129,  0,    0,    22,                                             /* PREFIX64, 22 octets */
        0,    8,                                                          /* a /64 */
        0x20, 0x01, 0x0d, 0xb8, 0x01, 0x22, 0x03, 0x44,                   /* 2001:db8:122:344:: */
        1,    2,    3,    4,                                              /* suffix */
        0,    1,                                                          /* one IPv4 prefix */
        0,    24,   192,  0,    2,    0,    0,    0, /* 192.0.2.0/24, padding */
    };
    bench.policy.prefix64 = prefixes;
    bench.policy.prefix64_count = 2;
    start(&bench);
    struct request request = new_map(600);
    add_option(&request, PREFIX64, prefix64_question, 14);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 60 + sizeof wanted);
    assert_memory_equal(bench.answer.octets + 60, wanted, sizeof wanted);
    add_option(&request, PREFIX64, prefix64_question, 14);
    assert_int_equal(ask(&request), PCP_MALFORMED_OPTION); /* once in a request */

    struct pcp_message message = map_message(HOST, UDP, 0, 0);
    message.opcode = PCP_ANNOUNCE;
    request = encode(&message);
    add_option(&request, PREFIX64, prefix64_question, 14);
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 24 + sizeof wanted);
    message = peer_message(HOST, UDP, 5683, "11.9.9.9", 9, 600);
    request = encode(&message);
    add_option(&request, PREFIX64, prefix64_question, 14); /* not for PEER: ignored */
    assert_int_equal(ask(&request), PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 80);
}

static void a_response_that_would_not_fit_is_malformed_and_leaves_no_trace(void **state)
{
    (void)state;
    static struct pcp_server_prefix destinations[100];
    for (int i = 0; i < 100; i++)
        destinations[i] = (struct pcp_server_prefix){at("192.0.2.0"), 120};
    struct pcp_server_prefix64 prefixes[2];
    for (int i = 0; i < 2; i++)
        prefixes[i] = (struct pcp_server_prefix64){
            .prefix = at("64:ff9b::"), .octets = 12, .ipv4 = destinations, .ipv4_count = 100};
    bench.policy.prefix64 = prefixes;
    bench.policy.prefix64_count = 2;
    start(&bench);
    struct request request = new_map(600);
    add_option(&request, PREFIX64, prefix64_question, 14);
    assert_int_equal(ask(&request), PCP_MALFORMED_REQUEST);
    assert_int_equal(bench.answer.length, request.length);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_UNCHANGED);
    assert_int_equal(live(&bench), 0);
}

static void a_nat64_prefix_of_another_length_is_refused(void **state)
{
    (void)state;
    struct error error = {{0}};
    struct pcp_server_prefix64 prefix = {.prefix = at("64:ff9b::")};
    for (uint8_t octets = 0; octets < 20; octets++) {
        prefix.octets = octets;
        bool sound = (octets >= 4 && octets <= 8) || octets == 12;
        assert_int_equal(pcp_server_prefix64_check(&prefix, &error), sound ? 0 : -1);
    }
    bench.policy.prefix64 = &prefix;
    bench.policy.prefix64_count = 1;
    assert_int_equal(pcp_server_policy_check(&bench.policy, &error), -1);
    bench.policy.prefix64_count = 0;
    start(&bench);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_option_area_that_cannot_be_walked_is_a_malformed_option),
        T(an_unknown_option_is_fatal_below_128_and_skipped_above),
        T(options_of_a_request_that_fails_leave_no_trace),
        T(options_may_stand_in_any_order_and_come_back_in_that_order),
        T(reserved_octets_of_options_change_nothing_and_come_back_zero),
        T(options_of_13_have_no_place_in_announce),
        T(a_datagram_full_of_options_is_walked_once),
        T(third_party_is_unsupported_by_default_even_for_oneself),
        T(a_permitted_client_maps_for_another_host_and_ends_it),
        T(a_trusted_client_need_not_be_of_the_inside_but_its_mappings_must),
        T(a_trusted_interface_serves_third_party_requests_alone),
        T(prefer_failure_gives_the_suggestion_or_nothing),
        T(prefer_failure_for_a_port_of_any_address_is_answered_alike_when_repeated),
        T(prefer_failure_while_there_is_no_address_is_a_network_failure),
        T(a_clash_that_never_ends_is_a_long_error),
        T(prefer_failure_that_makes_no_sense_is_malformed),
        T(a_clients_own_flow_on_another_port_clashes_too),
        T(prefer_failure_can_be_switched_off),
        T(filter_prefixes_are_96_to_128_for_ipv4_and_1_to_128_for_ipv6),
        T(filters_add_up_and_prefix_0_clears_those_before_it),
        T(too_many_filters_change_nothing),
        T(a_full_filter_table_changes_nothing),
        T(filters_that_are_there_already_need_no_room),
        T(one_bad_filter_among_several_spoils_all),
        T(filter_has_no_place_in_a_delete_or_in_peer),
        T(filters_go_with_their_mapping),
        T(a_description_is_kept_replaced_and_erased),
        T(a_long_description_is_cut_between_characters),
        T(a_description_that_is_no_utf_8_is_ignored),
        T(without_room_for_it_a_description_is_ignored),
        T(prefix64_is_ignored_where_none_is_configured),
        T(prefix64_tells_all_prefixes_in_map_and_announce),
        T(a_response_that_would_not_fit_is_malformed_and_leaves_no_trace),
        T(a_nat64_prefix_of_another_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
