/* Rules in memory: what is accused and what is not, at the edges of each time and count. */
#include "check/rule.h"
#include "check_support.h"

/* One client, one server, one MAP; what is sent is given by its time alone. */
struct stage {
    struct rules *rules;
    uint64_t frame;
    uint32_t interface;
    uint32_t epoch_start; /* added to whole seconds of the capture */
    uint32_t lifetime;    /* that the server grants */
    uint8_t result;
    uint16_t suggested;
};

static const struct udp_spec asking = {"192.168.1.10", "192.168.1.1", 40001, 5351, 0};
static const struct udp_spec answering = {"192.168.1.1", "192.168.1.10", 5351, 40001, 0};

static void feed(struct stage *stage, int ms, const struct udp_spec *spec, const uint8_t *payload,
                 size_t length)
{
    uint8_t octets[2048];
    struct event event = {.frame = ++stage->frame,
                          .time = AT_MS(ms),
                          .interface = stage->interface,
                          .direction = DIRECTION_UNKNOWN};
    event.captured = (uint32_t)make_udp(spec, payload, length, octets);
    event.original = event.captured;
    assert_int_equal(packet_parse(LINK_RAW, octets, event.captured, &event.packet), PACKET_WHOLE);
    assert_int_equal(rules_event(stage->rules, &event), 0);
}

static struct pcp_message mapping(const struct stage *stage, uint8_t nonce)
{
    struct pcp_message message = {.version = PCP_VERSION, .opcode = PCP_MAP, .lifetime = 120};
    memset(message.data.map.nonce, nonce, PCP_NONCE_LENGTH);
    message.data.map.protocol = 17;
    message.data.map.internal_port = 5683;
    message.data.map.external_port = stage->suggested;
    message.data.map.external_address = address_any_ipv4();
    assert_true(address_parse("192.168.1.10", &message.client));
    return message;
}

static void ask(struct stage *stage, int ms)
{
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    struct pcp_message message = mapping(stage, 7);
    feed(stage, ms, &asking, payload, pcp_encode(&message, payload, sizeof payload));
}

static void answer(struct stage *stage, int ms)
{
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    struct pcp_message message = mapping(stage, 7);
    message.response = true;
    message.result = stage->result;
    message.lifetime = stage->lifetime;
    message.epoch = stage->epoch_start + (uint32_t)(ms / SECOND);
    if (stage->result == PCP_SUCCESS) {
        message.data.map.external_port = 40000;
        assert_true(address_parse("11.0.0.1", &message.data.map.external_address));
    }
    feed(stage, ms, &answering, payload, pcp_encode(&message, payload, sizeof payload));
}

static struct stage open_stage(double time_scale)
{
    struct rule_options options = {.time_scale = time_scale};
    struct stage stage = {.rules = rules_create(&options), .lifetime = 120, .epoch_start = 5000};
    assert_non_null(stage.rules);
    return stage;
}

/* Ends the stage; every finding must be about requirement, and there must be count of them that weigh
 * more than an info. */
static void close_stage(struct stage *stage, enum requirement_id requirement, size_t count)
{
    size_t found = 0;
    size_t length = 0;
    rules_end(stage->rules);
    const struct finding *list = rules_findings(stage->rules, &length);
    for (size_t i = 0; i < length; i++) {
        if (list[i].level == FINDING_INFO)
            continue;
        found++;
        if (list[i].requirement != requirement)
            fail_msg("frame %d: %s %s", (int)list[i].frame,
                     requirement_get(list[i].requirement)->id, list[i].text);
    }
    if (found != count)
        fail_msg("%zu findings about %s, expected %zu", found, requirement_get(requirement)->id,
                 count);
    rules_destroy(stage->rules);
}

/* --- retransmission, 8.1.1 ------------------------------------------------------------------ */

static void first_retransmission(int gap, size_t faults)
{
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    ask(&stage, gap);
    close_stage(&stage, R6887_8_1_1_02, faults);
}

static void the_first_retransmission_may_come_after_2_7_seconds(void **state)
{
    (void)state;
    first_retransmission(2700, 0);
    first_retransmission(3300, 0);
    first_retransmission(2560, 0); /* the network shortened the gap a little */
    first_retransmission(2500, 1);
    first_retransmission(1000, 1);
}

static void a_frame_that_the_network_doubled_is_no_retransmission(void **state)
{
    (void)state;
    first_retransmission(0, 0);
    first_retransmission(49, 0);
    first_retransmission(60, 1);
}

static void waits_that_double_up_to_the_cap_pass(void **state)
{
    (void)state;
    static const int gaps[] = {3000,   6000,   12000,  24000,   48000,   96000,
                               192000, 384000, 768000, 1024000, 1126000, 922000};
    struct stage stage = open_stage(1);
    int now = 0;
    ask(&stage, now);
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        ask(&stage, now += gaps[i]);
    close_stage(&stage, R6887_8_1_1_08, 0);
}

static void third_transmission(int gap, enum requirement_id requirement, size_t faults)
{
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    ask(&stage, 3000);
    ask(&stage, 3000 + gap);
    close_stage(&stage, requirement, faults);
}

static void a_wait_is_twice_the_one_before_within_a_tenth(void **state)
{
    (void)state;
    third_transmission(5400, R6887_8_1_1_08, 0);
    third_transmission(6600, R6887_8_1_1_08, 0);
    third_transmission(5200, R6887_8_1_1_08, 1);
    third_transmission(2000, R6887_8_1_1_08, 1);
    third_transmission(3000, R6887_8_1_1_04, 1); /* a cap of its own, at 3 s */
}

static void one_request_at_two_interfaces_is_no_retransmission(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    stage.interface = 1;
    ask(&stage, 100);
    answer(&stage, 110);
    stage.interface = 0;
    answer(&stage, 210);
    close_stage(&stage, R6887_8_1_1_02, 0);
}

static void a_fault_at_two_interfaces_is_told_once(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    for (int ms = 0; ms <= 1000; ms += 1000) {
        stage.interface = 0;
        ask(&stage, ms);
        stage.interface = 1;
        ask(&stage, ms + 1);
    }
    close_stage(&stage, R6887_8_1_1_02, 1);
}

/* --- renewal, 11.2.1 ------------------------------------------------------------------------ */

static void first_renewal(double time_scale, int ms, size_t faults)
{
    struct stage stage = open_stage(time_scale);
    ask(&stage, 0);
    answer(&stage, 10);
    stage.suggested = 40000;
    ask(&stage, 10 + ms);
    close_stage(&stage, R6887_11_2_1_04, faults);
}

static void a_renewal_may_come_from_half_of_the_lifetime_on(void **state)
{
    (void)state;
    first_renewal(1, 60000, 0);
    first_renewal(1, 75000, 0);
    first_renewal(1, 59900, 0);
    first_renewal(1, 59000, 1);
    first_renewal(1, 118000, 0); /* late is a hint at most */
    first_renewal(60, 1000, 0);
    first_renewal(60, 900, 1);
}

static void second_renewal(int gap, enum requirement_id requirement, size_t faults)
{
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    answer(&stage, 10);
    stage.suggested = 40000;
    ask(&stage, 62000);
    ask(&stage, 62000 + gap);
    close_stage(&stage, requirement, faults);
}

static void an_unanswered_renewal_follows_either_reading(void **state)
{
    (void)state;
    second_renewal(28100, R6887_11_2_1_07, 0); /* 3/4 of the lifetime: 11.2.1 */
    second_renewal(3000, R6887_11_2_1_05, 0);  /* a retransmission: 8.1.1 */
    second_renewal(10000, R6887_11_2_1_07, 1);
    second_renewal(3800, R6887_11_2_1_05, 1);
    second_renewal(1000, R6887_11_2_1_05, 1);
}

static void a_changed_wish_is_no_renewal(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    answer(&stage, 10);
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    struct pcp_message message = mapping(&stage, 7);
    message.lifetime = 7200;
    feed(&stage, 1000, &asking, payload, pcp_encode(&message, payload, sizeof payload));
    message.lifetime = 0;
    feed(&stage, 1500, &asking, payload, pcp_encode(&message, payload, sizeof payload));
    close_stage(&stage, R6887_11_2_1_04, 0);
}

static void after_a_restart_of_the_server_a_renewal_may_come_early(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    ask(&stage, 0);
    answer(&stage, 10);
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    struct pcp_message announcement = {
        .version = PCP_VERSION, .response = true, .opcode = PCP_ANNOUNCE, .epoch = 1};
    feed(&stage, 20000, &answering, payload, pcp_encode(&announcement, payload, sizeof payload));
    ask(&stage, 22000);
    close_stage(&stage, R6887_11_2_1_04, 0);
}

/* --- rest after errors, 8.3 ----------------------------------------------------------------- */

static void after_an_error(int ms, uint32_t lifetime, size_t faults)
{
    struct stage stage = open_stage(1);
    stage.result = PCP_NOT_AUTHORIZED;
    stage.lifetime = lifetime;
    ask(&stage, 0);
    answer(&stage, 10);
    ask(&stage, 10 + ms);
    close_stage(&stage, R6887_8_3_04, faults);
}

static void a_request_rests_for_the_lifetime_of_its_error(void **state)
{
    (void)state;
    after_an_error(30000, 30, 0);
    after_an_error(29000, 30, 1);
    after_an_error(900, 30, 0); /* may have crossed the error on its way */
    after_an_error(86500000, UINT32_MAX, 0);
    after_an_error(80000000, UINT32_MAX, 1);
}

/* --- epoch, 8.5 ----------------------------------------------------------------------------- */

/* Answers at 0, 100, 200, ... seconds with these epochs. */
static void epochs(const uint32_t *list, size_t count, size_t faults)
{
    struct stage stage = open_stage(1);
    stage.lifetime = 1000000;
    for (size_t i = 0; i < count; i++) {
        int ms = (int)i * 100000;
        ask(&stage, ms);
        stage.epoch_start = list[i] - (uint32_t)(ms / SECOND);
        answer(&stage, ms);
    }
    close_stage(&stage, R6887_8_5_06, faults);
}

static void an_epoch_may_drift_restart_and_jump_once(void **state)
{
    (void)state;
    epochs((const uint32_t[]){1000, 1107, 1214, 1321, 1428}, 5, 0); /* 1/16 fast, and 1 s */
    epochs((const uint32_t[]){1000, 1092, 1184, 1276, 1368}, 5, 0); /* 1/16 slow, and 2 s */
    epochs((const uint32_t[]){1000, 3, 103, 203, 303}, 5, 0);
    epochs((const uint32_t[]){1000, 90000, 90100, 90200, 90300}, 5, 0);
    epochs((const uint32_t[]){3000000000, 3000000100, 12, 112}, 4, 0);
}

static void an_epoch_that_keeps_being_wrong_is_accused_once(void **state)
{
    (void)state;
    epochs((const uint32_t[]){1000, 1200, 1400, 1600, 1800}, 5, 1);
    epochs((const uint32_t[]){1000, 1000, 1000, 1000, 1000}, 5, 1);
    epochs((const uint32_t[]){5000, 4000}, 2, 1); /* no restart from zero is so far on */
}

/* --- many ----------------------------------------------------------------------------------- */

static void thousands_of_clients_are_kept_apart(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    for (int round = 0; round < 2; round++) {
        for (int client = 0; client < 3000; client++) {
            char name[ADDRESS_TEXT_SIZE];
            (void)snprintf(name, sizeof name, "10.1.%d.%d", client / 250, client % 250 + 1);
            struct udp_spec spec = asking;
            spec.source = name;
            struct pcp_message message = mapping(&stage, (uint8_t)(client | 1));
            assert_true(address_parse(name, &message.client));
            int ms = round * 3000 + client % 100; /* each one's own 3 s, all at the same time */
            feed(&stage, ms, &spec, payload, pcp_encode(&message, payload, sizeof payload));
        }
    }
    assert_int_equal(rules_messages(stage.rules), 6000);
    close_stage(&stage, R6887_8_1_1_02, 0);
}

static void a_fault_seen_a_hundred_thousand_times_is_a_few_lines(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    uint8_t payload[PCP_MAXIMUM_LENGTH];
    struct pcp_message message = mapping(&stage, 9);
    message.reserved_request[0] = 1;
    for (int i = 0; i < 100000; i++) {
        message.data.map.internal_port = (uint16_t)(i % 60000 + 1);
        feed(&stage, i, &asking, payload, pcp_encode(&message, payload, sizeof payload));
    }
    rules_end(stage.rules);
    size_t count = 0;
    size_t fails = 0;
    const struct finding *list = rules_findings(stage.rules, &count);
    for (size_t i = 0; i < count; i++)
        fails += list[i].requirement == R6887_7_1_01;
    assert_int_equal(fails, 4);
    assert_true(count < 20);
    rules_destroy(stage.rules);
}

static void every_octet_may_be_anything(void **state)
{
    (void)state;
    struct stage stage = open_stage(1);
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        uint8_t payload[128];
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (uint8_t)((random = random * 1103515245 + 12345) >> 16);
        payload[0] = (uint8_t)(i % 3); /* NAT-PMP, version 1, PCP */
        if (i % 2)
            payload[1] = (uint8_t)((payload[1] & 0x80) | (i % 4));
        feed(&stage, i, i % 5 ? &asking : &answering, payload, (size_t)(i % 128));
    }
    rules_end(stage.rules);
    size_t count = 0;
    const struct finding *list = rules_findings(stage.rules, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(list[i].requirement < REQUIREMENT_COUNT);
        assert_true(list[i].frame >= 1 && list[i].frame <= 20000);
        assert_true(list[i].text[0] != '\0');
    }
    assert_true(count > 0);
    rules_destroy(stage.rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_retransmission_may_come_after_2_7_seconds),
        cmocka_unit_test(a_frame_that_the_network_doubled_is_no_retransmission),
        cmocka_unit_test(waits_that_double_up_to_the_cap_pass),
        cmocka_unit_test(a_wait_is_twice_the_one_before_within_a_tenth),
        cmocka_unit_test(one_request_at_two_interfaces_is_no_retransmission),
        cmocka_unit_test(a_fault_at_two_interfaces_is_told_once),
        cmocka_unit_test(a_renewal_may_come_from_half_of_the_lifetime_on),
        cmocka_unit_test(an_unanswered_renewal_follows_either_reading),
        cmocka_unit_test(a_changed_wish_is_no_renewal),
        cmocka_unit_test(after_a_restart_of_the_server_a_renewal_may_come_early),
        cmocka_unit_test(a_request_rests_for_the_lifetime_of_its_error),
        cmocka_unit_test(an_epoch_may_drift_restart_and_jump_once),
        cmocka_unit_test(an_epoch_that_keeps_being_wrong_is_accused_once),
        cmocka_unit_test(thousands_of_clients_are_kept_apart),
        cmocka_unit_test(a_fault_seen_a_hundred_thousand_times_is_a_few_lines),
        cmocka_unit_test(every_octet_may_be_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
