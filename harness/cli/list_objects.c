#include "cli/list_objects.h"

#include "cli/verbs.h"
#include "engine/lwm2m/lwm2m_definition.h"

#include <jansson.h>
#include <stdio.h>

/* The words of OMA's object definition files, so that a table can be laid beside one. */
static const char *type_word(enum lwm2m_type type)
{
    static const char *const words[] = {
        [LWM2M_TYPE_NONE] = "",           [LWM2M_TYPE_STRING] = "String",
        [LWM2M_TYPE_INTEGER] = "Integer", [LWM2M_TYPE_UNSIGNED] = "Unsigned Integer",
        [LWM2M_TYPE_FLOAT] = "Float",     [LWM2M_TYPE_BOOLEAN] = "Boolean",
        [LWM2M_TYPE_OPAQUE] = "Opaque",   [LWM2M_TYPE_TIME] = "Time",
        [LWM2M_TYPE_LINK] = "Objlnk",     [LWM2M_TYPE_CORELINK] = "Corelnk",
    };
    return words[type];
}

static const char *operations_word(uint8_t operations)
{
    static const char *const words[] = {"", "R", "W", "RW", "E"};
    return words[operations % (sizeof words / sizeof *words)];
}

static bool is_bounded(const struct lwm2m_resource_definition *resource)
{
    return resource->minimum != 0 || resource->maximum != 0;
}

/* --- for machines --------------------------------------------------------------------------- */

static json_t *bound_json(const struct lwm2m_resource_definition *resource, int64_t bound)
{
    return is_bounded(resource) ? json_integer(bound) : json_null();
}

static json_t *resource_json(const struct lwm2m_resource_definition *resource)
{
    return json_pack("{s:i,s:s,s:s,s:b,s:b,s:s,s:s,s:o,s:o,s:s}", "id", (int)resource->id, "name",
                     resource->name, "operations", operations_word(resource->operations),
                     "multiple", resource->multiple, "mandatory", resource->mandatory, "type",
                     type_word(resource->type), "range", resource->range, "minimum",
                     bound_json(resource, resource->minimum), "maximum",
                     bound_json(resource, resource->maximum), "units", resource->units);
}

static json_t *object_json(const struct lwm2m_object_definition *object)
{
    json_t *resources = json_array();
    for (uint16_t i = 0; i < object->count; i++)
        json_array_append_new(resources, resource_json(&object->resources[i]));
    return json_pack("{s:i,s:s,s:s,s:b,s:b,s:o}", "id", (int)object->id, "name", object->name,
                     "version", object->version, "multiple", object->multiple, "mandatory",
                     object->mandatory, "resources", resources);
}

/* --- for people ----------------------------------------------------------------------------- */

static void show_object(const struct lwm2m_object_definition *object)
{
    (void)printf("/%u %s, version %s, %s\n", object->id, object->name, object->version,
                 object->multiple ? "any number of instances" : "one instance");
    for (uint16_t i = 0; i < object->count; i++) {
        const struct lwm2m_resource_definition *resource = &object->resources[i];
        (void)printf("    %-5u %-2s %-16s %s%s%s%s%s%s\n", resource->id,
                     operations_word(resource->operations), type_word(resource->type),
                     resource->name, resource->multiple ? ", multiple" : "",
                     *resource->range ? ", " : "", resource->range, *resource->units ? " " : "",
                     resource->units);
    }
}

/* -------------------------------------------------------------------------------------------- */

int list_objects(bool json)
{
    json_t *array = json_array();
    for (size_t i = 0; lwm2m_objects[i]; i++) {
        if (json)
            json_array_append_new(array, object_json(lwm2m_objects[i]));
        else
            show_object(lwm2m_objects[i]);
    }
    int failed = (json && (json_dumpf(array, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1)) != 0 ||
                           putchar('\n') == EOF)) ||
                 fflush(stdout) != 0;
    json_decref(array);
    return failed ? EXIT_HARNESS : EXIT_GOOD;
}
