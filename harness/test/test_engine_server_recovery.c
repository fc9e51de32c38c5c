/* The PCP server's rapid recovery and what survives a restart: RFC 6887 sections 8.5 and 14. */
#include "server_support.h"

#define HOST  "192.168.1.10"
#define OTHER "192.168.1.20"

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    bench.policy.nat_pmp = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop(&bench);
    return 0;
}

static struct pcp_server_event event;

static bool advance(void)
{
    return pcp_server_advance(bench.server, bench.now, &event);
}

static void renumber(const char *address)
{
    struct address external = at(address);
    pcp_server_renumber(bench.server, 0, &external, bench.now);
}

/* --- announcements -------------------------------------------------------------------------- */

static void ten_announcements_go_out_at_250_ms_and_doubling(void **state)
{
    (void)state;
    start(&bench);
    bench.now += 5000 * SECOND;
    pcp_server_reset_epoch(bench.server, bench.now);
    uint64_t begin = bench.now;
    uint64_t gap = 250;
    uint64_t due = begin;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pcp_server_next_time(bench.server), due);
        bench.now = due - (i > 0);
        assert_int_equal(advance(), i == 0); /* not a millisecond early */
        if (i > 0) {
            bench.now = due;
            assert_true(advance());
        }
        assert_int_equal(event.kind, PCP_SERVER_ANNOUNCE);
        assert_int_equal(event.length, 24);
        struct pcp_message message;
        assert_int_equal(pcp_decode(event.octets, event.length, &message), PCP_FAULT_NONE);
        assert_true(message.response);
        assert_int_equal(message.opcode, PCP_ANNOUNCE);
        assert_int_equal(message.result, PCP_SUCCESS);
        assert_int_equal(message.lifetime, 0);
        assert_int_equal(message.epoch, (due - begin) / SECOND); /* its own Epoch in each */
        due += gap;
        gap *= 2;
    }
    assert_int_equal(pcp_server_next_time(bench.server), PCP_SERVER_NEVER);
    bench.now += 1000000;
    assert_false(advance());
}

static void a_gap_after_a_late_announcement_is_still_twice_the_one_before(void **state)
{
    (void)state;
    start(&bench);
    pcp_server_reset_epoch(bench.server, bench.now);
    assert_true(advance());
    uint64_t gap = 250;
    for (int i = 1; i < 10; i++) {
        const uint64_t late = 14;
        bench.now += gap + late;
        assert_true(advance());
        uint64_t next = pcp_server_next_time(bench.server);
        if (i < 9)
            assert_int_equal(next - bench.now, 2 * (gap + late));
        gap = next - bench.now;
    }
}

static void a_gap_counts_from_when_the_announcement_before_it_left(void **state)
{
    (void)state;
    start(&bench);
    pcp_server_reset_epoch(bench.server, bench.now);
    const uint64_t held_up = 53;
    assert_true(advance());
    uint64_t begun = bench.now, left = bench.now + held_up, gap = 250;
    pcp_server_announced(bench.server, left);
    for (int i = 1; i < 9; i++) {
        bench.now = pcp_server_next_time(bench.server);
        assert_int_equal(bench.now - left, gap);
        assert_true(advance());
        pcp_server_announced(bench.server, bench.now + held_up);
        gap = 2 * (bench.now + held_up - begun); /* at most so long it was */
        begun = bench.now;
        left = bench.now + held_up;
    }
}

static void nat_pmp_announcements_come_with_those_of_pcp(void **state)
{
    (void)state;
    bench.policy.nat_pmp = true;
    start(&bench);
    pcp_server_reset_epoch(bench.server, bench.now);
    assert_true(advance());
    assert_false(event.nat_pmp);
    assert_true(advance());
    assert_true(event.nat_pmp);
    assert_int_equal(event.length, 12);
    assert_memory_equal(event.octets, "\x00\x80\x00\x00\x00\x00\x00\x00\x0b\x00\x00\x01", 12);
    assert_false(advance());
}

static void an_announce_request_is_answered_and_changes_nothing(void **state)
{
    (void)state;
    start(&bench);
    bench.now += 77 * SECOND;
    struct pcp_message message = map_message(HOST, UDP, 1, 600);
    message.opcode = PCP_ANNOUNCE; /* its lifetime, 600 here, is ignored */
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 24);
    assert_int_equal(bench.response.lifetime, 0);
    assert_int_equal(bench.response.epoch, 77);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_UNCHANGED);
    assert_int_equal(pcp_server_next_time(bench.server), PCP_SERVER_NEVER);
}

/* --- a new external address ----------------------------------------------------------------- */

static void a_new_external_address_resets_the_epoch_and_moves_all_mappings(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    bench.now += 100 * SECOND;
    renumber("11.0.0.9");
    assert_int_equal(pcp_server_epoch(bench.server, bench.now), 0);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 3600), port);
    assert_address(&bench.response.data.map.external_address, "11.0.0.9");
}

static void mapping_updates_go_out_three_times_250_and_500_ms_apart(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    bench.now += 100 * SECOND;
    renumber("11.0.0.9");
    static const unsigned int instants[] = {0, 250, 750};
    uint64_t begin = bench.now;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pcp_server_next_time(bench.server), begin + instants[i]);
        bench.now = begin + instants[i];
        assert_true(advance());
        assert_int_equal(event.kind, PCP_SERVER_UPDATE);
        assert_address(&event.destination, HOST);
        assert_int_equal(event.destination_port, 40000);
        assert_int_equal(event.path, 7);
        struct pcp_message message;
        assert_int_equal(event.length, 60);
        assert_int_equal(pcp_decode(event.octets, event.length, &message), PCP_FAULT_NONE);
        assert_int_equal(message.result, PCP_SUCCESS);
        assert_int_equal(message.opcode, PCP_MAP);
        assert_int_equal(message.lifetime, 3500 - (i > 0));
        assert_int_equal(message.epoch, 0);
        assert_memory_equal(message.data.map.nonce, "nonce-of-12", 12);
        assert_int_equal(message.data.map.protocol, UDP);
        assert_int_equal(message.data.map.internal_port, 5683);
        assert_int_equal(message.data.map.external_port, port);
        assert_address(&message.data.map.external_address, "11.0.0.9");
        assert_false(advance());
    }
    bench.now += 10 * SECOND;
    assert_false(advance());
}

static void a_gap_counts_from_when_the_update_before_it_left(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 3600);
    renumber("11.0.0.9");
    static const unsigned int gaps[] = {250, 500};
    const uint64_t held_up = 70;
    assert_true(advance());
    for (size_t i = 0; i < 2; i++) {
        bench.now += held_up;
        pcp_server_updated(bench.server, bench.now);
        assert_false(advance());
        assert_int_equal(pcp_server_next_time(bench.server), bench.now + gaps[i]);
        bench.now += gaps[i];
        assert_true(advance());
        assert_int_equal(event.kind, PCP_SERVER_UPDATE);
    }
}

static void updates_for_a_mapping_cease_once_its_client_refreshed_it(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 3600);
    map(&bench, OTHER, UDP, 5683, 3600);
    renumber("11.0.0.9");
    assert_true(advance());
    assert_true(advance());
    assert_false(advance());
    map(&bench, HOST, UDP, 5683, 3600);
    bench.now += 250;
    assert_true(advance());
    assert_address(&event.destination, OTHER);
    assert_false(advance());
}

static void updates_for_a_mapping_cease_once_it_has_ended(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 3600);
    renumber("11.0.0.9");
    assert_true(advance());
    map(&bench, HOST, UDP, 5683, 0);
    assert_result(&bench, PCP_SUCCESS);
    for (int i = 0; i < 4; i++) {
        bench.now += 250;
        assert_false(advance());
    }
}

static void updates_carry_peer_third_party_and_filters(void **state)
{
    (void)state;
    const struct pcp_server_prefix clients = {at(HOST), 128};
    bench.policy.announcements = 0;
    bench.policy.third_party = true;
    bench.policy.third_party_clients = &clients;
    bench.policy.third_party_client_count = 1;
    start(&bench);
    peer(&bench, OTHER, 5683, "11.9.9.9", 9, 600);
    struct pcp_message message = map_message(HOST, UDP, 80, 600);
    struct request request = encode(&message);
    add_third_party(&request, OTHER);
    add_filter(&request, "11.8.8.0", 120, 53);
    add_option(&request, 200, NULL, 0); /* not mandatory: not sent in an update */
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_SUCCESS);
    renumber("11.0.0.9");

    assert_true(advance());
    pcp_decode(event.octets, event.length, &message);
    assert_int_equal(message.opcode, PCP_PEER);
    assert_int_equal(message.data.remote_port, 9);
    assert_address(&message.data.remote_address, "11.9.9.9");
    assert_true(advance());
    assert_address(&event.destination, HOST);
    assert_int_equal(event.length, 60 + 20 + 24);
    assert_memory_equal(event.octets + 60, request.octets + 60, 44);
}

static void a_client_that_insisted_on_the_old_address_hears_that_it_is_gone(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 80, 600);
    message.data.map.external_address = at("11.0.0.1");
    message.data.map.external_port = 40000;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    send_request(&bench, HOST, &request);
    renumber("11.0.0.9");
    assert_true(advance());
    assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
    assert_int_equal(live(&bench), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(advance());
        assert_int_equal(event.kind, PCP_SERVER_UPDATE);
        assert_int_equal(event.octets[3], PCP_CANNOT_PROVIDE_EXTERNAL);
        pcp_decode(event.octets, event.length, &message);
        assert_address(&message.data.map.external_address, "11.0.0.1");
        assert_int_equal(message.data.map.external_port, 40000);
        assert_int_equal(event.length, 64); /* with PREFER_FAILURE */
        assert_false(advance());
        bench.now += i ? 500 : 250;
    }
    assert_false(advance());
}

static void an_address_lost_and_had_again_is_no_change(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    bench.now += 100 * SECOND;
    renumber("0.0.0.0");
    map(&bench, HOST, UDP, 5683, 3600);
    assert_result(&bench, PCP_NETWORK_FAILURE);
    map(&bench, OTHER, UDP, 5683, 3600);
    assert_result(&bench, PCP_NETWORK_FAILURE);
    renumber("11.0.0.1");
    assert_false(advance());
    assert_int_equal(map(&bench, HOST, UDP, 5683, 3600), port);
    assert_int_equal(bench.response.epoch, 100);
}

/* --- an internal address that is gone ------------------------------------------------------- */

static void a_forgotten_host_loses_all_its_mappings_and_others_none(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 1, 3600);
    map(&bench, HOST, TCP, 2, 3600);
    peer(&bench, HOST, 3, "11.9.9.9", 9, 3600);
    map(&bench, OTHER, UDP, 1, 3600);
    struct address host = at(HOST);
    pcp_server_forget(bench.server, &host, bench.now);
    for (int i = 0; i < 3; i++) {
        assert_true(advance());
        assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
    }
    assert_false(advance());
    assert_int_equal(live(&bench), 1);
}

/* --- a restart ------------------------------------------------------------------------------ */

/* Moves all that bench's server holds into a new one and puts that in its place. */
static void restart(void)
{
    struct bench old = bench;
    start(&bench);
    pcp_server_set_epoch(bench.server, pcp_server_epoch(old.server, bench.now), bench.now);
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    while (pcp_server_next(old.server, &cursor, &mapping)) {
        struct pcp_filter filters[8];
        size_t count = 0;
        while (count < 8 && pcp_server_filter_next(old.server, &mapping.filters, &filters[count]))
            count++;
        struct pcp_server_belongings belongings = {.filters = filters, .filter_count = count};
        belongings.description =
            pcp_server_description(old.server, &mapping, &belongings.description_length);
        struct error error = {{0}};
        if (pcp_server_restore(bench.server, &mapping, &belongings, &error))
            fail_msg("%s", error.text);
    }
    free(old.memory);
}

static void assert_described(uint16_t internal_port, const char *text)
{
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    size_t length = 0;
    while (pcp_server_next(bench.server, &cursor, &mapping))
        if (mapping.internal_port == internal_port) {
            const uint8_t *kept = pcp_server_description(bench.server, &mapping, &length);
            assert_int_equal(length, strlen(text));
            assert_memory_equal(kept, text, length);
            return;
        }
    fail();
}

static void mappings_rests_filters_descriptions_and_epoch_survive_a_restart(void **state)
{
    (void)state;
    bench.policy.description_capacity = 1;
    start(&bench);
    bench.now += 50 * SECOND;
    uint16_t port = map(&bench, HOST, UDP, 1, 3600);
    uint16_t peered = peer(&bench, HOST, 1, "11.9.9.9", 9, 600);
    assert_int_equal(peered, port);
    bench.flows = (struct flows){
        .key = {.protocol = UDP, .internal = at(HOST), .internal_port = 1},
        .flow = {.external = at("11.0.0.1"), .external_port = 2345},
        .present = true,
        .any_remote = true,
    };
    assert_int_equal(peer(&bench, HOST, 1, "11.9.9.9", 10, 600), 2345);
    bench.flows.present = false;
    uint16_t rested = map(&bench, HOST, UDP, 2, 3600);
    map(&bench, HOST, UDP, 2, 0);
    struct pcp_message message = map_message(HOST, UDP, 3, 600);
    struct request request = encode(&message);
    add_filter(&request, "11.8.8.8", 128, 0);
    add_option(&request, PCP_DESCRIPTION, "Camera", 6);
    send_request(&bench, HOST, &request);
    struct pcp_server_counts before = pcp_server_count(bench.server);

    restart();
    struct pcp_server_counts after = pcp_server_count(bench.server);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(map(&bench, HOST, UDP, 1, 3600), port);
    assert_int_equal(bench.response.epoch, 50);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    assert_int_equal(peer(&bench, HOST, 1, "11.9.9.9", 10, 600), 2345);
    assert_int_equal(map(&bench, HOST, UDP, 2, 3600), rested);
    assert_described(3, "Camera"); /* RFC 7220: its client needn't say it again */
    message = map_message(HOST, UDP, 1, 3600);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

/* Keeps all changes of a run, filters by value, as a journal would. */
struct record {
    struct pcp_server_change change;
    struct pcp_filter filters[8];
    size_t filter_count;
};

static struct record journal[4096];
static size_t journal_length;

static void record_change(const struct pcp_server_change *change)
{
    if (change->kind == PCP_SERVER_UNCHANGED)
        return;
    struct record *record = &journal[journal_length++];
    *record = (struct record){.change = *change};
    uint32_t cursor = change->mapping.filters;
    while (record->filter_count < 8 &&
           pcp_server_filter_next(bench.server, &cursor, &record->filters[record->filter_count]))
        record->filter_count++;
}

static void a_log_of_changes_played_from_its_beginning_gives_back_the_state(void **state)
{
    (void)state;
    start(&bench);
    journal_length = 0;
    uint32_t dice = 1;
    for (int i = 0; i < 1500; i++) {
        dice = dice * 1664525 + 1013904223;
        uint16_t port = (uint16_t)(40000 + (dice >> 8) % 12);
        bool ends = (dice >> 16) % 3 == 0 || i >= 1495; /* some ports rest at the end */
        uint32_t lifetime = ends ? 0 : 200 + (dice >> 20);
        struct pcp_message message = map_message(HOST, UDP, port, lifetime);
        if ((dice >> 12) % 4 == 0 && port % 3 == 0)
            message = peer_message(HOST, UDP, port, "11.9.9.9", 9, lifetime);
        message.data.map.nonce[0] = (uint8_t)((dice >> 28) == 0);
        struct request request = encode(&message);
        if (message.opcode == PCP_MAP && lifetime && (dice >> 24) % 4 == 0)
            add_filter(&request, "11.8.8.8", (uint8_t)(120 + (dice >> 26) % 8), 0);
        submit(&bench, HOST, request.octets, request.length);
        record_change(&bench.answer.change);
        pcp_server_commit(bench.server, &bench.answer);
        bench.now += 7 * SECOND;
        while (advance())
            if (event.kind == PCP_SERVER_EXPIRED)
                record_change(&event.change);
    }
    struct bench old = bench;
    start(&bench);
    for (size_t i = 0; i < journal_length; i++) {
        struct error error = {{0}};
        struct pcp_server_belongings belongings = {.filters = journal[i].filters,
                                                   .filter_count = journal[i].filter_count};
        if (pcp_server_replay(bench.server, &journal[i].change, &belongings, &error))
            fail_msg("%s", error.text);
    }
    settle(&bench);
    struct pcp_server_counts before = pcp_server_count(old.server);
    struct pcp_server_counts after = pcp_server_count(bench.server);
    assert_memory_equal(&before, &after, sizeof before);
    assert_in_range(before.live, 3, 24); /* else the run shows nothing */
    assert_in_range(before.resting, 1, 24);
    for (uint16_t port = 40000; port < 40012; port++) {
        bool present = map(&old, HOST, UDP, port, 600) != 0;
        assert_int_equal(map(&bench, HOST, UDP, port, 600) != 0, present);
        assert_int_equal(bench.answer.change.kind, old.answer.change.kind);
        assert_int_equal(bench.response.data.map.external_port,
                         old.response.data.map.external_port);
    }
    free(old.memory);
}

static void a_client_hears_of_its_end_where_ports_do_not_rest_too(void **state)
{
    (void)state;
    bench.policy.announcements = 0;
    bench.policy.rest = (struct pcp_server_times){0, 0, 0};
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 80, 600);
    message.data.map.external_port = 40000;
    message.data.map.external_address = at("11.0.0.1");
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    send_request(&bench, HOST, &request);
    renumber("11.0.0.9");
    assert_true(advance());
    assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
    assert_true(advance());
    assert_int_equal(event.kind, PCP_SERVER_UPDATE);
}

static void an_epoch_older_than_the_clock_can_be_set(void **state)
{
    (void)state;
    start(&bench);
    pcp_server_set_epoch(bench.server, 4000000000, bench.now);
    bench.now += 3 * SECOND;
    map(&bench, HOST, UDP, 1, 600);
    assert_int_equal(bench.response.epoch, 4000000003);
}

static void what_does_not_fit_is_not_restored(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 1, 600);
    struct pcp_server_mapping mapping = bench.answer.change.mapping;
    struct error error = {{0}};
    assert_int_equal(pcp_server_restore(bench.server, &mapping, NULL, &error), -1);
    mapping.internal_port = 2; /* its external port is taken */
    assert_int_equal(pcp_server_restore(bench.server, &mapping, NULL, NULL), -1);
    mapping.external_port++;
    mapping.external = at("11.0.0.2"); /* not an address of this server */
    assert_int_equal(pcp_server_restore(bench.server, &mapping, NULL, NULL), -1);
    mapping.external = at("11.0.0.1");
    assert_int_equal(pcp_server_restore(bench.server, &mapping, NULL, NULL), 0);
    assert_int_equal(live(&bench), 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ten_announcements_go_out_at_250_ms_and_doubling),
        T(a_gap_after_a_late_announcement_is_still_twice_the_one_before),
        T(a_gap_counts_from_when_the_announcement_before_it_left),
        T(nat_pmp_announcements_come_with_those_of_pcp),
        T(an_announce_request_is_answered_and_changes_nothing),
        T(a_new_external_address_resets_the_epoch_and_moves_all_mappings),
        T(mapping_updates_go_out_three_times_250_and_500_ms_apart),
        T(a_gap_counts_from_when_the_update_before_it_left),
        T(updates_for_a_mapping_cease_once_its_client_refreshed_it),
        T(updates_for_a_mapping_cease_once_it_has_ended),
        T(updates_carry_peer_third_party_and_filters),
        T(a_client_that_insisted_on_the_old_address_hears_that_it_is_gone),
        T(an_address_lost_and_had_again_is_no_change),
        T(a_forgotten_host_loses_all_its_mappings_and_others_none),
        T(mappings_rests_filters_descriptions_and_epoch_survive_a_restart),
        T(a_log_of_changes_played_from_its_beginning_gives_back_the_state),
        T(a_client_hears_of_its_end_where_ports_do_not_rest_too),
        T(an_epoch_older_than_the_clock_can_be_set),
        T(what_does_not_fit_is_not_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
