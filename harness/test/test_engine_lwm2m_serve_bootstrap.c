/* The Bootstrap interface at a device, 5.2.7 of LwM2M 1.0 (6.1.7 of Core 1.1.1). */
#include "test/lwm2m_device_fixture.h"

enum { TLV = LWM2M_FORMAT_TLV, TEXT = LWM2M_FORMAT_TEXT, JSON = LWM2M_FORMAT_SENML_JSON };

#define PUT(path, ...)                                                                             \
    device_bootstrap(device, LWM2M_PUT, path, TLV, (const uint8_t[]){__VA_ARGS__},                 \
                     sizeof((const uint8_t[]){__VA_ARGS__}))

static enum lwm2m_code put_text(const char *path, uint32_t format, const char *text)
{
    return device_bootstrap(device, LWM2M_PUT, path, format, text, strlen(text));
}

static enum lwm2m_code ask_for(const char *path, uint32_t accept)
{
    const struct lwm2m_request request = {.method = LWM2M_GET,
                                          .from_bootstrap = true,
                                          .path = device_path(path),
                                          .content_format = LWM2M_FORMAT_NONE,
                                          .accept = accept};
    return device_serve(device, &request);
}

static enum lwm2m_code delete_at(const char *path)
{
    return device_bootstrap(device, LWM2M_DELETE, path, LWM2M_FORMAT_NONE, NULL, 0);
}

static bool is_there(uint16_t object, uint16_t instance)
{
    return lwm2m_model_instance(lwm2m_model_object(&device->model, object), instance);
}

/* --- Bootstrap-Write ------------------------------------------------------------------------ */

static void a_write_creates_the_instance_that_it_is_for(void **state)
{
    (void)state;
    assert_int_equal(PUT("/26887/1", 0xc1, 0x00, 0x3c), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/1/0"), 60);
    assert_int_equal(device_integer(device, "/26887/1/3"), 2);
    assert_int_equal(device_integer(device, "/26887/1/6"), 17);
    assert_true(device->response.instances_changed);
    assert_false(device->response.has_location);
    assert_int_equal(device->creations, 1);
}

static void a_write_of_an_object_populates_several_instances(void **state)
{
    (void)state;
    assert_int_equal(PUT("/1", 0x07, 0x00, 0xc1, 0x00, 0x66, 0xc2, 0x01, 0x00, 0x3c, /* 0: 102 */
                         0x03, 0x01, 0xc1, 0x00, 0x67),                              /* 1: 103 */
                     LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/0"), 102);
    assert_int_equal(device_integer(device, "/1/0/1"), 60);
    assert_int_equal(device_integer(device, "/1/1/0"), 103);
    assert_int_equal(device->writes, 2);
}

static void a_write_of_an_instance_replaces_what_it_does_not_name(void **state)
{
    (void)state;
    assert_int_equal(PUT("/26887/0", 0xc1, 0x00, 0x3c), LWM2M_CHANGED);
    assert_null(device_value(device, "/26887/0/5"));
    assert_null(device_value(device, "/26887/0/4"));
    assert_null(device_value(device, "/26887/0/11/0"));
    assert_int_equal(device_integer(device, "/26887/0/3"), 2);
    assert_int_equal(PUT("/0/1", 0xc1, 0x02, 0x03), LWM2M_CHANGED);
    assert_null(device_value(device, "/0/1/0"));
}

static void the_bootstrap_server_writes_what_nobody_else_may(void **state)
{
    (void)state;
    assert_int_equal(put_text("/0/1/0", TEXT, "coap://11.0.0.4"), LWM2M_CHANGED);
    assert_true(device_has_text(device, "/0/1/0", "coap://11.0.0.4"));
    assert_int_equal(put_text("/1/0/0", TEXT, "77"), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/0"), 77);
    assert_int_equal(put_text("/3/0/0", TEXT, "another"), LWM2M_CHANGED);
}

static void a_resource_is_written_where_no_instance_is_yet(void **state)
{
    (void)state;
    assert_int_equal(put_text("/0/2/0", TEXT, "coap://11.0.0.4"), LWM2M_CHANGED);
    assert_true(is_there(0, 2));
    assert_int_equal(put_text("/26887/0/11/7", TEXT, "11.0.0.7/32"), LWM2M_CHANGED);
    assert_true(device_has_text(device, "/26887/0/11/7", "11.0.0.7/32"));
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.2/32"));
}

static void resources_that_the_device_has_not_are_ignored_in_instances(void **state)
{
    (void)state;
    assert_int_equal(PUT("/1/0", 0xc1, 0x63, 0x01, 0xc1, 0x01, 0x3c), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/1"), 60);
    assert_int_equal(PUT("/1", 0x03, 0x02, 0xc1, 0x63, 0x01), LWM2M_CHANGED);
    assert_true(is_there(1, 2));
    assert_int_equal(put_text("/1/0/99", TEXT, "1"), LWM2M_NOT_FOUND);
}

static void a_write_is_refused_whole(void **state)
{
    (void)state;
    /* The second instance has a lifetime of three octets. */
    assert_int_equal(PUT("/1", 0x03, 0x01, 0xc1, 0x01, 0x3c, 0x05, 0x02, 0xc3, 0x01, 1, 2, 3),
                     LWM2M_BAD_REQUEST);
    assert_false(is_there(1, 1));
    /* The second instance has a short id out of range. */
    assert_int_equal(PUT("/1", 0x03, 0x01, 0xc1, 0x00, 0x3c, 0x03, 0x02, 0xc1, 0x00, 0x00),
                     LWM2M_BAD_REQUEST);
    assert_false(is_there(1, 1));
    /* There is room for two more, not for three. */
    assert_int_equal(PUT("/1", 0x03, 0x05, 0xc1, 0x00, 0x01, 0x03, 0x06, 0xc1, 0x00, 0x02, 0x03,
                         0x07, 0xc1, 0x00, 0x03),
                     LWM2M_INTERNAL_ERROR);
    assert_false(is_there(1, 5));
    assert_false(is_there(1, 6));
    assert_int_equal(device->changes + device->writes + device->removals, 0);
    assert_false(device->response.instances_changed);
}

static void what_can_not_be_written_is_refused(void **state)
{
    (void)state;
    assert_int_equal(put_text("/77/0", JSON, "[]"), LWM2M_NOT_FOUND);
    assert_int_equal(put_text("/", JSON, "[]"), LWM2M_NOT_ALLOWED);
    assert_int_equal(put_text("/1/0/8", TEXT, "1"), LWM2M_NOT_ALLOWED);
    assert_int_equal(put_text("/1/0/1/0", TEXT, "1"), LWM2M_NOT_FOUND);
    assert_int_equal(put_text("/1", JSON, "[]"), LWM2M_BAD_REQUEST);
    assert_int_equal(put_text("/1/0/1", LWM2M_FORMAT_NONE, "1"), LWM2M_BAD_REQUEST);
    assert_int_equal(put_text("/1/0/1", LWM2M_FORMAT_LINK, "</1>"), LWM2M_UNSUPPORTED);
    assert_int_equal(put_text("/1/0", TEXT, "1"), LWM2M_UNSUPPORTED);
    assert_int_equal(put_text("/3/1/14", TEXT, "1"), LWM2M_NOT_ALLOWED);
    assert_int_equal(put_text("/4/1/0", TEXT, "1"), LWM2M_BAD_REQUEST);
    assert_int_equal(PUT("/1", 0xc1, 0x01, 0x3c), LWM2M_BAD_REQUEST);
    assert_int_equal(device->changes + device->writes, 0);
}

/* --- Bootstrap-Delete ----------------------------------------------------------------------- */

static void a_delete_of_all_spares_the_own_account_and_the_device(void **state)
{
    (void)state;
    assert_int_equal(delete_at("/"), LWM2M_DELETED);
    assert_true(is_there(0, 0));
    assert_false(is_there(0, 1));
    assert_false(is_there(1, 0));
    assert_true(is_there(3, 0));
    assert_false(is_there(3303, 0));
    assert_false(is_there(26887, 0));
    assert_int_equal(device->removals, 4);
    assert_true(device->response.instances_changed);
}

static void a_delete_of_an_object_or_an_instance_takes_just_that(void **state)
{
    (void)state;
    assert_int_equal(delete_at("/1/0"), LWM2M_DELETED);
    assert_false(is_there(1, 0));
    assert_int_equal(delete_at("/0"), LWM2M_DELETED);
    assert_true(is_there(0, 0));
    assert_false(is_there(0, 1));
    assert_int_equal(delete_at("/3"), LWM2M_DELETED);
    assert_true(is_there(3, 0));
}

static void what_a_delete_can_not_take_is_refused(void **state)
{
    (void)state;
    assert_int_equal(delete_at("/0/0"), LWM2M_NOT_ALLOWED);
    assert_int_equal(delete_at("/3/0"), LWM2M_NOT_ALLOWED);
    assert_int_equal(delete_at("/1/9"), LWM2M_NOT_FOUND);
    assert_int_equal(delete_at("/77"), LWM2M_NOT_FOUND);
    assert_int_equal(delete_at("/1/0/1"), LWM2M_NOT_ALLOWED);
    assert_int_equal(device->removals, 0);
}

/* --- Bootstrap-Discover, Bootstrap-Read ------------------------------------------------------ */

static void a_discover_tells_all_objects_with_their_accounts(void **state)
{
    (void)state;
    assert_int_equal(ask_for("/", LWM2M_FORMAT_LINK), LWM2M_CONTENT);
    assert_true(device_answered(device,
                                "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101;uri=\"coap://11.0.0.3\""
                                ",</1/0>;ssid=101,</3/0>,</4>,</3303/0>,</26887/0>"));
    device->server.is_1_1 = false;
    assert_int_equal(ask_for("/0", LWM2M_FORMAT_LINK), LWM2M_CONTENT);
    assert_true(device_answered(device, "</>;lwm2m=\"1.0\",</0/0>,</0/1>;ssid=101"));
    assert_int_equal(ask_for("/1/0", LWM2M_FORMAT_LINK), LWM2M_NOT_ALLOWED);
    assert_int_equal(ask_for("/77", LWM2M_FORMAT_LINK), LWM2M_NOT_FOUND);
}

static void a_bootstrap_server_reads_server_accounts_alone_and_in_1_1(void **state)
{
    (void)state;
    assert_int_equal(ask_for("/1", TLV), LWM2M_CONTENT);
    assert_int_equal(ask_for("/1/0", TLV), LWM2M_CONTENT);
    assert_int_equal(ask_for("/1/7", TLV), LWM2M_NOT_FOUND);
    static const char *const paths[] = {"/0", "/0/1", "/3/0", "/1/0/1", "/26887", "/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(ask_for(paths[i], TLV), LWM2M_NOT_ALLOWED);
    device->server.is_1_1 = false;
    assert_int_equal(ask_for("/1", TLV), LWM2M_NOT_ALLOWED);
}

static void a_bootstrap_server_creates_and_executes_nothing(void **state)
{
    (void)state;
    static const enum lwm2m_method methods[] = {LWM2M_POST, LWM2M_FETCH, LWM2M_PATCH, LWM2M_IPATCH};
    static const char *const paths[] = {"/", "/26887", "/26887/0", "/26887/0/1"};
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            assert_int_equal(device_bootstrap(device, methods[m], paths[i], JSON, "[]", 2),
                             LWM2M_NOT_ALLOWED);
    assert_int_equal(device->executions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_creates_the_instance_that_it_is_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_write_of_an_object_populates_several_instances, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_write_of_an_instance_replaces_what_it_does_not_name,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bootstrap_server_writes_what_nobody_else_may, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_resource_is_written_where_no_instance_is_yet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(resources_that_the_device_has_not_are_ignored_in_instances,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_is_refused_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_not_be_written_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delete_of_all_spares_the_own_account_and_the_device,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delete_of_an_object_or_an_instance_takes_just_that,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_delete_can_not_take_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_discover_tells_all_objects_with_their_accounts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bootstrap_server_reads_server_accounts_alone_and_in_1_1,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bootstrap_server_creates_and_executes_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
