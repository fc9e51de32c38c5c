/* The tables of LwM2M objects: their order, what they say of types, and the deck's resources among them. */
#include "engine/lwm2m/lwm2m_definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct lwm2m_path path_of(uint8_t depth, uint16_t object, uint16_t resource)
{
    return (struct lwm2m_path){.depth = depth, .id = {object, 0, resource, 0}};
}

static enum lwm2m_type type_at(uint8_t depth, uint16_t object, uint16_t resource)
{
    struct lwm2m_path path = path_of(depth, object, resource);
    return lwm2m_typing_of_registry.type_of(lwm2m_typing_of_registry.context, &path);
}

static bool multiple_at(uint16_t object, uint16_t resource)
{
    struct lwm2m_path path = path_of(3, object, resource);
    return lwm2m_typing_of_registry.is_multiple(lwm2m_typing_of_registry.context, &path);
}

static void ids_ascend_in_every_table(void **state)
{
    (void)state;
    for (size_t i = 0; lwm2m_objects[i]; i++) {
        const struct lwm2m_object_definition *object = lwm2m_objects[i];
        assert_true(i == 0 || lwm2m_objects[i - 1]->id < object->id);
        for (uint16_t k = 1; k < object->count; k++)
            assert_true(object->resources[k - 1].id < object->resources[k].id);
    }
}

static void every_resource_is_found_by_its_id_and_no_other_is(void **state)
{
    (void)state;
    for (size_t i = 0; lwm2m_objects[i]; i++) {
        const struct lwm2m_object_definition *object = lwm2m_objects[i];
        for (uint16_t k = 0; k < object->count; k++)
            assert_ptr_equal(lwm2m_definition_resource(object, object->resources[k].id),
                             &object->resources[k]);
        assert_null(lwm2m_definition_resource(object, 4711));
        assert_null(lwm2m_definition_resource(object, LWM2M_ID_RESERVED));
    }
}

static void only_what_is_executed_has_no_type(void **state)
{
    (void)state;
    for (size_t i = 0; lwm2m_objects[i]; i++)
        for (uint16_t k = 0; k < lwm2m_objects[i]->count; k++) {
            const struct lwm2m_resource_definition *resource = &lwm2m_objects[i]->resources[k];
            assert_int_equal(resource->type == LWM2M_TYPE_NONE,
                             resource->operations == LWM2M_EXECUTE);
            assert_true(resource->minimum <= resource->maximum);
        }
}

static void object_security_gives_management_servers_no_operation(void **state)
{
    (void)state;
    for (uint16_t k = 0; k < lwm2m_object_security.count; k++)
        assert_int_equal(lwm2m_object_security.resources[k].operations, 0);
}

static void object_server_of_1_0_has_none_of_what_1_1_added(void **state)
{
    (void)state;
    enum { UPDATE_TRIGGER = 8, BOOTSTRAP_TRIGGER = 9, ALERT_CODE = 11 /* which nobody knows */ };
    const uint16_t mute_send = 23;
    assert_string_equal(lwm2m_object_server.version, "1.0");
    assert_string_equal(lwm2m_object_server_1_1.version, "1.1");
    for (uint16_t id = 0; id <= mute_send; id++) {
        assert_int_equal(lwm2m_definition_resource(&lwm2m_object_server_1_1, id) != NULL,
                         id != ALERT_CODE);
        assert_int_equal(lwm2m_definition_resource(&lwm2m_object_server, id) != NULL,
                         id <= UPDATE_TRIGGER);
    }
    assert_int_equal(
        lwm2m_definition_resource(&lwm2m_object_server_1_1, BOOTSTRAP_TRIGGER)->operations,
        LWM2M_EXECUTE);
    assert_int_equal(type_at(3, 1, mute_send), LWM2M_TYPE_BOOLEAN);
}

static void the_decks_resources_have_the_decks_operations(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_pcp_resource id;
        uint8_t operations;
    } deck[] = {
        {PCP_CONTEXT_LIFETIME, LWM2M_READ | LWM2M_WRITE},
        {PCP_CONTEXT_REQUEST, LWM2M_EXECUTE},
        {PCP_CONTEXT_STATUS, LWM2M_READ},
        {PCP_CONTEXT_VERSION, LWM2M_READ},
    };
    for (size_t i = 0; i < sizeof deck / sizeof deck[0]; i++) {
        const struct lwm2m_resource_definition *resource =
            lwm2m_definition_resource(&lwm2m_object_pcp_context, deck[i].id);
        assert_non_null(resource);
        assert_int_equal(resource->operations, deck[i].operations);
        assert_true(resource->mandatory);
    }
}

static void the_registry_types_what_it_knows_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(type_at(3, 3303, 5700), LWM2M_TYPE_FLOAT);
    assert_int_equal(type_at(4, 3, 6), LWM2M_TYPE_INTEGER);
    assert_int_equal(type_at(3, LWM2M_OBJECT_PCP_CONTEXT, PCP_CONTEXT_EXPIRY), LWM2M_TYPE_TIME);
    assert_int_equal(type_at(3, 3, 99), LWM2M_TYPE_NONE);    /* no such resource */
    assert_int_equal(type_at(3, 31024, 0), LWM2M_TYPE_NONE); /* no such object */
    assert_int_equal(type_at(2, 3, 0), LWM2M_TYPE_NONE);     /* an instance */
    assert_true(multiple_at(3, 6));
    assert_true(multiple_at(LWM2M_OBJECT_PCP_CONTEXT, PCP_CONTEXT_FILTERS));
    assert_false(multiple_at(3, 0));
    assert_false(multiple_at(31024, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_ascend_in_every_table),
        cmocka_unit_test(every_resource_is_found_by_its_id_and_no_other_is),
        cmocka_unit_test(only_what_is_executed_has_no_type),
        cmocka_unit_test(object_security_gives_management_servers_no_operation),
        cmocka_unit_test(object_server_of_1_0_has_none_of_what_1_1_added),
        cmocka_unit_test(the_decks_resources_have_the_decks_operations),
        cmocka_unit_test(the_registry_types_what_it_knows_and_nothing_else),
    };
    return cmocka_run_group_tests_name("LwM2M objects", tests, NULL, NULL);
}
