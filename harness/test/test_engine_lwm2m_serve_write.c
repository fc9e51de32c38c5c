/* Write (5.4.3 of LwM2M 1.0, 6.3.3 of Core 1.1.1), Write-Composite (6.3.9) and Execute (5.4.5) at a device. */
#include "engine/lwm2m/lwm2m_serve_private.h"
#include "test/lwm2m_device_fixture.h"

enum { TEXT = LWM2M_FORMAT_TEXT, TLV = LWM2M_FORMAT_TLV, JSON = LWM2M_FORMAT_SENML_JSON };

#define PUT_TLV(path, ...)                                                                         \
    device_ask(device, LWM2M_PUT, path, TLV, (const uint8_t[]){__VA_ARGS__},                       \
               sizeof((const uint8_t[]){__VA_ARGS__}))
#define POST_TLV(path, ...)                                                                        \
    device_ask(device, LWM2M_POST, path, TLV, (const uint8_t[]){__VA_ARGS__},                      \
               sizeof((const uint8_t[]){__VA_ARGS__}))

/* --- resources ------------------------------------------------------------------------------ */

static void a_put_on_a_resource_replaces_its_value(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", TEXT, "60"), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/1"), 60);
    assert_int_equal(PUT_TLV("/1/0/1", 0xc1, 0x01, 0x3d), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/1"), 61);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/7", TEXT, "UQ"), LWM2M_CHANGED);
    assert_true(device_has_text(device, "/1/0/7", "UQ"));
    assert_int_equal(device->writes, 3);
    assert_int_equal(device->written_count, 1);
    assert_int_equal(device->changes, 3);
}

static void a_put_instantiates_an_optional_resource(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/3", TEXT, "900"), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/1/0/3"), 900);
}

static void a_value_of_another_type_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", TEXT, "soon"), LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/4", TEXT, "2"), LWM2M_BAD_REQUEST);
    assert_int_equal(
        device_tell(device, LWM2M_PUT, "/1/0", JSON, "[{\"n\":\"/1/0/1\",\"vs\":\"60\"}]"),
        LWM2M_BAD_REQUEST);
    assert_int_equal(PUT_TLV("/1/0/1", 0xc3, 0x01, 1, 2, 3), LWM2M_BAD_REQUEST);
    assert_int_equal(device->changes + device->writes, 0);
}

static void a_value_out_of_its_range_is_a_bad_request(void **state)
{
    (void)state;
    static const char *const numbers[] = {"65536", "-1", "9223372036854775807"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/5", TEXT, numbers[i]),
                         LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/5", TEXT, "65535"), LWM2M_CHANGED);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/7", TEXT,
                                 "1234567890123456789012345678901234567890123456"),
                     LWM2M_BAD_REQUEST);
}

static void what_the_owner_of_an_object_refuses_is_not_written(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/14", TEXT, "9"), LWM2M_BAD_REQUEST);
    assert_null(device_value(device, "/26887/0/14"));
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/14", TEXT, "10"), LWM2M_CHANGED);
}

static void a_resource_that_may_not_be_written_is_not_allowed(void **state)
{
    (void)state;
    static const char *const paths[] = {"/1/0/0", "/3/0/0", "/1/0/8", "/3/0/7", "/3/0/7/0"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(device_tell(device, LWM2M_PUT, paths[i], TEXT, "1"), LWM2M_NOT_ALLOWED);
}

static void a_path_that_leads_to_nothing_is_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {"/2/0/1", "/1/1/1",        "/1/0/99", "/1/1",
                                        "/4/0/1", "/26887/0/11/9", "/1/0/1/0"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(device_tell(device, LWM2M_PUT, paths[i], TEXT, "1"), LWM2M_NOT_FOUND);
}

static void a_format_that_is_not_known_or_can_not_stand_there_is_unsupported(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", 50, "60"), LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", LWM2M_FORMAT_LINK, "</1>"),
                     LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0", TEXT, "60"), LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/11", TEXT, "11.0.0.1/32"),
                     LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/7", LWM2M_FORMAT_OPAQUE, "U"),
                     LWM2M_UNSUPPORTED);
}

static void a_payload_that_does_not_say_its_format_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", LWM2M_FORMAT_NONE, "60"),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", LWM2M_FORMAT_NONE, ""),
                     LWM2M_BAD_REQUEST);
}

static void a_payload_for_another_path_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(PUT_TLV("/1/0/1", 0xc1, 0x02, 0x3d), LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", JSON, "[{\"n\":\"/1/0/2\",\"v\":5}]"),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(device_tell(device, LWM2M_PUT, "/1/0/1", JSON, "[]"), LWM2M_BAD_REQUEST);
}

static void a_payload_that_is_too_large_is_refused_as_that(void **state)
{
    (void)state;
    static char text[LWM2M_ROOM + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(device_ask(device, LWM2M_PUT, "/3/0/15", TEXT, text, sizeof text),
                     LWM2M_TOO_LARGE);
    assert_int_equal(device_ask(device, LWM2M_PUT, "/3/0/15", TEXT, text, LWM2M_ARENA),
                     LWM2M_TOO_LARGE);
    assert_null(device_value(device, "/3/0/15"));
}

static void an_unsigned_integer_is_not_negative(void **state)
{
    (void)state;
    const struct lwm2m_resource_definition resource = {.type = LWM2M_TYPE_UNSIGNED};
    struct lwm2m_value value = {LWM2M_TYPE_INTEGER, {.integer = 0}};
    assert_int_equal(lwm2m_serve_check_value(&device->model, &resource, &value), LWM2M_CHANGED);
    value.as.integer = -1;
    assert_int_equal(lwm2m_serve_check_value(&device->model, &resource, &value), LWM2M_BAD_REQUEST);
}

static void a_link_leads_to_what_is_there_or_to_nothing(void **state)
{
    (void)state;
    const struct lwm2m_resource_definition resource = {.type = LWM2M_TYPE_LINK};
    const struct {
        uint16_t object, instance;
        enum lwm2m_code code;
    } rows[] = {{3, 0, LWM2M_CHANGED},         {3, 1, LWM2M_BAD_REQUEST},
                {4, 65535, LWM2M_CHANGED},     {77, 65535, LWM2M_BAD_REQUEST},
                {65535, 65535, LWM2M_CHANGED}, {65535, 0, LWM2M_BAD_REQUEST}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lwm2m_value value = {.type = LWM2M_TYPE_LINK};
        value.as.link.object = rows[i].object;
        value.as.link.instance = rows[i].instance;
        assert_int_equal(lwm2m_serve_check_value(&device->model, &resource, &value), rows[i].code);
    }
}

/* --- instances ------------------------------------------------------------------------------ */

static void a_post_on_an_instance_updates_what_it_names_and_leaves_the_rest(void **state)
{
    (void)state;
    assert_int_equal(POST_TLV("/26887/0", 0xc2, 0x00, 0x0e, 0x10, 0xc1, 0x04, 0x01), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 3600);
    assert_true(device_value(device, "/26887/0/4")->as.boolean);
    assert_int_equal(device_integer(device, "/26887/0/5"), 5683);
    assert_int_equal(device->writes, 1);
    assert_int_equal(device->written_count, 2);
}

static void a_put_on_an_instance_replaces_what_may_be_written(void **state)
{
    (void)state;
    assert_int_equal(PUT_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x04, 0x01), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 60);
    assert_null(device_value(device, "/26887/0/5"));
    assert_null(device_value(device, "/26887/0/11/0"));
    assert_int_equal(device_integer(device, "/26887/0/3"), 2);
}

static void a_replacement_that_lacks_a_mandatory_resource_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(PUT_TLV("/26887/0", 0xc1, 0x00, 0x3c), LWM2M_BAD_REQUEST);
    assert_int_equal(device_ask(device, LWM2M_PUT, "/26887/0", TLV, "", 0), LWM2M_BAD_REQUEST);
    assert_int_equal(device_integer(device, "/26887/0/0"), 7200);
    assert_int_equal(device_integer(device, "/26887/0/5"), 5683);
    assert_int_equal(device->changes, 0);
}

static void an_instance_of_a_write_may_stand_around_its_resources(void **state)
{
    (void)state;
    assert_int_equal(POST_TLV("/26887/0", 0x03, 0x00, 0xc1, 0x00, 0x3c), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 60);
    assert_int_equal(POST_TLV("/26887/0", 0x03, 0x01, 0xc1, 0x00, 0x3c), LWM2M_BAD_REQUEST);
}

static void resources_of_an_instance_that_the_device_has_not_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x63, 0x07, 0xc1, 0x00, 0x3c), LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 60);
    assert_int_equal(device->written_count, 1);
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0", JSON,
                                 "[{\"n\":\"/26887/0/99\",\"vs\":\"?\"},"
                                 "{\"n\":\"/26887/0/0\",\"v\":61}]"),
                     LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 61);
}

static void one_bad_value_of_many_leaves_all_as_it_was(void **state)
{
    (void)state;
    /* A lifetime, then: a status, which is read-only; a port out of range; one that its owner refuses; an execution. */
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x02, 0x01), LWM2M_NOT_ALLOWED);
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc4, 0x05, 0, 1, 0, 0),
                     LWM2M_BAD_REQUEST);
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x0e, 0x09), LWM2M_BAD_REQUEST);
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x01, 0x01), LWM2M_NOT_ALLOWED);
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x04), LWM2M_BAD_REQUEST);
    assert_int_equal(device_integer(device, "/26887/0/0"), 7200);
    assert_int_equal(device->changes + device->writes, 0);
}

static void a_value_that_comes_twice_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(POST_TLV("/26887/0", 0xc1, 0x00, 0x3c, 0xc1, 0x00, 0x3d), LWM2M_BAD_REQUEST);
    assert_int_equal(device_integer(device, "/26887/0/0"), 7200);
}

static void texts_that_change_places_fit_if_they_do_in_the_end(void **state)
{
    (void)state;
    static char payload[2 * LWM2M_ARENA];
    char texts[2][LWM2M_ARENA];
    lwm2m_model_drop(&device->model, &(struct lwm2m_path){3, {3, 0, 0}});
    memset(texts[0], 'a', sizeof texts[0]);
    memset(texts[1], 'b', sizeof texts[1]);
    for (int round = 0; round < 2; round++) {
        int size[2] = {round ? 700 : 10, round ? 10 : 700};
        (void)snprintf(payload, sizeof payload,
                       "[{\"n\":\"/3/0/14\",\"vs\":\"%.*s\"},{\"n\":\"/3/0/15\",\"vs\":\"%.*s\"}]",
                       size[0], texts[0], size[1], texts[1]);
        assert_int_equal(device_tell(device, LWM2M_POST, "/3/0", JSON, payload), LWM2M_CHANGED);
        assert_int_equal(device_value(device, "/3/0/14")->as.data.length, size[0]);
        assert_int_equal(device_value(device, "/3/0/15")->as.data.length, size[1]);
    }
}

static void what_has_no_room_in_an_instance_is_too_large_and_changes_nothing(void **state)
{
    (void)state;
    static char payload[2 * LWM2M_ARENA];
    char text[LWM2M_ARENA];
    memset(text, 'a', sizeof text);
    (void)snprintf(payload, sizeof payload,
                   "[{\"n\":\"/3/0/13\",\"v\":1},{\"n\":\"/3/0/14\",\"vs\":\"%.400s\"},"
                   "{\"n\":\"/3/0/15\",\"vs\":\"%.400s\"}]",
                   text, text);
    assert_int_equal(device_tell(device, LWM2M_POST, "/3/0", JSON, payload), LWM2M_TOO_LARGE);
    assert_true(device_has_text(device, "/3/0/14", "+01:00"));
    assert_int_equal(device->changes, 0);
}

static void more_values_than_an_instance_has_cells_for_are_too_large(void **state)
{
    (void)state;
    static char payload[4096];
    size_t used = 0;
    for (int i = 0; i < LWM2M_CELLS; i++)
        used += (size_t)snprintf(payload + used, sizeof payload - used,
                                 "%s{\"n\":\"/26887/0/11/%d\",\"vs\":\"\"}", i ? "," : "[", i);
    (void)snprintf(payload + used, sizeof payload - used, "]");
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/11", JSON, payload),
                     LWM2M_TOO_LARGE);
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.2/32"));
    assert_int_equal(device->changes, 0);
}

/* --- multiple resources --------------------------------------------------------------------- */

static void a_put_on_a_multiple_resource_replaces_all_its_instances(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/11", JSON,
                                 "[{\"n\":\"/26887/0/11/1\",\"vs\":\"yellow\"},"
                                 "{\"n\":\"/26887/0/11/3\",\"vs\":\"blue\"}]"),
                     LWM2M_CHANGED);
    assert_null(device_value(device, "/26887/0/11/0"));
    assert_true(device_has_text(device, "/26887/0/11/1", "yellow"));
    assert_true(device_has_text(device, "/26887/0/11/3", "blue"));
    assert_int_equal(device_integer(device, "/26887/0/5"), 5683);
    assert_int_equal(PUT_TLV("/26887/0/11", 0x80, 0x0b), LWM2M_CHANGED);
    assert_null(device_value(device, "/26887/0/11/3"));
}

static void a_post_on_a_multiple_resource_adds_to_its_instances(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/11", JSON,
                                 "[{\"n\":\"/26887/0/11/1\",\"vs\":\"yellow\"},"
                                 "{\"n\":\"/26887/0/11/3\",\"vs\":\"blue\"}]"),
                     LWM2M_CHANGED);
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.2/32"));
    assert_true(device_has_text(device, "/26887/0/11/1", "yellow"));
    assert_true(device_has_text(device, "/26887/0/11/3", "blue"));
}

static void one_instance_of_a_multiple_resource_is_written_if_it_is_there(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/11/1", TEXT, "x"), LWM2M_CHANGED);
    assert_true(device_has_text(device, "/26887/0/11/1", "x"));
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.2/32"));
    assert_int_equal(device_tell(device, LWM2M_PUT, "/26887/0/11/2", TEXT, "x"), LWM2M_NOT_FOUND);
}

static void a_partial_update_deletes_nothing(void **state)
{
    (void)state;
    assert_int_equal(POST_TLV("/26887/0", 0x80, 0x0b), LWM2M_BAD_REQUEST);
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.2/32"));
}

/* --- Write-Composite ------------------------------------------------------------------------ */

static void a_composite_write_changes_values_of_several_objects(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_IPATCH, "/", JSON,
                                 "[{\"n\":\"/26887/0/0\",\"v\":60},{\"n\":\"/1/0/1\",\"v\":61},"
                                 "{\"n\":\"/26887/0/4\",\"vb\":true}]"),
                     LWM2M_CHANGED);
    assert_int_equal(device_integer(device, "/26887/0/0"), 60);
    assert_int_equal(device_integer(device, "/1/0/1"), 61);
    assert_int_equal(device->writes, 2);
}

static void a_composite_write_is_done_whole_or_not_at_all(void **state)
{
    (void)state;
    const struct {
        const char *record;
        enum lwm2m_code code;
    } rows[] = {
        {"{\"n\":\"/26887/0/2\",\"v\":1}", LWM2M_NOT_ALLOWED},
        {"{\"n\":\"/26887/0/99\",\"v\":1}", LWM2M_NOT_FOUND},
        {"{\"n\":\"/26887/1/0\",\"v\":1}", LWM2M_NOT_FOUND},
        {"{\"n\":\"/77/0/0\",\"v\":1}", LWM2M_NOT_FOUND},
        {"{\"n\":\"/0/1/2\",\"v\":1}", LWM2M_UNAUTHORIZED},
        {"{\"n\":\"/26887/0/0\",\"v\":0}", LWM2M_BAD_REQUEST},
        {"{\"n\":\"/26887/0/0\",\"vs\":\"1\"}", LWM2M_BAD_REQUEST},
        {"{\"n\":\"/26887/0/11\"}", LWM2M_BAD_REQUEST},
        {"{\"n\":\"/26887/0\"}", LWM2M_BAD_REQUEST},
        {"{\"n\":\"/26887\"}", LWM2M_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char payload[128];
        (void)snprintf(payload, sizeof payload, "[{\"n\":\"/1/0/1\",\"v\":61},%s]", rows[i].record);
        assert_int_equal(device_tell(device, LWM2M_IPATCH, "/", JSON, payload), rows[i].code);
        assert_int_equal(device_integer(device, "/1/0/1"), 300);
    }
    assert_int_equal(device->changes + device->writes, 0);
}

static void a_composite_write_is_of_senml_and_of_1_1(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_IPATCH, "/", TEXT, "1"), LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_IPATCH, "/", TLV, ""), LWM2M_UNSUPPORTED);
    assert_int_equal(device_tell(device, LWM2M_IPATCH, "/1/0", JSON, "[]"), LWM2M_NOT_ALLOWED);
    assert_int_equal(device_tell(device, LWM2M_PATCH, "/", JSON, "[]"), LWM2M_NOT_ALLOWED);
    device->server.is_1_1 = false;
    assert_int_equal(device_tell(device, LWM2M_IPATCH, "/", JSON, "[{\"n\":\"/1/0/1\",\"v\":61}]"),
                     LWM2M_NOT_ALLOWED);
}

/* --- Execute -------------------------------------------------------------------------------- */

static void a_post_executes_a_resource_with_its_arguments(void **state)
{
    (void)state;
    static const char *const good[] = {"",          "5",   "2='10.3'", "7,0='https://www.oma.org'",
                                       "0,1,2,3,4", "0=''"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint32_t format = good[i][0] ? TEXT : LWM2M_FORMAT_NONE;
        assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", format, good[i]),
                         LWM2M_CHANGED);
        assert_string_equal(device->arguments, good[i]);
    }
    assert_int_equal(device->executions, sizeof good / sizeof *good);
}

static void without_arguments_their_format_is_no_matter(void **state)
{
    (void)state;
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", TLV, ""), LWM2M_CHANGED);
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", 1541, ""), LWM2M_CHANGED);
    assert_int_equal(device->executions, 2);
}

static void arguments_that_break_their_grammar_are_a_bad_request(void **state)
{
    (void)state;
    static const char *const bad[] = {"a",    ",",      "0,",    "0=",     "0='",    "0='x",
                                      "0=x",  "10",     "0 ",    "0='x'y", "0='\"'", "0='a b'",
                                      "0,,1", "0='\\'", "0=''1", "='x'",   "0='x',", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", TEXT, bad[i]),
                         LWM2M_BAD_REQUEST);
    assert_int_equal(device->executions, 0);
}

static void only_an_executable_resource_is_executed(void **state)
{
    (void)state;
    const struct {
        const char *path;
        uint32_t format;
        enum lwm2m_code code;
    } rows[] = {
        {"/26887/0/0", TEXT, LWM2M_NOT_ALLOWED},   {"/26887/0/2", TEXT, LWM2M_NOT_ALLOWED},
        {"/26887/0/1/0", TEXT, LWM2M_NOT_ALLOWED}, {"/26887/0/99", TEXT, LWM2M_NOT_FOUND},
        {"/26887/1/1", TEXT, LWM2M_NOT_FOUND},     {"/26887/0/1", TLV, LWM2M_UNSUPPORTED},
        {"/26887/0/1", JSON, LWM2M_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(device_tell(device, LWM2M_POST, rows[i].path, rows[i].format, "0"),
                         rows[i].code);
    assert_int_equal(device->executions, 0);
}

static void what_an_execution_answers_is_its_owners(void **state)
{
    (void)state;
    device->executes_with = LWM2M_NOT_ALLOWED;
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", LWM2M_FORMAT_NONE, ""),
                     LWM2M_NOT_ALLOWED);
    device->objects[5].execute = NULL;
    assert_int_equal(device_tell(device, LWM2M_POST, "/26887/0/1", LWM2M_FORMAT_NONE, ""),
                     LWM2M_NOT_ALLOWED);
    assert_int_equal(device->executions, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_put_on_a_resource_replaces_its_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_put_instantiates_an_optional_resource, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_of_another_type_is_a_bad_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_value_out_of_its_range_is_a_bad_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_owner_of_an_object_refuses_is_not_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_resource_that_may_not_be_written_is_not_allowed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_path_that_leads_to_nothing_is_not_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_format_that_is_not_known_or_can_not_stand_there_is_unsupported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_payload_that_does_not_say_its_format_is_a_bad_request,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_payload_for_another_path_is_a_bad_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_payload_that_is_too_large_is_refused_as_that, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unsigned_integer_is_not_negative, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_leads_to_what_is_there_or_to_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_post_on_an_instance_updates_what_it_names_and_leaves_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_put_on_an_instance_replaces_what_may_be_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_replacement_that_lacks_a_mandatory_resource_is_a_bad_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_of_a_write_may_stand_around_its_resources,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            resources_of_an_instance_that_the_device_has_not_are_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_bad_value_of_many_leaves_all_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_comes_twice_is_a_bad_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_that_change_places_fit_if_they_do_in_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_has_no_room_in_an_instance_is_too_large_and_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_values_than_an_instance_has_cells_for_are_too_large,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_put_on_a_multiple_resource_replaces_all_its_instances,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_post_on_a_multiple_resource_adds_to_its_instances, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            one_instance_of_a_multiple_resource_is_written_if_it_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_partial_update_deletes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_composite_write_changes_values_of_several_objects, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_composite_write_is_done_whole_or_not_at_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_composite_write_is_of_senml_and_of_1_1, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_post_executes_a_resource_with_its_arguments, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(arguments_that_break_their_grammar_are_a_bad_request,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_arguments_their_format_is_no_matter, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_an_executable_resource_is_executed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_an_execution_answers_is_its_owners, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
