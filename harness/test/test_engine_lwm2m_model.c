/* The objects of a device as data: instances, values, and the arena of their texts. */
#include "test/lwm2m_device_fixture.h"

static struct lwm2m_value text_of(const char *text)
{
    struct lwm2m_value value = {.type = LWM2M_TYPE_STRING};
    value.as.data.octets = (const uint8_t *)text;
    value.as.data.length = strlen(text);
    return value;
}

static bool put_filter(uint16_t place, const char *text)
{
    const struct lwm2m_path path = {4, {LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_FILTERS, place}};
    const struct lwm2m_value value = text_of(text);
    return lwm2m_model_put(&device->model, &path, &value);
}

/* --- instances ------------------------------------------------------------------------------ */

static void an_instance_gets_the_id_that_it_is_given(void **state)
{
    (void)state;
    struct lwm2m_object *object = lwm2m_model_object(&device->model, 3303);
    struct lwm2m_instance *instance = lwm2m_model_add(object, 7);
    assert_non_null(instance);
    assert_int_equal(instance->id, 7);
    assert_ptr_equal(lwm2m_model_instance(object, 7), instance);
    assert_null(lwm2m_model_add(object, 7));
}

static void an_instance_without_an_id_gets_the_lowest_that_is_free(void **state)
{
    (void)state;
    struct lwm2m_object *object = lwm2m_model_object(&device->model, 3303);
    assert_non_null(lwm2m_model_add(object, 2));
    assert_int_equal(lwm2m_model_add(object, LWM2M_ID_RESERVED)->id, 1);
    assert_null(lwm2m_model_add(object, LWM2M_ID_RESERVED));
}

static void instances_are_walked_in_the_order_of_their_ids(void **state)
{
    (void)state;
    struct lwm2m_object *object = lwm2m_model_object(&device->model, 3303);
    lwm2m_model_add(object, 9);
    lwm2m_model_add(object, 4);
    assert_int_equal(lwm2m_model_next(object, -1)->id, 0);
    assert_int_equal(lwm2m_model_next(object, 0)->id, 4);
    assert_int_equal(lwm2m_model_next(object, 4)->id, 9);
    assert_null(lwm2m_model_next(object, 9));
}

static void a_removed_instance_leaves_nothing_to_the_next_in_its_place(void **state)
{
    (void)state;
    struct lwm2m_object *object = lwm2m_model_object(&device->model, 3303);
    lwm2m_model_remove(object, lwm2m_model_instance(object, 0));
    struct lwm2m_instance *instance = lwm2m_model_add(object, 0);
    assert_null(lwm2m_model_get(instance, 5700, 0));
    assert_int_equal(instance->arena_used, 0);
}

/* --- values --------------------------------------------------------------------------------- */

static void a_value_that_changes_is_told_and_one_that_stays_is_not(void **state)
{
    (void)state;
    assert_true(lwm2m_model_put_integer(&device->model, 1, 0, 1, 300));
    assert_true(lwm2m_model_put_text(&device->model, 1, 0, 7, "U"));
    assert_true(lwm2m_model_put_real(&device->model, 3303, 0, 5700, 21.5));
    assert_int_equal(device->changes, 0);
    assert_true(lwm2m_model_put_integer(&device->model, 1, 0, 1, 301));
    assert_int_equal(device->changes, 1);
    const struct lwm2m_path path = device_path("/1/0/1");
    assert_true(lwm2m_path_equal(&device->changed, &path));
}

static void a_value_of_another_type_is_refused(void **state)
{
    (void)state;
    assert_false(lwm2m_model_put_text(&device->model, 1, 0, 1, "300"));
    assert_false(lwm2m_model_put_integer(&device->model, 1, 0, 7, 1));
    assert_false(lwm2m_model_put_integer(&device->model, 3303, 0, 5700, 1));
    assert_false(lwm2m_model_put_boolean(&device->model, 1, 0, 4, true));
    assert_int_equal(device->changes, 0);
}

static void a_time_is_put_as_an_integer(void **state)
{
    (void)state;
    assert_true(lwm2m_model_put_integer(&device->model, 3, 0, 13, 1700000000));
    assert_int_equal(device_value(device, "/3/0/13")->type, LWM2M_TYPE_TIME);
}

static void nothing_is_put_where_there_is_no_instance_or_resource(void **state)
{
    (void)state;
    assert_false(lwm2m_model_put_integer(&device->model, 2, 0, 0, 1));
    assert_false(lwm2m_model_put_integer(&device->model, 1, 1, 1, 1));
    assert_false(lwm2m_model_put_integer(&device->model, 1, 0, 99, 1));
    const struct lwm2m_value one = {LWM2M_TYPE_INTEGER, {.integer = 1}};
    const struct lwm2m_path single = device_path("/1/0/1/0");
    const struct lwm2m_path multiple = device_path("/3/0/7");
    const struct lwm2m_path instance = device_path("/1/0");
    assert_false(lwm2m_model_put(&device->model, &single, &one));
    assert_false(lwm2m_model_put(&device->model, &multiple, &one));
    assert_false(lwm2m_model_put(&device->model, &instance, &one));
}

static void instances_of_a_resource_stand_in_order_and_go_one_by_one_or_all(void **state)
{
    (void)state;
    assert_true(put_filter(5, "five"));
    assert_true(put_filter(3, "three"));
    assert_true(device_has_text(device, "/26887/0/11/3", "three"));
    const struct lwm2m_path one = device_path("/26887/0/11/3");
    lwm2m_model_drop(&device->model, &one);
    assert_null(device_value(device, "/26887/0/11/3"));
    assert_true(device_has_text(device, "/26887/0/11/5", "five"));
    device->changes = 0;
    const struct lwm2m_path all = device_path("/26887/0/11");
    lwm2m_model_drop(&device->model, &all);
    assert_null(device_value(device, "/26887/0/11/0"));
    assert_null(device_value(device, "/26887/0/11/5"));
    assert_int_equal(device->changes, 1);
    lwm2m_model_drop(&device->model, &all);
    assert_int_equal(device->changes, 1);
}

/* --- the arena ------------------------------------------------------------------------------ */

static void a_text_that_grows_or_shrinks_leaves_the_others_as_they_are(void **state)
{
    (void)state;
    assert_true(put_filter(0, "a text that is longer than the one before"));
    assert_true(device_has_text(device, "/26887/0/11/1", "11.0.0.3/32"));
    assert_true(put_filter(0, ""));
    assert_true(device_has_text(device, "/26887/0/11/1", "11.0.0.3/32"));
    assert_true(device_has_text(device, "/26887/0/11/0", ""));
    assert_true(put_filter(1, "x"));
    assert_true(put_filter(0, "y"));
    assert_true(device_has_text(device, "/26887/0/11/0", "y"));
    assert_true(device_has_text(device, "/26887/0/11/1", "x"));
}

static void an_arena_takes_texts_until_it_is_full_and_again_after_one_went(void **state)
{
    (void)state;
    char text[LWM2M_ARENA + 2];
    memset(text, 'x', sizeof text);
    struct lwm2m_instance *instance = lwm2m_model_instance(&device->objects[5], 0);
    size_t room = (size_t)(LWM2M_ARENA - instance->arena_used);
    text[room + 1] = '\0';
    assert_false(put_filter(2, text));
    text[room] = '\0';
    assert_true(put_filter(2, text));
    assert_false(put_filter(3, "x"));
    assert_true(put_filter(3, ""));
    assert_true(put_filter(0, "11.0.0.99"));
    assert_true(put_filter(3, "xx"));
    assert_true(device_has_text(device, "/26887/0/11/0", "11.0.0.99"));
    assert_true(device_has_text(device, "/26887/0/11/2", text));
}

static void an_instance_takes_no_more_values_than_it_has_cells(void **state)
{
    (void)state;
    uint16_t place = 2;
    while (put_filter(place, ""))
        place++;
    struct lwm2m_instance *instance = lwm2m_model_instance(&device->objects[5], 0);
    assert_int_equal(instance->count, LWM2M_CELLS);
    assert_true(put_filter(0, "still"));
}

static void any_series_of_texts_leaves_the_last_ones_as_they_were_put(void **state)
{
    (void)state;
    enum { PLACES = 8, ROUNDS = 4000 };
    static char texts[PLACES][LWM2M_ARENA];
    uint32_t random = 1;
    for (int i = 0; i < PLACES; i++)
        assert_true(put_filter((uint16_t)i, ""));
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        uint16_t place = (uint16_t)((random >> 16) % PLACES);
        size_t length = (random >> 20) % 200;
        char text[LWM2M_ARENA];
        memset(text, 'a' + (int)((random >> 8) % 26), length);
        text[length] = '\0';
        if (put_filter(place, text))
            memcpy(texts[place], text, length + 1);
        for (int i = 0; i < PLACES; i++) {
            const struct lwm2m_value *value =
                lwm2m_model_get(&device->instances[5][0], PCP_CONTEXT_FILTERS, (uint16_t)i);
            assert_int_equal(value->as.data.length, strlen(texts[i]));
            assert_memory_equal(value->as.data.octets, texts[i], strlen(texts[i]));
        }
        assert_true(device_is_sound(device));
    }
}

/* --- reading -------------------------------------------------------------------------------- */

static void what_is_not_there_reads_as_what_the_reader_says(void **state)
{
    (void)state;
    const struct lwm2m_instance *server = lwm2m_model_instance(&device->objects[1], 0);
    char text[8];
    assert_int_equal(lwm2m_model_integer(server, 1, 86400), 300);
    assert_int_equal(lwm2m_model_integer(server, 3, 86400), 86400);
    assert_int_equal(lwm2m_model_integer(server, 7, 5), 5);
    assert_false(lwm2m_model_boolean(server, 6, true));
    assert_true(lwm2m_model_boolean(server, 1, true));
    assert_string_equal(lwm2m_model_text(server, 7, text, sizeof text), "U");
    assert_string_equal(lwm2m_model_text(server, 1, text, sizeof text), "");
    const struct lwm2m_instance *security = lwm2m_model_instance(&device->objects[0], 0);
    assert_string_equal(lwm2m_model_text(security, 0, text, sizeof text), "");
}

static void typing_is_that_of_the_definitions(void **state)
{
    (void)state;
    struct lwm2m_typing typing = lwm2m_model_typing(&device->model);
    const struct {
        const char *path;
        enum lwm2m_type type;
        bool multiple;
    } rows[] = {
        {"/1/0/1", LWM2M_TYPE_INTEGER, false}, {"/1/9/7", LWM2M_TYPE_STRING, false},
        {"/3/0/7", LWM2M_TYPE_INTEGER, true},  {"/3/0/7/1", LWM2M_TYPE_INTEGER, true},
        {"/3/0/4", LWM2M_TYPE_NONE, false},    {"/3/0/99", LWM2M_TYPE_NONE, false},
        {"/99/0/1", LWM2M_TYPE_NONE, false},   {"/1/0", LWM2M_TYPE_NONE, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct lwm2m_path path = device_path(rows[i].path);
        assert_int_equal(typing.type_of(typing.context, &path), rows[i].type);
        assert_int_equal(typing.is_multiple(typing.context, &path), rows[i].multiple);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_instance_gets_the_id_that_it_is_given, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_instance_without_an_id_gets_the_lowest_that_is_free,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(instances_are_walked_in_the_order_of_their_ids, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_removed_instance_leaves_nothing_to_the_next_in_its_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_changes_is_told_and_one_that_stays_is_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_of_another_type_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_time_is_put_as_an_integer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_put_where_there_is_no_instance_or_resource,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            instances_of_a_resource_stand_in_order_and_go_one_by_one_or_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_grows_or_shrinks_leaves_the_others_as_they_are,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_arena_takes_texts_until_it_is_full_and_again_after_one_went, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_takes_no_more_values_than_it_has_cells, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_series_of_texts_leaves_the_last_ones_as_they_were_put,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_reads_as_what_the_reader_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(typing_is_that_of_the_definitions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
