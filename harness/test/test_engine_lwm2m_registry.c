/* Registrations at a server: what devices say of themselves, and the table of them. */
#include "engine/lwm2m/lwm2m_binding.h"
#include "engine/lwm2m/lwm2m_registry.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINKS "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>"

/* --- what devices say ------------------------------------------------------------------------ */

static struct lwm2m_registration_wish wish;
static struct error error;

/* Links in memory of exactly their length; queries ended by NULL. */
static enum lwm2m_code reads(bool is_update, const char *links, const char *const *queries)
{
    size_t length = strlen(links);
    uint8_t *payload = exact_copy((const uint8_t *)links, length);
    error.text[0] = '\0';
    enum lwm2m_code code =
        lwm2m_registration_read(queries, payload, length, is_update, &wish, &error);
    free(payload);
    return code;
}

/* Each of these queries beside ep=a; a list ended by NULL. */
static void assert_each_is(enum lwm2m_code code, const char *const *each)
{
    for (; *each; each++) {
        const char *const queries[] = {"ep=a", *each, NULL};
        enum lwm2m_code answer = reads(false, LINKS, queries);
        if (answer != code)
            fail_msg("%s: %d instead of %d", *each, answer, code);
    }
}

#define REGISTERS(links, ...) reads(false, links, (const char *const[]){__VA_ARGS__, NULL})
#define UPDATES(links, ...)   reads(true, links, (const char *const[]){__VA_ARGS__})

static void a_registration_tells_who_it_is_and_for_how_long(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=urn:dev:one", "lt=300", "lwm2m=1.0", "b=U"),
                     LWM2M_CREATED);
    assert_string_equal(wish.endpoint, "urn:dev:one");
    assert_int_equal(wish.lifetime, 300);
    assert_string_equal(wish.version, "1.0");
    assert_string_equal(wish.binding, "U");
    assert_false(wish.queue_mode);
}

static void what_it_does_not_tell_has_the_defaults_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=a"), LWM2M_CREATED);
    assert_int_equal(wish.lifetime, 86400);
    assert_string_equal(wish.version, "1.0");
    assert_string_equal(wish.binding, "U");
}

static void queue_mode_is_a_letter_of_the_binding_in_1_0_and_a_query_in_1_1(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=a", "b=UQ"), LWM2M_CREATED);
    assert_true(wish.queue_mode);
    assert_int_equal(REGISTERS(LINKS, "Q", "ep=a", "lwm2m=1.1", "b=U"), LWM2M_CREATED);
    assert_true(wish.queue_mode);
    assert_string_equal(wish.binding, "U");
    assert_int_equal(REGISTERS(LINKS, "ep=a", "lwm2m=1.1", "b=U"), LWM2M_CREATED);
    assert_false(wish.queue_mode);
}

static void a_version_that_is_not_known_is_a_failed_precondition(void **state)
{
    (void)state;
    static const char *const bad[] = {"lwm2m=2.0",  "lwm2m=1.2",   "lwm2m=x",       "lwm2m=1.2.0",
                                      "lwm2m=1.0.", "lwm2m=1.0.x", "lwm2m=1.0.1.1", NULL};
    assert_each_is(LWM2M_PRECONDITION, bad);
}

static void the_release_of_a_version_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=a", "lwm2m=1.0.2"), LWM2M_CREATED);
    assert_string_equal(wish.version, "1.0");
    assert_int_equal(REGISTERS(LINKS, "ep=a", "lwm2m=1.1.1"), LWM2M_CREATED);
    assert_string_equal(wish.version, "1.1");
}

static void a_name_is_needed_and_is_of_visible_characters(void **state)
{
    (void)state;
    char name[80] = "ep=";
    memset(name + 3, 'n', LWM2M_ENDPOINT_SIZE - 1);
    assert_int_equal(REGISTERS(LINKS, name), LWM2M_CREATED);
    name[3 + LWM2M_ENDPOINT_SIZE - 1] = 'n';
    assert_int_equal(REGISTERS(LINKS, name), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "lt=30"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "ep="), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "ep=a\nregistered b"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "ep=a b"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "ep=\xc3\xbc"), LWM2M_CREATED);
    assert_int_equal(REGISTERS(LINKS, "ep=\xc3"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "ep=a", "ep=b"), LWM2M_BAD_REQUEST);
}

static void one_of_1_1_may_be_known_by_another_name_than_it_tells(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "lwm2m=1.1"), LWM2M_CREATED);
    assert_string_equal(wish.endpoint, "");
    assert_int_equal(REGISTERS(LINKS, "lwm2m=1.0"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS(LINKS, "lwm2m=1.1", "ep="), LWM2M_BAD_REQUEST);
}

static void a_lifetime_is_a_positive_number_of_32_bits(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "lt=4294967296", "lt=18446744073709551617", "lt=0", "lt=", "lt=-1", "lt=3x", NULL};
    assert_int_equal(REGISTERS(LINKS, "ep=a", "lt=4294967295"), LWM2M_CREATED);
    assert_int_equal(wish.lifetime, 4294967295);
    assert_each_is(LWM2M_BAD_REQUEST, bad);
}

static void a_binding_is_of_known_transports(void **state)
{
    (void)state;
    static const char *const bad[] = {"b=X", "b=UU", "b=Q", "b=", "b=UTSNQUTSNQ", "b=QU", NULL};
    assert_int_equal(REGISTERS(LINKS, "ep=a", "b=UQS"), LWM2M_CREATED);
    assert_each_is(LWM2M_BAD_REQUEST, bad);
}

static bool is_binding(const char *text, bool is_1_1)
{
    return lwm2m_binding_is_known(text, strlen(text), is_1_1);
}

static void transports_stand_alone_in_1_1_and_with_a_q_in_1_0(void **state)
{
    (void)state;
    static const char *const of_both[] = {"U", "UQ", "S", "SQ", "US", "UQS"};
    static const char *const of_1_1[] = {"T", "N", "UT", "SU", "TSN", "UTSN"};
    static const char *const of_none[] = {"", "Q", "QU", "UQQ", "UU", "UTQ", "u", "U,S", "UTSNU"};
    for (size_t i = 0; i < sizeof of_both / sizeof *of_both; i++)
        assert_true(is_binding(of_both[i], false) && is_binding(of_both[i], true));
    for (size_t i = 0; i < sizeof of_1_1 / sizeof *of_1_1; i++)
        assert_true(!is_binding(of_1_1[i], false) && is_binding(of_1_1[i], true));
    for (size_t i = 0; i < sizeof of_none / sizeof *of_none; i++)
        assert_false(is_binding(of_none[i], false) || is_binding(of_none[i], true));
}

static void the_links_tell_the_objects_and_the_instances_of_pcp_context(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=a"), LWM2M_CREATED);
    assert_false(wish.has_pcp);
    assert_int_equal(wish.object_count, 2);
    assert_int_equal(
        REGISTERS("</26887/7>,</26887/2>;ver=1.0,</3/0>,</1/0>,</3>,</well-known>", "ep=a"),
        LWM2M_CREATED);
    assert_true(wish.has_pcp);
    assert_int_equal(wish.pcp_instances, 2);
    assert_int_equal(wish.pcp_instance, 2);
    assert_int_equal(wish.object_count, 3);
    assert_int_equal(wish.objects[0], 1);
    assert_int_equal(wish.objects[1], 3);
    assert_int_equal(wish.objects[2], 26887);
}

static void the_root_link_tells_the_format_to_manage_it_in(void **state)
{
    (void)state;
    static const struct {
        const char *links;
        uint32_t format;
    } known[] = {
        {LINKS, LWM2M_FORMAT_TLV},
        {"</>;rt=\"oma.lwm2m\";ct=\"60 110 112 11542\",</3/0>", LWM2M_FORMAT_TLV},
        {"</>;ct=\"60 110 112\",</3/0>", LWM2M_FORMAT_SENML_CBOR},
        {"</>;ct=110,</3/0>", LWM2M_FORMAT_SENML_JSON},
        {"</3/0>,</>;ct=112", LWM2M_FORMAT_SENML_CBOR},
        /* The JSON of 1.0, which has TLV besides, and others that say nothing of many values. */
        {"</>;ct=11543;hb,</3/0>", LWM2M_FORMAT_TLV},
        {"</>;ct=\"0 60 1112 1120 4294967408\",</3/0>", LWM2M_FORMAT_TLV},
        {"</>;ct,</3/0>", LWM2M_FORMAT_TLV},
        /* What an object can is not for the device. */
        {"</3/0>;ct=110", LWM2M_FORMAT_TLV},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(REGISTERS(known[i].links, "ep=a", "lwm2m=1.1"), LWM2M_CREATED);
        assert_int_equal(wish.format, known[i].format);
    }
}

static void an_object_without_instances_is_no_pcp_context_to_ask(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS("</26887>,</3/0>", "ep=a"), LWM2M_CREATED);
    assert_false(wish.has_pcp);
}

static void of_many_objects_the_lowest_are_kept(void **state)
{
    (void)state;
    char links[1024] = "";
    size_t used = 0;
    for (int id = 100; id > 0; id--)
        used += (size_t)snprintf(links + used, sizeof links - used, "%s</%d>", used ? "," : "", id);
    assert_int_equal(REGISTERS(links, "ep=a"), LWM2M_CREATED);
    assert_int_equal(wish.object_count, LWM2M_REGISTRATION_OBJECTS);
    for (int i = 0; i < LWM2M_REGISTRATION_OBJECTS; i++)
        assert_int_equal(wish.objects[i], i + 1);
}

static void links_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS("", "ep=a"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS("</3/0", "ep=a"), LWM2M_BAD_REQUEST);
    assert_int_equal(REGISTERS("</3/0>,nonsense", "ep=a"), LWM2M_BAD_REQUEST);
    assert_int_equal(UPDATES("</3/0", NULL), LWM2M_BAD_REQUEST);
}

static void an_update_tells_only_what_has_changed(void **state)
{
    (void)state;
    assert_int_equal(UPDATES("", NULL), LWM2M_CHANGED);
    assert_false(wish.has_lifetime || wish.has_binding || wish.has_links);
    assert_int_equal(UPDATES("</26887/0>", "lt=60", NULL), LWM2M_CHANGED);
    assert_true(wish.has_lifetime && wish.has_links && wish.has_pcp);
    assert_int_equal(UPDATES("", "ep=other", NULL), LWM2M_BAD_REQUEST);
    assert_int_equal(reads(true, "", NULL), LWM2M_CHANGED);
}

static void queries_of_others_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(REGISTERS(LINKS, "ep=a", "sms=+4912345", "apn=x", "", "l", "et=y"),
                     LWM2M_CREATED);
}

/* --- the table ------------------------------------------------------------------------------- */

enum { CAPACITY = 20000 };

static struct lwm2m_registry *registry;
static struct lwm2m_registration gone;

static int set_up(void **state)
{
    *state = calloc(1, lwm2m_registry_size(CAPACITY));
    registry = *state ? lwm2m_registry_place(*state, CAPACITY, 0x5eed) : NULL;
    return registry ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct lwm2m_registration *add(uint64_t now, const char *name, uint32_t lifetime,
                                      uint64_t number)
{
    struct lwm2m_registration_wish wanted = {
        .has_lifetime = true, .lifetime = lifetime, .binding = "U", .version = "1.0"};
    snprintf(wanted.endpoint, sizeof wanted.endpoint, "%s", name);
    return lwm2m_registry_add(registry, now, &wanted, number, &gone);
}

static const char *numbered(int number)
{
    static char name[32];
    snprintf(name, sizeof name, "device-%d", number);
    return name;
}

static void a_device_is_found_by_name_and_by_location(void **state)
{
    (void)state;
    struct lwm2m_registration *added = add(0, "a", 60, 77);
    assert_int_equal(added->number, 77);
    assert_int_equal(gone.number, 0);
    assert_ptr_equal(lwm2m_registry_find(registry, 77), added);
    assert_ptr_equal(lwm2m_registry_find_name(registry, "a"), added);
    assert_null(lwm2m_registry_find(registry, 78));
    assert_null(lwm2m_registry_find(registry, 0));
    assert_null(lwm2m_registry_find_name(registry, "b"));
    assert_null(lwm2m_registry_find_name(registry, ""));
}

static void a_device_that_registers_again_has_one_registration_with_a_new_location(void **state)
{
    (void)state;
    int session;
    add(0, "a", 60, 77)->session = &session;
    struct lwm2m_registration *again = add(1000, "a", 60, 77);
    assert_int_not_equal(again->number, 77);
    assert_null(again->session);
    assert_int_equal(gone.number, 77);
    assert_ptr_equal(gone.session, &session);
    assert_null(lwm2m_registry_find(registry, 77));
    assert_int_equal(lwm2m_registry_count(registry), 1);
}

static void no_two_devices_share_a_location_whatever_chance_says(void **state)
{
    (void)state;
    assert_int_equal(add(0, "a", 60, UINT64_MAX)->number, UINT64_MAX);
    uint64_t second = add(0, "b", 60, UINT64_MAX)->number;
    assert_true(second != 0 && second != UINT64_MAX);
    assert_string_equal(lwm2m_registry_find(registry, second)->endpoint, "b");
    assert_int_not_equal(add(0, "c", 60, 0)->number, 0);
}

static void a_registration_ends_with_its_lifetime_and_not_before(void **state)
{
    (void)state;
    add(1000, "a", 60, 1);
    add(1000, "b", 30, 2);
    assert_int_equal(lwm2m_registry_wait(registry, 1000), 30000);
    assert_false(lwm2m_registry_expire(registry, 30999, &gone));
    assert_true(lwm2m_registry_expire(registry, 31000, &gone));
    assert_string_equal(gone.endpoint, "b");
    assert_int_equal(gone.number, 2);
    assert_null(lwm2m_registry_find(registry, 2));
    assert_false(lwm2m_registry_expire(registry, 31000, &gone));
    assert_int_equal(lwm2m_registry_wait(registry, 31000), 30000);
    assert_true(lwm2m_registry_expire(registry, 100000, &gone));
    assert_int_equal(lwm2m_registry_wait(registry, 100000), UINT64_MAX);
}

static void an_update_begins_the_lifetime_anew_and_changes_what_it_tells(void **state)
{
    (void)state;
    struct lwm2m_registration *added = add(0, "a", 60, 1);
    struct lwm2m_registration_wish bare = {.binding = "U", .version = "1.0", .lifetime = 86400};
    lwm2m_registry_update(registry, added, 50000, &bare);
    assert_int_equal(added->expiry, 110000);
    struct lwm2m_registration_wish changed = {.has_lifetime = true,
                                              .lifetime = 10,
                                              .has_binding = true,
                                              .binding = "UQ",
                                              .queue_mode = true,
                                              .has_links = true,
                                              .has_pcp = true,
                                              .pcp_instance = 4};
    lwm2m_registry_update(registry, added, 60000, &changed);
    assert_int_equal(added->expiry, 70000);
    assert_true(added->queue_mode && added->has_pcp);
    assert_string_equal(added->binding, "UQ");
    assert_int_equal(added->pcp_instance, 4);
    lwm2m_registry_update(registry, added, 60000, &bare);
    assert_true(added->queue_mode && added->has_pcp);
    struct lwm2m_registration_wish awake = {.has_binding = true, .binding = "U"};
    lwm2m_registry_update(registry, added, 60000, &awake);
    assert_false(added->queue_mode);
}

static void a_full_table_takes_no_more_but_those_it_has(void **state)
{
    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        assert_non_null(add(0, numbered(i), 60, (uint32_t)i + 1));
    assert_null(add(0, "one more", 60, 5));
    assert_non_null(add(0, numbered(17), 60, 99999));
    assert_int_equal(lwm2m_registry_count(registry), CAPACITY);
    lwm2m_registry_remove(registry, lwm2m_registry_find_name(registry, numbered(3)));
    assert_non_null(add(0, "one more", 60, 5));
}

/* 20,000 devices come, are updated, leave and end; at each step the table agrees with what is told of it. */
static void ten_thousands_come_and_go(void **state)
{
    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        assert_non_null(
            add(0, numbered(i), 100 + (uint32_t)(i * 7 % 1000), (uint64_t)i * 2654435761U));
    for (int i = 0; i < CAPACITY; i += 2)
        lwm2m_registry_remove(registry, lwm2m_registry_find_name(registry, numbered(i)));
    assert_int_equal(lwm2m_registry_count(registry), CAPACITY / 2);
    int seen = 0;
    bool end = false;
    for (uint32_t index = 0; !end; index++) {
        const struct lwm2m_registration *registration = lwm2m_registry_at(registry, index, &end);
        if (!registration)
            continue;
        seen++;
        assert_ptr_equal(lwm2m_registry_find(registry, registration->number), registration);
        assert_ptr_equal(lwm2m_registry_find_name(registry, registration->endpoint), registration);
    }
    assert_int_equal(seen, CAPACITY / 2);
    uint64_t now = 0;
    while (lwm2m_registry_count(registry)) {
        now += lwm2m_registry_wait(registry, now);
        assert_true(lwm2m_registry_expire(registry, now, &gone));
        assert_int_equal(gone.expiry, now);
        seen--;
    }
    assert_int_equal(seen, 0);
    assert_int_equal(now, 1099000);
}

int main(void)
{
#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_tells_who_it_is_and_for_how_long),
        cmocka_unit_test(what_it_does_not_tell_has_the_defaults_of_the_specification),
        cmocka_unit_test(queue_mode_is_a_letter_of_the_binding_in_1_0_and_a_query_in_1_1),
        cmocka_unit_test(a_version_that_is_not_known_is_a_failed_precondition),
        cmocka_unit_test(the_release_of_a_version_is_passed_over),
        cmocka_unit_test(a_name_is_needed_and_is_of_visible_characters),
        cmocka_unit_test(one_of_1_1_may_be_known_by_another_name_than_it_tells),
        cmocka_unit_test(a_lifetime_is_a_positive_number_of_32_bits),
        cmocka_unit_test(a_binding_is_of_known_transports),
        cmocka_unit_test(transports_stand_alone_in_1_1_and_with_a_q_in_1_0),
        cmocka_unit_test(the_links_tell_the_objects_and_the_instances_of_pcp_context),
        cmocka_unit_test(the_root_link_tells_the_format_to_manage_it_in),
        cmocka_unit_test(an_object_without_instances_is_no_pcp_context_to_ask),
        cmocka_unit_test(of_many_objects_the_lowest_are_kept),
        cmocka_unit_test(links_that_are_none_are_refused),
        cmocka_unit_test(an_update_tells_only_what_has_changed),
        cmocka_unit_test(queries_of_others_are_passed_over),
        TABLE_TEST(a_device_is_found_by_name_and_by_location),
        TABLE_TEST(a_device_that_registers_again_has_one_registration_with_a_new_location),
        TABLE_TEST(no_two_devices_share_a_location_whatever_chance_says),
        TABLE_TEST(a_registration_ends_with_its_lifetime_and_not_before),
        TABLE_TEST(an_update_begins_the_lifetime_anew_and_changes_what_it_tells),
        TABLE_TEST(a_full_table_takes_no_more_but_those_it_has),
        TABLE_TEST(ten_thousands_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
