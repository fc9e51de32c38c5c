/* Read (5.4.1 of LwM2M 1.0) and Read-Composite (6.3.8 of Core 1.1.1) at a device. */
#include "test/lwm2m_device_fixture.h"

static bool answered_octets(const uint8_t *octets, size_t length)
{
    return device->response.length == length && !memcmp(device->response.payload, octets, length);
}

/* --- what is read --------------------------------------------------------------------------- */

static void a_resource_reads_as_its_value(void **state)
{
    (void)state;
    assert_int_equal(device_get(device, "/1/0/1", LWM2M_FORMAT_TEXT), LWM2M_CONTENT);
    assert_int_equal(device->response.format, LWM2M_FORMAT_TEXT);
    assert_true(device_answered(device, "300"));
    assert_int_equal(device_get(device, "/3303/0/5700", LWM2M_FORMAT_TEXT), LWM2M_CONTENT);
    assert_true(device_answered(device, "21.5"));
    assert_int_equal(device_get(device, "/26887/0/4", LWM2M_FORMAT_TEXT), LWM2M_CONTENT);
    assert_true(device_answered(device, "0"));
}

static void without_an_accept_the_device_answers_in_its_own_format(void **state)
{
    (void)state;
    static const uint8_t lifetime[] = {0xc2, 0x01, 0x01, 0x2c};
    assert_int_equal(device_get(device, "/1/0/1", LWM2M_FORMAT_NONE), LWM2M_CONTENT);
    assert_int_equal(device->response.format, LWM2M_FORMAT_TLV);
    assert_true(answered_octets(lifetime, sizeof lifetime));
    device->server.default_format = LWM2M_FORMAT_SENML_JSON;
    assert_int_equal(device_get(device, "/1/0/1", LWM2M_FORMAT_NONE), LWM2M_CONTENT);
    assert_int_equal(device->response.format, LWM2M_FORMAT_SENML_JSON);
}

static void an_instance_reads_as_all_its_resources(void **state)
{
    (void)state;
    static const uint8_t server[] = {0xc1, 0x00, 0x65,       /* short id 101 */
                                     0xc2, 0x01, 0x01, 0x2c, /* lifetime 300 */
                                     0xc1, 0x02, 0x01,       /* pmin 1 */
                                     0xc1, 0x06, 0x00,       /* storing false */
                                     0xc1, 0x07, 'U'};       /* binding */
    assert_int_equal(device_get(device, "/1/0", LWM2M_FORMAT_TLV), LWM2M_CONTENT);
    assert_true(answered_octets(server, sizeof server));
    assert_int_equal(device->refreshes, 1);
}

static void an_object_reads_as_all_its_instances(void **state)
{
    (void)state;
    lwm2m_model_add(&device->objects[4], 2);
    lwm2m_model_put_real(&device->model, 3303, 2, 5700, 1.0);
    assert_int_equal(device_get(device, "/3303", LWM2M_FORMAT_SENML_JSON), LWM2M_CONTENT);
    const char *text = (const char *)device->response.payload;
    device->payload[device->response.length] = '\0';
    assert_non_null(strstr(text, "\"n\":\"0/5700\",\"v\":21.5"));
    assert_non_null(strstr(text, "\"n\":\"2/5700\",\"v\":1"));
    assert_int_equal(device->refreshes, 2);
}

static void an_object_without_instances_reads_as_nothing(void **state)
{
    (void)state;
    assert_int_equal(device_get(device, "/4", LWM2M_FORMAT_TLV), LWM2M_CONTENT);
    assert_int_equal(device->response.length, 0);
    assert_int_equal(device_get(device, "/4", LWM2M_FORMAT_SENML_JSON), LWM2M_CONTENT);
    assert_true(device_answered(device, "[]"));
}

static void a_multiple_resource_reads_as_its_instances_and_one_of_them_alone(void **state)
{
    (void)state;
    static const uint8_t both[] = {0x88, 0x07, 0x08, 0x42, 0x00, 0x0e,
                                   0xd8, 0x42, 0x01, 0x0e, 0xd9};
    assert_int_equal(device_get(device, "/3/0/7", LWM2M_FORMAT_TLV), LWM2M_CONTENT);
    assert_true(answered_octets(both, sizeof both));
    assert_int_equal(device_get(device, "/3/0/7/1", LWM2M_FORMAT_TEXT), LWM2M_CONTENT);
    assert_true(device_answered(device, "3801"));
}

static void an_unreadable_resource_is_passed_over_in_an_instance_and_refused_alone(void **state)
{
    (void)state;
    struct lwm2m_resource_definition resources[28];
    memcpy(resources, lwm2m_object_pcp_context.resources, sizeof resources);
    resources[PCP_CONTEXT_INTERNAL_PORT].operations = LWM2M_WRITE;
    struct lwm2m_object_definition definition = lwm2m_object_pcp_context;
    definition.resources = resources;
    device->objects[5].definition = &definition;
    assert_int_equal(device_get(device, "/26887/0/5", LWM2M_FORMAT_TEXT), LWM2M_NOT_ALLOWED);
    assert_int_equal(device_get(device, "/26887/0", LWM2M_FORMAT_SENML_JSON), LWM2M_CONTENT);
    device->payload[device->response.length] = '\0';
    assert_null(strstr((const char *)device->payload, "5683"));
    device->objects[5].definition = &lwm2m_object_pcp_context;
}

/* --- refusals ------------------------------------------------------------------------------- */

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {"/2",       "/99",     "/1/1",   "/4/0",
                                        "/1/0/99",  "/1/0/3",  "/2/0/0", "/3/0/7/2",
                                        "/1/0/1/0", "/3/0/22", "/3/1/0"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(device_get(device, paths[i], LWM2M_FORMAT_NONE), LWM2M_NOT_FOUND);
}

static void an_executable_resource_and_the_root_can_not_be_read(void **state)
{
    (void)state;
    assert_int_equal(device_get(device, "/1/0/8", LWM2M_FORMAT_NONE), LWM2M_NOT_ALLOWED);
    assert_int_equal(device_get(device, "/", LWM2M_FORMAT_NONE), LWM2M_NOT_ALLOWED);
}

static void the_security_object_is_closed_to_management_servers(void **state)
{
    (void)state;
    static const char *const paths[] = {"/0", "/0/0", "/0/1/0", "/0/9", "/0/0/99"};
    for (enum lwm2m_method method = LWM2M_GET; method <= LWM2M_DELETE; method++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            assert_int_equal(device_tell(device, method, paths[i], LWM2M_FORMAT_TEXT, "1"),
                             LWM2M_UNAUTHORIZED);
    device->response.payload = device->payload;
    const struct lwm2m_path path = device_path("/0/0/0");
    assert_int_equal(lwm2m_serve_read(&device->server, &path, LWM2M_FORMAT_TEXT, &device->response),
                     LWM2M_UNAUTHORIZED);
}

static void a_format_that_can_not_say_it_is_not_acceptable(void **state)
{
    (void)state;
    const struct {
        const char *path;
        uint32_t accept;
    } rows[] = {
        {"/1", LWM2M_FORMAT_TEXT},
        {"/1/0", LWM2M_FORMAT_TEXT},
        {"/3/0/7", LWM2M_FORMAT_TEXT},
        {"/1/0", LWM2M_FORMAT_OPAQUE},
        {"/1/0/1", LWM2M_FORMAT_OPAQUE},
        {"/1/0", LWM2M_FORMAT_CBOR},
        {"/1/0/1", 41},
        {"/1/0/1", 50},
        {"/1/0/1", 65535},
        {"/4", LWM2M_FORMAT_TEXT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(device_get(device, rows[i].path, rows[i].accept), LWM2M_NOT_ACCEPTABLE);
        assert_int_equal(device->response.length, 0);
        assert_int_equal(device->response.format, LWM2M_FORMAT_NONE);
    }
}

static void an_answer_that_has_no_room_is_an_error_and_never_too_long(void **state)
{
    (void)state;
    const struct lwm2m_request request = {.method = LWM2M_GET,
                                          .path = device_path("/3/0"),
                                          .content_format = LWM2M_FORMAT_NONE,
                                          .accept = LWM2M_FORMAT_SENML_JSON};
    assert_needs_its_room(&request);
}

/* --- Read-Composite ------------------------------------------------------------------------- */

/* What reading these paths gives. */
static const char *composite(const char *paths)
{
    assert_int_equal(device_tell(device, LWM2M_FETCH, "/", LWM2M_FORMAT_SENML_JSON, paths),
                     LWM2M_CONTENT);
    assert_int_equal(device->response.format, LWM2M_FORMAT_SENML_JSON);
    device->payload[device->response.length] = '\0';
    return (const char *)device->payload;
}

static void a_composite_read_gives_what_its_paths_name(void **state)
{
    (void)state;
    const char *text = composite("[{\"n\":\"/1/0/1\"},{\"n\":\"/3303/0/5700\"}]");
    assert_non_null(strstr(text, "1/0/1\",\"v\":300"));
    assert_non_null(strstr(text, "3303/0/5700\",\"v\":21.5"));
}

static void a_composite_read_passes_over_what_is_not_there_or_not_readable(void **state)
{
    (void)state;
    const char *text = composite("[{\"n\":\"/1/0/99\"},{\"n\":\"/77\"},{\"n\":\"/3/0/4\"},"
                                 "{\"n\":\"/1/0/7\"}]");
    assert_non_null(strstr(text, "1/0/7\",\"vs\":\"U\""));
    assert_null(strstr(text + 1, "{\"n\":\"/3"));
}

static void a_composite_read_tells_no_value_twice(void **state)
{
    (void)state;
    const char *text =
        composite("[{\"n\":\"/1/0/1\"},{\"n\":\"/1\"},{\"n\":\"/1/0\"},{\"n\":\"/1\"}]");
    const char *first = strstr(text, "300");
    assert_non_null(first);
    assert_null(strstr(first + 1, "300"));
}

static void a_composite_read_of_the_root_gives_all_but_the_security_object(void **state)
{
    (void)state;
    const char *text = composite("[{\"n\":\"/\"}]");
    assert_non_null(strstr(text, "pinhole"));
    assert_null(strstr(text, "coap://"));
}

static void a_composite_read_is_refused_as_a_whole_for_its_form(void **state)
{
    (void)state;
    const struct {
        const char *path;
        const char *text;
        uint32_t format;
        enum lwm2m_code code;
    } rows[] = {
        {"/", "[{\"n\":\"/0/0/0\"}]", LWM2M_FORMAT_SENML_JSON, LWM2M_UNAUTHORIZED},
        {"/", "[{\"n\":\"/1/0/1\",\"v\":1}]", LWM2M_FORMAT_SENML_JSON, LWM2M_BAD_REQUEST},
        {"/", "[{\"n\":\"nonsense\"}]", LWM2M_FORMAT_SENML_JSON, LWM2M_BAD_REQUEST},
        {"/", "[{\"n\":", LWM2M_FORMAT_SENML_JSON, LWM2M_BAD_REQUEST},
        {"/", "", LWM2M_FORMAT_TLV, LWM2M_UNSUPPORTED},
        {"/", "/1/0/1", LWM2M_FORMAT_TEXT, LWM2M_UNSUPPORTED},
        {"/", "[]", LWM2M_FORMAT_NONE, LWM2M_UNSUPPORTED},
        {"/1/0", "[{\"n\":\"/1/0/1\"}]", LWM2M_FORMAT_SENML_JSON, LWM2M_NOT_ALLOWED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            device_tell(device, LWM2M_FETCH, rows[i].path, rows[i].format, rows[i].text),
            rows[i].code);
    device->server.is_1_1 = false;
    assert_int_equal(
        device_tell(device, LWM2M_FETCH, "/", LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/0/1\"}]"),
        LWM2M_NOT_ALLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_resource_reads_as_its_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_accept_the_device_answers_in_its_own_format,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_reads_as_all_its_resources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object_reads_as_all_its_instances, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object_without_instances_reads_as_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_multiple_resource_reads_as_its_instances_and_one_of_them_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_unreadable_resource_is_passed_over_in_an_instance_and_refused_alone, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_executable_resource_and_the_root_can_not_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_security_object_is_closed_to_management_servers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_format_that_can_not_say_it_is_not_acceptable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_has_no_room_is_an_error_and_never_too_long,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_composite_read_gives_what_its_paths_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_composite_read_passes_over_what_is_not_there_or_not_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_composite_read_tells_no_value_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_composite_read_of_the_root_gives_all_but_the_security_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_composite_read_is_refused_as_a_whole_for_its_form, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
