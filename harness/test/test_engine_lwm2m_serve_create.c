/* Create and Delete at a device, 5.4.6 and 5.4.7 of LwM2M 1.0 (6.3.5 and 6.3.6 of Core 1.1.1). */
#include "test/lwm2m_device_fixture.h"

enum { TLV = LWM2M_FORMAT_TLV, JSON = LWM2M_FORMAT_SENML_JSON };

#define CREATE(path, ...)                                                                          \
    device_ask(device, LWM2M_POST, path, TLV, (const uint8_t[]){__VA_ARGS__},                      \
               sizeof((const uint8_t[]){__VA_ARGS__}))

#define LIFETIME(seconds) 0xc1, 0x00, seconds
#define ENABLED(yes)      0xc1, 0x04, yes

static bool has_location(const char *text)
{
    const struct lwm2m_path path = device_path(text);
    return device->response.has_location && lwm2m_path_equal(&device->response.location, &path);
}

static bool is_there(uint16_t object, uint16_t instance)
{
    return lwm2m_model_instance(lwm2m_model_object(&device->model, object), instance);
}

/* --- Create --------------------------------------------------------------------------------- */

static void the_device_chooses_the_id_where_the_payload_names_none(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", LIFETIME(60), ENABLED(1)), LWM2M_CREATED);
    assert_true(has_location("/26887/1"));
    assert_true(device->response.instances_changed);
    assert_int_equal(device_integer(device, "/26887/1/0"), 60);
    assert_int_equal(device->creations, 1);
    assert_int_equal(device->written_count, 2);
    const struct lwm2m_path first = device_path("/26887/1/0");
    assert_true(lwm2m_path_equal(&device->written, &first));
}

static void an_instance_gets_the_id_that_the_payload_names(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", 0x06, 0x09, LIFETIME(60), ENABLED(1)), LWM2M_CREATED);
    assert_true(has_location("/26887/9"));
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887", JSON,
                                 "[{\"bn\":\"/26887/5/\",\"n\":\"0\",\"v\":61},"
                                 "{\"n\":\"4\",\"vb\":false}]"),
                     LWM2M_CREATED);
    assert_true(has_location("/26887/5"));
    assert_int_equal(device_integer(device, "/26887/5/0"), 61);
}

static void several_instances_are_created_at_once_or_none(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", 0x06, 0x01, LIFETIME(60), ENABLED(1), 0x06, 0x00,
                            LIFETIME(61), ENABLED(1)),
                     LWM2M_BAD_REQUEST);
    assert_false(is_there(26887, 1));
    assert_int_equal(CREATE("/26887", 0x06, 0x01, LIFETIME(60), ENABLED(1), 0x06, 0x02,
                            LIFETIME(61), ENABLED(1)),
                     LWM2M_CREATED);
    assert_true(is_there(26887, 1));
    assert_true(is_there(26887, 2));
    assert_int_equal(device->creations, 2);
}

static void a_new_instance_begins_with_the_defaults_of_its_owner(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", LIFETIME(60), ENABLED(1)), LWM2M_CREATED);
    assert_int_equal(device_integer(device, "/26887/1/3"), 2);
    assert_null(device_value(device, "/26887/1/5"));
}

static void a_creation_is_one_change_that_observers_of_the_object_hear(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", LIFETIME(60), ENABLED(1)), LWM2M_CREATED);
    const struct lwm2m_path path = device_path("/26887/1");
    assert_true(lwm2m_path_equal(&device->changed, &path));
}

static void mandatory_resources_must_be_there(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", LIFETIME(60)), LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/26887", 0x00, 0x05), LWM2M_BAD_REQUEST);
    assert_int_equal(device_ask(device, LWM2M_POST, "/26887", LWM2M_FORMAT_NONE, NULL, 0),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(device_ask(device, LWM2M_POST, "/26887", TLV, NULL, 0), LWM2M_BAD_REQUEST);
    assert_false(is_there(26887, 1));
    assert_false(device->response.instances_changed);
    assert_int_equal(device->changes + device->writes + device->removals, 0);
}

static void an_object_without_such_resources_is_created_from_nothing(void **state)
{
    (void)state;
    assert_int_equal(device_ask(device, LWM2M_POST, "/3303", LWM2M_FORMAT_NONE, NULL, 0),
                     LWM2M_CREATED);
    assert_true(has_location("/3303/1"));
    assert_int_equal(device_tell(device, LWM2M_POST, "/3303", JSON, "[]"), LWM2M_CREATED);
    assert_true(has_location("/3303/2"));
}

static void read_only_and_unknown_resources_are_passed_over(void **state)
{
    (void)state;
    /* Status (2) is read-only; 99 isn't known. */
    assert_int_equal(CREATE("/26887", LIFETIME(60), 0xc1, 0x02, 0x05, 0xc1, 0x63, 0x01, ENABLED(1)),
                     LWM2M_CREATED);
    assert_int_equal(device_integer(device, "/26887/1/2"), 0);
    assert_int_equal(CREATE("/3303", 0x03, 0x07, 0xc1, 0x01, 0x01), LWM2M_CREATED);
    assert_true(has_location("/3303/7"));
}

static void an_id_that_is_taken_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/26887", 0x06, 0x00, LIFETIME(60), ENABLED(1)), LWM2M_BAD_REQUEST);
    assert_int_equal(device_integer(device, "/26887/0/0"), 7200);
}

static void an_object_of_one_instance_has_no_second(void **state)
{
    (void)state;
    static const uint8_t device_object[] = {0xc1, 0x0f, 'x'};
    assert_int_equal(device_ask(device, LWM2M_POST, "/3", TLV, device_object, sizeof device_object),
                     LWM2M_NOT_ALLOWED);
    assert_int_equal(CREATE("/4", 0x03, 0x01, 0xc1, 0x00, 0x01), LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/4", 0x03, 0x00, 0xc1, 0x00, 0x01), LWM2M_CREATED);
    assert_true(has_location("/4/0"));
}

static void a_device_without_room_says_so(void **state)
{
    (void)state;
    for (int i = 1; i < DEVICE_INSTANCES; i++)
        assert_int_equal(CREATE("/26887", LIFETIME(60), ENABLED(1)), LWM2M_CREATED);
    assert_int_equal(CREATE("/26887", LIFETIME(60), ENABLED(1)), LWM2M_INTERNAL_ERROR);
    assert_false(device->response.has_location);
}

static void what_can_not_be_created_is_refused(void **state)
{
    (void)state;
    assert_int_equal(CREATE("/77", LIFETIME(60)), LWM2M_NOT_FOUND);
    assert_int_equal(CREATE("/0", 0xc1, 0x00, 0x01), LWM2M_UNAUTHORIZED);
    assert_int_equal(CREATE("/26887", LIFETIME(0), ENABLED(1)), LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/26887", LIFETIME(60), 0xc1, 0x04, 0x02), LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/26887", 0xc9), LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/26887", 0x06, 0x01, LIFETIME(60), ENABLED(1), LIFETIME(61)),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(CREATE("/26887", LIFETIME(61), 0x06, 0x01, LIFETIME(60), ENABLED(1)),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887", LWM2M_FORMAT_TEXT, "1"),
                     LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887", LWM2M_FORMAT_NONE, "1"),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(
        device_tell(device, LWM2M_POST, "/26887", JSON, "[{\"n\":\"/3303/1/5700\",\"v\":1}]"),
        LWM2M_BAD_REQUEST);
    assert_int_equal(device->changes + device->writes, 0);
}

/* --- Delete --------------------------------------------------------------------------------- */

static enum lwm2m_code delete_at(const char *path)
{
    return device_ask(device, LWM2M_DELETE, path, LWM2M_FORMAT_NONE, NULL, 0);
}

static void a_deleted_instance_is_gone_with_what_observed_it(void **state)
{
    (void)state;
    const struct lwm2m_path status = device_path("/26887/0/2");
    assert_true(lwm2m_observe_begin(&device->observations, &device->model, &status, 0));
    assert_int_equal(delete_at("/26887/0"), LWM2M_DELETED);
    assert_false(is_there(26887, 0));
    assert_true(device->response.instances_changed);
    assert_int_equal(device->removals, 1);
    for (size_t i = 0; i < LWM2M_OBSERVATIONS; i++)
        assert_false(device->observations.observations[i].used);
    assert_int_equal(delete_at("/26887/0"), LWM2M_NOT_FOUND);
}

static void the_device_object_and_the_last_server_account_stay(void **state)
{
    (void)state;
    assert_int_equal(delete_at("/3/0"), LWM2M_NOT_ALLOWED);
    assert_int_equal(delete_at("/1/0"), LWM2M_NOT_ALLOWED);
    lwm2m_model_add(&device->objects[1], 1);
    assert_int_equal(delete_at("/1/1"), LWM2M_DELETED);
    assert_true(is_there(3, 0));
    assert_true(is_there(1, 0));
}

static void only_an_instance_is_deleted(void **state)
{
    (void)state;
    const struct {
        const char *path;
        enum lwm2m_code code;
    } rows[] = {
        {"/", LWM2M_NOT_ALLOWED},          {"/26887", LWM2M_NOT_ALLOWED},
        {"/26887/0/5", LWM2M_NOT_ALLOWED}, {"/26887/0/11/0", LWM2M_NOT_ALLOWED},
        {"/26887/1", LWM2M_NOT_FOUND},     {"/77/0", LWM2M_NOT_FOUND},
        {"/0/1", LWM2M_UNAUTHORIZED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(delete_at(rows[i].path), rows[i].code);
    assert_int_equal(device->removals, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_device_chooses_the_id_where_the_payload_names_none,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_gets_the_id_that_the_payload_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(several_instances_are_created_at_once_or_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_instance_begins_with_the_defaults_of_its_owner,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_creation_is_one_change_that_observers_of_the_object_hear,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(mandatory_resources_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object_without_such_resources_is_created_from_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_only_and_unknown_resources_are_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_id_that_is_taken_is_a_bad_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object_of_one_instance_has_no_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_without_room_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_not_be_created_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_instance_is_gone_with_what_observed_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_device_object_and_the_last_server_account_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_an_instance_is_deleted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
