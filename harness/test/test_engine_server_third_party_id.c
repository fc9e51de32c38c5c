/* The PCP server's THIRD_PARTY_ID option, RFC 7843. */
#include "server_support.h"

#define PORTAL "192.168.1.2"
#define HOST   "10.0.0.10" /* which each subscriber has */

static struct bench bench;

static const uint8_t first[] = {0, 0, 7}, second[] = {0, 0, 9}, longer[] = {0, 0, 0, 7};
static const struct pcp_server_realm realms[] = {
    {.id = first, .length = 3}, {.id = second, .length = 3}, {.id = longer, .length = 4}};
static const struct pcp_server_prefix portals = {
    {{[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168, [14] = 1}}, 120};

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    bench.policy.third_party = true;
    bench.policy.third_party_clients = &portals;
    bench.policy.third_party_client_count = 1;
    bench.policy.realms = realms;
    bench.policy.realm_count = 3;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop(&bench);
    return 0;
}

static struct request for_host(const struct pcp_message *message)
{
    struct request request = encode(message);
    add_third_party(&request, HOST);
    return request;
}

/* A MAP of the host's port 5683 in a realm, or in none; the external port. */
static uint16_t map_in(const uint8_t *id, uint16_t length, uint32_t lifetime)
{
    struct pcp_message message = map_message(PORTAL, UDP, 5683, lifetime);
    struct request request = for_host(&message);
    if (id)
        add_option(&request, PCP_THIRD_PARTY_ID, id, length);
    send_request(&bench, PORTAL, &request);
    assert_int_not_equal(bench.answer.length, 0);
    return bench.response.data.map.external_port;
}

static void assert_echoed(const uint8_t *id, uint16_t length)
{
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault;
    const struct pcp_message *response = &bench.response;
    assert_true(
        pcp_option_next(response->options, response->options_length, &offset, &option, &fault));
    assert_int_equal(option.code, PCP_THIRD_PARTY);
    assert_true(
        pcp_option_next(response->options, response->options_length, &offset, &option, &fault));
    assert_int_equal(option.code, PCP_THIRD_PARTY_ID);
    assert_int_equal(option.length, length);
    assert_memory_equal(option.data, id, length);
    assert_int_equal(offset, response->options_length);
}

/* --- 5.2: what is refused ------------------------------------------------------------------- */

static void without_realms_the_option_is_unsupported(void **state)
{
    (void)state;
    bench.policy.realm_count = 0;
    start(&bench);
    map_in(first, 3, 600);
    assert_result(&bench, PCP_UNSUPP_OPTION);
    assert_int_equal(live(&bench), 0);
}

static void a_client_without_permission_gets_no_more_than_for_third_party(void **state)
{
    (void)state;
    bench.policy.third_party_client_count = 0;
    start(&bench);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 600);
    struct request request = encode(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_UNSUPP_OPTION);
}

static void an_id_without_third_party_misses_it(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 600);
    struct request request = encode(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_THIRD_PARTY_MISSING_OPTION);
    assert_int_equal(bench.response.lifetime, 1800); /* a long lifetime error, 4.1 */
    assert_int_equal(live(&bench), 0);
}

static void third_party_without_an_id_misses_it_where_policy_says_so(void **state)
{
    (void)state;
    bench.policy.realm_required = true;
    start(&bench);
    map_in(NULL, 0, 600);
    assert_result(&bench, PCP_THIRD_PARTY_MISSING_OPTION);
    assert_int_equal(bench.response.lifetime, 1800);
    assert_int_not_equal(map(&bench, PORTAL, UDP, 5683, 600), 0); /* its own needs neither */
}

static void an_id_that_is_not_known_is_told_from_a_length_that_is_not(void **state)
{
    (void)state;
    start(&bench);
    static const struct {
        uint8_t id[6];
        uint16_t length;
        enum pcp_result result;
    } cases[] = {
        {{0, 0, 7}, 3, PCP_SUCCESS},
        {{0, 0, 9}, 3, PCP_SUCCESS},
        {{0, 0, 0, 7}, 4, PCP_SUCCESS},
        {{0, 0, 6}, 3, PCP_THIRD_PARTY_ID_UNKNOWN},
        {{0, 0, 8}, 3, PCP_THIRD_PARTY_ID_UNKNOWN},
        {{9, 9, 9}, 3, PCP_THIRD_PARTY_ID_UNKNOWN},
        {{0, 0, 0, 6}, 4, PCP_THIRD_PARTY_ID_UNKNOWN},
        {{9, 9, 9, 9}, 4, PCP_THIRD_PARTY_ID_UNKNOWN},
        {{0, 7}, 2, PCP_UNSUPP_THIRD_PARTY_ID_LENGTH},
        {{0, 0, 0, 0, 7}, 5, PCP_UNSUPP_THIRD_PARTY_ID_LENGTH},
        {{0}, 0, PCP_UNSUPP_THIRD_PARTY_ID_LENGTH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        map_in(cases[i].id, cases[i].length, 600);
        assert_result(&bench, cases[i].result);
        if (cases[i].result)
            assert_int_equal(bench.response.lifetime, 1800);
    }
    assert_int_equal(live(&bench), 3);
}

static void the_option_comes_once_and_not_in_announce(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 600);
    struct request request = for_host(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_MALFORMED_OPTION);
    message =
        (struct pcp_message){.version = PCP_VERSION, .opcode = PCP_ANNOUNCE, .client = at(PORTAL)};
    request = encode(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_MALFORMED_OPTION);
}

/* --- 5.2: what is granted ------------------------------------------------------------------- */

static void the_id_may_stand_before_third_party(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 600);
    struct request request = encode(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    add_third_party(&request, HOST);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_SUCCESS);
    uint16_t port = bench.response.data.map.external_port;
    assert_int_equal(map_in(first, 3, 600), port);
}

static void one_address_in_different_realms_is_different_hosts(void **state)
{
    (void)state;
    start(&bench);
    uint16_t in_first = map_in(first, 3, 600);
    assert_echoed(first, 3);
    uint16_t in_second = map_in(second, 3, 600);
    assert_echoed(second, 3);
    uint16_t in_none = map_in(NULL, 0, 600);
    assert_int_equal(bench.answer.length, 60 + 20);
    assert_int_equal(live(&bench), 3);
    assert_true(in_first != in_second && in_first != in_none && in_second != in_none);
    /* Each is found again, and one's end is not the others'. */
    assert_int_equal(map_in(first, 3, 700), in_first);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    assert_int_equal(bench.answer.change.mapping.realm, 1);
    map_in(first, 3, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
    assert_int_equal(bench.answer.change.mapping.realm, 1);
    assert_int_equal(live(&bench), 2);
    assert_int_equal(map_in(second, 3, 600), in_second);
    assert_int_equal(map_in(NULL, 0, 600), in_none);
    assert_int_equal(live(&bench), 2);
    /* The port that rests goes back to its own realm's host (section 15). */
    assert_int_equal(map_in(first, 3, 600), in_first);
}

static void a_peer_is_of_its_realm(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = peer_message(PORTAL, UDP, 5683, "11.9.9.9", 80, 600);
    struct request in_none = for_host(&message);
    struct request in_first = in_none;
    add_option(&in_first, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &in_first);
    assert_result(&bench, PCP_SUCCESS);
    assert_echoed(first, 3);
    uint16_t port = bench.response.data.map.external_port;
    send_request(&bench, PORTAL, &in_none);
    assert_int_not_equal(bench.response.data.map.external_port, port);
    assert_int_equal(live(&bench), 2);
    elapse(&bench, 601 * SECOND);
    send_request(&bench, PORTAL, &in_first); /* and has its resting port back */
    assert_int_equal(bench.response.data.map.external_port, port);
    assert_int_equal(map_in(first, 3, 600), port); /* its MAP shares the port, the other's not */
}

static void each_realms_host_has_its_own_quota(void **state)
{
    (void)state;
    bench.policy.mappings_per_host = 1;
    start(&bench);
    map_in(first, 3, 600);
    assert_result(&bench, PCP_SUCCESS);
    struct pcp_message message = map_message(PORTAL, UDP, 5684, 600);
    struct request request = for_host(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    send_request(&bench, PORTAL, &request);
    assert_result(&bench, PCP_USER_EX_QUOTA);
    map_in(second, 3, 600);
    assert_result(&bench, PCP_SUCCESS);
}

static void a_refused_request_leaves_nothing_in_its_realm(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 600);
    struct request request = for_host(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, second, 3);
    uint16_t in_first = map_in(first, 3, 600);
    submit(&bench, PORTAL, request.octets, request.length);
    struct pcp_server_input input = {
        .octets = request.octets, .length = request.length, .source = at(PORTAL), .now = bench.now};
    pcp_server_refuse(bench.server, &input, &bench.answer);
    assert_int_equal(bench.answer.octets[3], PCP_NO_RESOURCES);
    assert_int_equal(live(&bench), 1);
    assert_int_equal(map_in(first, 3, 600), in_first);
}

static void a_refused_deletion_leaves_the_mapping_in_its_realm(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map_in(first, 3, 600);
    struct pcp_message message = map_message(PORTAL, UDP, 5683, 0);
    struct request request = for_host(&message);
    add_option(&request, PCP_THIRD_PARTY_ID, first, 3);
    submit(&bench, PORTAL, request.octets, request.length);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
    struct pcp_server_input input = {
        .octets = request.octets, .length = request.length, .source = at(PORTAL), .now = bench.now};
    pcp_server_refuse(bench.server, &input, &bench.answer);
    assert_int_equal(pcp_server_count(bench.server).resting, 0);
    assert_int_equal(map_in(first, 3, 600), port);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
}

static void realms_are_told_apart_within_a_hash_chain_too(void **state)
{
    (void)state;
    enum { REALMS = 15 }; /* and the portal, in a table of 16 chains */
    static const uint8_t ids[REALMS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    struct pcp_server_realm many[REALMS];
    for (size_t i = 0; i < REALMS; i++)
        many[i] = (struct pcp_server_realm){.id = &ids[i], .length = 1};
    bench.policy.realms = many;
    bench.policy.realm_count = REALMS;
    bench.policy.mapping_capacity = 16;
    start(&bench);
    for (size_t i = 0; i < REALMS; i++) {
        map_in(&ids[i], 1, 600);
        assert_int_equal(bench.answer.change.kind, PCP_SERVER_CREATED);
    }
    assert_int_equal(live(&bench), REALMS);
}

/* --- what else keeps realms apart ----------------------------------------------------------- */

static void the_device_is_asked_for_the_flows_of_the_realm(void **state)
{
    (void)state;
    start(&bench);
    bench.flows.present = true;
    bench.flows.key = (struct pcp_server_flow_key){
        .protocol = UDP, .internal = at(HOST), .realm = 1, .internal_port = 5683};
    bench.flows.flow = (struct pcp_server_flow){.external = at("11.0.0.1"), .external_port = 7777};
    map_in(second, 3, 0);
    assert_result(&bench, PCP_SUCCESS);
    map_in(first, 3, 0); /* 15.1: an implicit mapping is not to be deleted */
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_not_equal(map_in(second, 3, 600), 7777);
    assert_int_equal(map_in(first, 3, 600), 7777);
    map_in(second, 3, 0);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
    map_in(first, 3, 0); /* lives on with its flow (section 15) */
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    /* A flow that has got hold of a port of another realm's host doesn't share it. */
    bench.flows.key.realm = 0;
    map_in(NULL, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_not_equal(bench.response.data.map.external_port, 7777);
}

static void mapping_updates_name_the_realm(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    map_in(longer, 4, 600);
    struct address moved = at("11.0.0.2");
    pcp_server_renumber(bench.server, 0, &moved, bench.now);
    struct pcp_server_event event;
    assert_true(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(event.kind, PCP_SERVER_UPDATE);
    assert_int_equal(event.length, 60 + 20 + 8);
    static const uint8_t option[] = {13, 0, 0, 4, 0, 0, 0, 7};
    assert_memory_equal(event.octets + 80, option, sizeof option);
}

static void a_mapping_comes_back_into_its_realm_after_a_restart(void **state)
{
    (void)state;
    start(&bench);
    map_in(first, 3, 600);
    uint16_t in_second = map_in(second, 3, 600);
    struct pcp_server_mapping stored = bench.answer.change.mapping;
    stop(&bench);
    start(&bench);
    struct error error;
    assert_int_equal(pcp_server_restore(bench.server, &stored, NULL, &error), 0);
    assert_int_equal(map_in(second, 3, 600), in_second);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    stored.realm = 4;
    stored.external_port++;
    assert_int_equal(pcp_server_restore(bench.server, &stored, NULL, &error), -1);
}

/* The second realm has the host's addresses for its own. */
static struct pcp_server_realm owning[3];

static void give_host_to_second(void)
{
    static const struct pcp_server_prefix own = {{{[10] = 0xff, [11] = 0xff, [12] = 10}}, 104};
    memcpy(owning, realms, sizeof owning);
    owning[1].hosts = &own;
    owning[1].host_count = 1;
    bench.policy.realms = owning;
}

static void a_host_at_its_realms_own_address_is_one_whether_the_realm_is_named_or_not(void **state)
{
    (void)state;
    give_host_to_second();
    start(&bench);
    uint16_t port = map_in(second, 3, 600);
    assert_int_equal(map_in(NULL, 0, 600), port);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), port); /* the host for itself */
    assert_int_equal(live(&bench), 1);
    static const uint8_t nat_pmp[] = {0, 1, 0, 0, 5683 >> 8, 5683 & 0xff, 0, 0, 0, 0, 2, 88};
    send_octets(&bench, HOST, nat_pmp, sizeof nat_pmp);
    assert_int_equal(bench.answer.octets[10] << 8 | bench.answer.octets[11], port);
    assert_int_equal(live(&bench), 1);
}

static void an_address_that_is_another_realms_own_is_refused(void **state)
{
    (void)state;
    give_host_to_second();
    start(&bench);
    map_in(first, 3, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    static const struct pcp_server_prefix elsewhere = {{{[10] = 0xff, [11] = 0xff, [12] = 172}},
                                                       104};
    owning[1].hosts = &elsewhere;
    map_in(second, 3, 600); /* nor has a realm hosts at addresses that aren't its own */
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_equal(live(&bench), 0);
}

static void forgetting_an_address_leaves_the_realms_alone(void **state)
{
    (void)state;
    start(&bench);
    map_in(first, 3, 600);
    map_in(NULL, 0, 600);
    struct address host = at(HOST);
    pcp_server_forget(bench.server, &host, bench.now);
    settle(&bench);
    assert_int_equal(live(&bench), 1);
    assert_int_not_equal(map_in(first, 3, 600), 0);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
}

/* --- policy --------------------------------------------------------------------------------- */

static void assert_no_policy(const struct pcp_server_realm *wrong, size_t count)
{
    struct pcp_server_policy policy = bench.policy;
    struct error error;
    policy.realms = wrong;
    policy.realm_count = count;
    assert_int_equal(pcp_server_policy_check(&policy, &error), -1);
}

static void realms_are_in_order_and_of_a_length_that_fits_an_option(void **state)
{
    (void)state;
    static const uint8_t octets[1017];
    const struct pcp_server_realm twice[] = {{.id = first, .length = 3},
                                             {.id = first, .length = 3}};
    const struct pcp_server_realm backward[] = {{.id = second, .length = 3},
                                                {.id = first, .length = 3}};
    const struct pcp_server_realm shrinking[] = {{.id = longer, .length = 4},
                                                 {.id = first, .length = 3}};
    const struct pcp_server_realm empty[] = {{.id = first, .length = 0}};
    struct pcp_server_realm longest[] = {{.id = octets, .length = 1017}};
    struct error error;
    assert_no_policy(twice, 2);
    assert_no_policy(backward, 2);
    assert_no_policy(shrinking, 2);
    assert_no_policy(empty, 1);
    assert_no_policy(longest, 1);
    longest[0].length = 1016;
    struct pcp_server_policy policy = bench.policy;
    policy.realms = longest;
    policy.realm_count = 1;
    assert_int_equal(pcp_server_policy_check(&policy, &error), 0);
    policy.proxy = true;
    assert_int_equal(pcp_server_policy_check(&policy, &error), -1);
    policy.proxy = false;
    policy.realm_count = 0;
    policy.realm_required = true;
    assert_int_equal(pcp_server_policy_check(&policy, &error), -1);
    start(&bench);
}

static void the_longest_id_makes_the_longest_answer(void **state)
{
    (void)state;
    static const uint8_t octets[1016];
    static const struct pcp_server_realm longest = {.id = octets, .length = 1016};
    bench.policy.realms = &longest;
    bench.policy.realm_count = 1;
    start(&bench);
    map_in(octets, 1016, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.length, PCP_MAXIMUM_LENGTH);
    assert_echoed(octets, 1016);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_realms_the_option_is_unsupported),
        T(a_client_without_permission_gets_no_more_than_for_third_party),
        T(an_id_without_third_party_misses_it),
        T(third_party_without_an_id_misses_it_where_policy_says_so),
        T(an_id_that_is_not_known_is_told_from_a_length_that_is_not),
        T(the_option_comes_once_and_not_in_announce),
        T(the_id_may_stand_before_third_party),
        T(one_address_in_different_realms_is_different_hosts),
        T(a_peer_is_of_its_realm),
        T(each_realms_host_has_its_own_quota),
        T(a_refused_request_leaves_nothing_in_its_realm),
        T(a_refused_deletion_leaves_the_mapping_in_its_realm),
        T(realms_are_told_apart_within_a_hash_chain_too),
        T(the_device_is_asked_for_the_flows_of_the_realm),
        T(mapping_updates_name_the_realm),
        T(a_mapping_comes_back_into_its_realm_after_a_restart),
        T(a_host_at_its_realms_own_address_is_one_whether_the_realm_is_named_or_not),
        T(an_address_that_is_another_realms_own_is_refused),
        T(forgetting_an_address_leaves_the_realms_alone),
        T(realms_are_in_order_and_of_a_length_that_fits_an_option),
        T(the_longest_id_makes_the_longest_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
