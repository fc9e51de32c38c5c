/* Every operation at every kind of path with every kind of wrong payload: the right code, and nothing changed. */
#include "test/lwm2m_device_fixture.h"

/* --- a copy of the device, to compare with --------------------------------------------------- */

static struct lwm2m_instance before[DEVICE_OBJECTS][DEVICE_INSTANCES];

static void remember(void)
{
    memcpy(before, device->instances, sizeof before);
}

/* Has nothing changed? Arenas are compared as far as they are used. */
static bool is_unchanged(void)
{
    for (size_t o = 0; o < DEVICE_OBJECTS; o++)
        for (size_t i = 0; i < DEVICE_INSTANCES; i++) {
            const struct lwm2m_instance *was = &before[o][i];
            const struct lwm2m_instance *is = &device->instances[o][i];
            if (was->used != is->used)
                return false;
            if (is->used && (was->id != is->id || was->count != is->count ||
                             was->arena_used != is->arena_used ||
                             memcmp(was->cells, is->cells, is->count * sizeof is->cells[0]) != 0 ||
                             memcmp(was->arena, is->arena, is->arena_used) != 0))
                return false;
        }
    return true;
}

/* --- paths and payloads ---------------------------------------------------------------------- */

static const char *const paths[] = {
    "/",        "/0",        "/0/0",    "/0/0/0",  "/1",          "/1/0",       "/1/7",
    "/1/0/0",   "/1/0/1",    "/1/0/8",  "/1/0/99", "/1/0/1/0",    "/3/0/7",     "/3/0/7/1",
    "/3/0/7/9", "/3/0/22/0", "/4",      "/4/0",    "/26887/0/11", "/26887/0/2", "/26887/0/1",
    "/77",      "/77/0",     "/77/0/1", "/65534",  "/3/65534",    "/3/0/65534", "/3/0/7/65534"};

struct payload {
    uint32_t format;
    size_t length;
    const char *octets;
};

#define OCTETS(format, octets)                                                                     \
    {                                                                                              \
        format, sizeof(octets) - 1, octets                                                         \
    }

/* Of these none is a value of anything. */
static const struct payload malformed[] = {
    OCTETS(LWM2M_FORMAT_NONE, "?"),
    OCTETS(LWM2M_FORMAT_LINK, "</1>"),
    OCTETS(LWM2M_FORMAT_JSON, "{\"e\":[}"),
    OCTETS(LWM2M_FORMAT_JSON, "[]"),
    OCTETS(50, "{}"),
    OCTETS(65535, "x"),
    OCTETS(LWM2M_FORMAT_CBOR, ""),
    OCTETS(LWM2M_FORMAT_CBOR, "\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
    OCTETS(LWM2M_FORMAT_CBOR, "\x9f\x9f\x9f"),
    OCTETS(LWM2M_FORMAT_TLV, "\xc1"),
    OCTETS(LWM2M_FORMAT_TLV, "\xe8\x01"),
    OCTETS(LWM2M_FORMAT_TLV, "\xd8\x01\xff\xff\xff"),
    OCTETS(LWM2M_FORMAT_TLV, "\x08\x00\x10\x08\x00\x0d\x08\x00\x0a"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, ""),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "["),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[[[[[[[[[[[[[[[["),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "{\"n\":\"/1/0/1\",\"v\":1}"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/0/1\",\"v\":1,\"vs\":\"\"}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"bver\":11,\"n\":\"/1/0/1\",\"v\":1}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/0/1\",\"x_\":1,\"v\":1}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/65535/1\",\"v\":1}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/0/1/0/0\",\"v\":1}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"../../etc\",\"v\":1}]"),
    OCTETS(LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/1/0/1\",\"v\":1e999}]"),
    OCTETS(LWM2M_FORMAT_SENML_CBOR, ""),
    OCTETS(LWM2M_FORMAT_SENML_CBOR, "\x81"),
    OCTETS(LWM2M_FORMAT_SENML_CBOR, "\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
    OCTETS(LWM2M_FORMAT_SENML_CBOR, "\x81\xbf\x00\x7a\xff\xff\xff\xff"),
};

static const enum lwm2m_method methods[] = {LWM2M_GET,   LWM2M_POST,  LWM2M_PUT,   LWM2M_DELETE,
                                            LWM2M_FETCH, LWM2M_PATCH, LWM2M_IPATCH};

enum { METHODS = sizeof methods / sizeof *methods };

static bool is_of(enum lwm2m_code code, const enum lwm2m_code *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static enum lwm2m_code serve(enum lwm2m_method method, bool from_bootstrap, const char *path,
                             const struct payload *payload)
{
    /* In memory of just its length, so that a sanitizer sees a read behind it. */
    uint8_t *octets = malloc(payload->length ? payload->length : 1);
    memcpy(octets, payload->octets, payload->length);
    const struct lwm2m_request request = {.method = method,
                                          .from_bootstrap = from_bootstrap,
                                          .path = device_path(path),
                                          .content_format = payload->format,
                                          .accept = LWM2M_FORMAT_NONE,
                                          .payload = octets,
                                          .length = payload->length};
    enum lwm2m_code code = device_serve(device, &request);
    free(octets);
    return code;
}

/* --- the matrix ------------------------------------------------------------------------------ */

static void a_malformed_payload_is_refused_by_every_operation_that_reads_it(void **state)
{
    (void)state;
    static const enum lwm2m_code refusals[] = {LWM2M_BAD_REQUEST, LWM2M_UNAUTHORIZED,
                                               LWM2M_NOT_FOUND, LWM2M_NOT_ALLOWED,
                                               LWM2M_UNSUPPORTED};
    remember();
    for (size_t m = 0; m < METHODS; m++) {
        if (methods[m] == LWM2M_GET || methods[m] == LWM2M_DELETE)
            continue; /* which have none, and ignore it */
        for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
            for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
                for (int from = 0; from <= 1; from++) {
                    if (methods[m] == LWM2M_POST && malformed[i].length == 0 &&
                        device_path(paths[p]).depth == 3)
                        continue; /* Execute without arguments, in whatever format */
                    enum lwm2m_code code = serve(methods[m], from, paths[p], &malformed[i]);
                    if (!is_of(code, refusals, sizeof refusals / sizeof *refusals) ||
                        !is_unchanged())
                        fail_msg("method %d of %s with payload %zu: %u.%02u", (int)methods[m],
                                 paths[p], i, code >> 5, code & 31);
                }
    }
    assert_int_equal(device->changes + device->writes + device->executions, 0);
}

static void every_refusal_is_without_payload_location_or_change(void **state)
{
    (void)state;
    for (size_t m = 0; m < METHODS; m++)
        for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
            for (int from = 0; from <= 1; from++) {
                const struct payload payload = OCTETS(LWM2M_FORMAT_TLV, "\xc1\x01\x01");
                free(device);
                device = device_make();
                remember();
                enum lwm2m_code code = serve(methods[m], from, paths[p], &payload);
                if (code < LWM2M_BAD_REQUEST)
                    continue;
                assert_int_equal(device->response.length, 0);
                assert_int_equal(device->response.format, LWM2M_FORMAT_NONE);
                assert_false(device->response.has_location);
                assert_false(device->response.instances_changed);
                assert_true(is_unchanged());
            }
}

static void what_is_not_there_is_not_found_by_every_operation_that_may_be(void **state)
{
    (void)state;
    static const enum lwm2m_method simple[] = {LWM2M_GET, LWM2M_POST, LWM2M_PUT, LWM2M_DELETE};
    static const char *const absent[] = {"/77", "/77/0", "/77/0/1", "/77/0/1/0", "/2"};
    const struct payload payload = OCTETS(LWM2M_FORMAT_TEXT, "1");
    for (size_t m = 0; m < sizeof simple / sizeof *simple; m++)
        for (size_t p = 0; p < sizeof absent / sizeof *absent; p++)
            for (int from = 0; from <= 1; from++)
                assert_int_equal(serve(simple[m], from, absent[p], &payload), LWM2M_NOT_FOUND);
}

static void a_method_that_is_none_is_not_allowed(void **state)
{
    (void)state;
    const struct payload payload = OCTETS(LWM2M_FORMAT_TEXT, "1");
    static const int none[] = {0, 8, 31, 255};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        for (int from = 0; from <= 1; from++)
            assert_int_equal(serve((enum lwm2m_method)none[i], from, "/1/0/1", &payload),
                             LWM2M_NOT_ALLOWED);
}

static void every_cut_of_a_good_payload_is_refused_or_good_itself(void **state)
{
    (void)state;
    static const struct payload good[] = {
        OCTETS(LWM2M_FORMAT_TLV, "\xc1\x00\x3c\xc1\x04\x01\x88\x0b\x08\x46\x00"
                                 "abcdef"),
        OCTETS(LWM2M_FORMAT_SENML_JSON,
               "[{\"bn\":\"/26887/0/\",\"n\":\"0\",\"v\":60},{\"n\":\"4\",\"vb\":true}]"),
        OCTETS(LWM2M_FORMAT_SENML_CBOR, "\x82\xa3\x21\x69/26887/0/\x00\x61"
                                        "0\x02\x18\x3c\xa2\x00\x61"
                                        "4\x04\xf5"),
    };
    for (size_t g = 0; g < sizeof good / sizeof *good; g++)
        for (size_t length = 0; length <= good[g].length; length++) {
            free(device);
            device = device_make();
            remember();
            const struct payload cut = {good[g].format, length, good[g].octets};
            enum lwm2m_code code = serve(LWM2M_POST, false, "/26887/0", &cut);
            assert_true(code == LWM2M_CHANGED || code == LWM2M_BAD_REQUEST);
            assert_true(code == LWM2M_CHANGED || is_unchanged());
            assert_true(length < good[g].length || code == LWM2M_CHANGED);
        }
}

static void more_values_than_there_is_room_for_are_too_large(void **state)
{
    (void)state;
    static char many[4 * LWM2M_ENTRIES + 8];
    for (size_t i = 0; i < LWM2M_ENTRIES + 1; i++)
        memcpy(many + 3 * i, (const uint8_t[]){0xc1, 0x63, 0x01}, 3);
    struct payload payload = {LWM2M_FORMAT_TLV, 3 * ((size_t)LWM2M_ENTRIES + 1), many};
    assert_int_equal(serve(LWM2M_POST, false, "/26887/0", &payload), LWM2M_TOO_LARGE);
    static char large[LWM2M_ROOM + 1];
    payload = (struct payload){LWM2M_FORMAT_TLV, sizeof large, large};
    assert_int_equal(serve(LWM2M_POST, false, "/26887/0", &payload), LWM2M_TOO_LARGE);
    payload.format = LWM2M_FORMAT_SENML_JSON;
    assert_int_equal(serve(LWM2M_IPATCH, false, "/", &payload), LWM2M_TOO_LARGE);
    assert_int_equal(serve(LWM2M_FETCH, false, "/", &payload), LWM2M_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_malformed_payload_is_refused_by_every_operation_that_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_refusal_is_without_payload_location_or_change, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_not_there_is_not_found_by_every_operation_that_may_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_method_that_is_none_is_not_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_of_a_good_payload_is_refused_or_good_itself,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_values_than_there_is_room_for_are_too_large, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
