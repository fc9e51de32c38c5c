/* What links tell: Discover and Write-Attributes (5.4.2 and 5.4.4 of LwM2M 1.0), registrations (5.3.1). */
#include "test/lwm2m_device_fixture.h"

static enum lwm2m_code discover(const char *path)
{
    return device_get(device, path, LWM2M_FORMAT_LINK);
}

static enum lwm2m_code attributes(const char *path, const char *first, const char *second)
{
    const char *queries[] = {first, second, NULL};
    const struct lwm2m_request request = {.method = LWM2M_PUT,
                                          .path = device_path(path),
                                          .queries = queries,
                                          .content_format = LWM2M_FORMAT_NONE,
                                          .accept = LWM2M_FORMAT_NONE};
    return device_serve(device, &request);
}

/* --- Discover ------------------------------------------------------------------------------- */

static void an_object_tells_its_instances_and_their_resources(void **state)
{
    (void)state;
    assert_int_equal(discover("/3303"), LWM2M_CONTENT);
    assert_int_equal(device->response.format, LWM2M_FORMAT_LINK);
    assert_true(
        device_answered(device, "</3303>,</3303/0>,</3303/0/5605>,</3303/0/5700>,</3303/0/5701>"));
}

static void an_object_without_instances_tells_itself(void **state)
{
    (void)state;
    assert_int_equal(discover("/4"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</4>"));
}

static void an_instance_tells_its_resources_with_their_dimensions(void **state)
{
    (void)state;
    assert_int_equal(discover("/3/0"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3/0>,</3/0/0>,</3/0/4>,</3/0/5>,</3/0/7>;dim=2,"
                                        "</3/0/11>;dim=1,</3/0/12>,</3/0/14>,</3/0/16>"));
}

static void a_version_that_is_not_the_initial_one_is_told(void **state)
{
    (void)state;
    struct lwm2m_object_definition definition = lwm2m_object_connectivity;
    definition.version = "1.2";
    device->objects[3].definition = &definition;
    assert_int_equal(discover("/4"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</4>;ver=1.2"));
    device->server.is_1_1 = false;
    assert_int_equal(discover("/4"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</4>;ver=\"1.2\""));
    device->objects[3].definition = &lwm2m_object_connectivity;
}

static void each_path_tells_the_attributes_that_were_written_to_it(void **state)
{
    (void)state;
    assert_int_equal(attributes("/3303", "pmin=10", NULL), LWM2M_CHANGED);
    assert_int_equal(attributes("/3303/0", "pmax=60", NULL), LWM2M_CHANGED);
    assert_int_equal(attributes("/3303/0/5700", "gt=50", "lt=42.2"), LWM2M_CHANGED);
    assert_int_equal(discover("/3303"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3303>;pmin=10,</3303/0>;pmax=60,</3303/0/5605>,"
                                        "</3303/0/5700>;gt=50.0;lt=42.2,</3303/0/5701>"));
}

static void the_path_that_was_asked_for_tells_what_it_inherits(void **state)
{
    (void)state;
    assert_int_equal(attributes("/3303", "pmin=10", NULL), LWM2M_CHANGED);
    assert_int_equal(attributes("/3303/0", "pmax=60", NULL), LWM2M_CHANGED);
    assert_int_equal(attributes("/3303/0/5700", "st=0.5", NULL), LWM2M_CHANGED);
    assert_int_equal(discover("/3303/0/5700"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3303/0/5700>;pmin=10;pmax=60;st=0.5"));
    assert_int_equal(discover("/3303/0"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3303/0>;pmin=10;pmax=60,</3303/0/5605>,"
                                        "</3303/0/5700>;st=0.5,</3303/0/5701>"));
    device->server.is_1_1 = false; /* whose example of 5.4.2 tells an instance's own alone */
    assert_int_equal(discover("/3303/0"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3303/0>;pmax=60,</3303/0/5605>,</3303/0/5700>;st=0.5,"
                                        "</3303/0/5701>"));
}

static void a_multiple_resource_tells_its_instances_in_1_1(void **state)
{
    (void)state;
    assert_int_equal(discover("/3/0/7"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3/0/7>;dim=2,</3/0/7/0>,</3/0/7/1>"));
    device->server.is_1_1 = false;
    assert_int_equal(discover("/3/0/7"), LWM2M_CONTENT);
    assert_true(device_answered(device, "</3/0/7>;dim=2"));
}

static void what_is_not_there_is_not_discovered(void **state)
{
    (void)state;
    const struct {
        const char *path;
        enum lwm2m_code code;
    } rows[] = {
        {"/77", LWM2M_NOT_FOUND},        {"/3/1", LWM2M_NOT_FOUND},  {"/3/0/99", LWM2M_NOT_FOUND},
        {"/3/0/1", LWM2M_NOT_FOUND},     {"/0", LWM2M_UNAUTHORIZED}, {"/", LWM2M_NOT_ALLOWED},
        {"/3/0/7/0", LWM2M_NOT_ALLOWED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(discover(rows[i].path), rows[i].code);
}

static void links_that_have_no_room_are_an_error(void **state)
{
    (void)state;
    const struct lwm2m_request request = {.method = LWM2M_GET,
                                          .path = device_path("/3"),
                                          .content_format = LWM2M_FORMAT_NONE,
                                          .accept = LWM2M_FORMAT_LINK};
    assert_needs_its_room(&request);
}

/* --- Write-Attributes ----------------------------------------------------------------------- */

static void attributes_are_written_where_something_is(void **state)
{
    (void)state;
    assert_int_equal(attributes("/4", "pmin=1", NULL), LWM2M_CHANGED);
    assert_int_equal(attributes("/77", "pmin=1", NULL), LWM2M_NOT_FOUND);
    assert_int_equal(attributes("/3/1", "pmin=1", NULL), LWM2M_NOT_FOUND);
    assert_int_equal(attributes("/3/0/1", "pmin=1", NULL), LWM2M_NOT_FOUND);
    assert_int_equal(attributes("/3/0/7/5", "pmin=1", NULL), LWM2M_NOT_FOUND);
    assert_int_equal(attributes("/0/1", "pmin=1", NULL), LWM2M_UNAUTHORIZED);
    assert_int_equal(attributes("/", "pmin=1", NULL), LWM2M_NOT_ALLOWED);
    assert_int_equal(attributes("/3/0/0", "gt=1", NULL), LWM2M_BAD_REQUEST);
    assert_int_equal(attributes("/3/0/7", "pmin=soon", NULL), LWM2M_BAD_REQUEST);
}

static void a_device_that_can_not_be_observed_has_no_attributes(void **state)
{
    (void)state;
    device->server.observations = NULL;
    assert_int_equal(attributes("/4", "pmin=1", NULL), LWM2M_NOT_ALLOWED);
    assert_int_equal(discover("/4"), LWM2M_CONTENT);
}

/* --- registrations -------------------------------------------------------------------------- */

static void a_registration_tells_objects_and_instances_but_no_account(void **state)
{
    (void)state;
    char text[256];
    int length = lwm2m_serve_links(&device->model, false, text, sizeof text);
    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text,
                        "</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>,</4>,</3303/0>,</26887/0>");
    length = lwm2m_serve_links(&device->model, true, text, sizeof text);
    text[length] = '\0';
    assert_string_equal(text, "</>;rt=\"oma.lwm2m\";ct=\"60 110 112 11542\",</1/0>,</3/0>,</4>,"
                              "</3303/0>,</26887/0>");
}

static void links_of_a_registration_without_room_are_none(void **state)
{
    (void)state;
    char text[256];
    int length = lwm2m_serve_links(&device->model, true, text, sizeof text);
    assert_int_equal(lwm2m_serve_links(&device->model, true, text, (size_t)length), length);
    assert_int_equal(lwm2m_serve_links(&device->model, true, text, (size_t)length - 1), -1);
    assert_int_equal(lwm2m_serve_links(&device->model, true, text, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_object_tells_its_instances_and_their_resources, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_object_without_instances_tells_itself, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_instance_tells_its_resources_with_their_dimensions,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_version_that_is_not_the_initial_one_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_path_tells_the_attributes_that_were_written_to_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_path_that_was_asked_for_tells_what_it_inherits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_multiple_resource_tells_its_instances_in_1_1, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_discovered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_that_have_no_room_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attributes_are_written_where_something_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_can_not_be_observed_has_no_attributes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_registration_tells_objects_and_instances_but_no_account,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_of_a_registration_without_room_are_none, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
