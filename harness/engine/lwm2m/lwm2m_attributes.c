/* The attributes pmin, pmax, gt, lt and st of paths: written, and inherited. */
#include "engine/lwm2m/lwm2m_observe.h"

#include "wire/decimal.h"

#include <string.h>

/* --- reading --------------------------------------------------------------------------------- */

static bool read_period(const char *text, uint32_t *out)
{
    int64_t number;
    if (!decimal_read_integer(text, strlen(text), &number) || number < 0 || number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool read_pmin(const char *text, struct lwm2m_attributes *set)
{
    return read_period(text, &set->pmin);
}

static bool read_pmax(const char *text, struct lwm2m_attributes *set)
{
    return read_period(text, &set->pmax);
}

static bool read_gt(const char *text, struct lwm2m_attributes *set)
{
    return decimal_read_real(text, strlen(text), &set->gt);
}

static bool read_lt(const char *text, struct lwm2m_attributes *set)
{
    return decimal_read_real(text, strlen(text), &set->lt);
}

static bool read_st(const char *text, struct lwm2m_attributes *set)
{
    return decimal_read_real(text, strlen(text), &set->st) && set->st >= 0;
}

static const struct {
    const char *name;
    bool (*read)(const char *text, struct lwm2m_attributes *set);
    enum lwm2m_attribute attribute;
    bool of_numbers; /* may stand on a single number only */
} kinds[] = {
    {"pmin", read_pmin, LWM2M_PMIN, false}, {"pmax", read_pmax, LWM2M_PMAX, false},
    {"gt", read_gt, LWM2M_GT, true},        {"lt", read_lt, LWM2M_LT, true},
    {"st", read_st, LWM2M_ST, true},
};

static bool is_number(const struct lwm2m_model *model, const struct lwm2m_path *path)
{
    const struct lwm2m_object *object =
        path->depth >= 3 ? lwm2m_model_object(model, path->id[0]) : NULL;
    const struct lwm2m_resource_definition *resource =
        object ? lwm2m_definition_resource(object->definition, path->id[2]) : NULL;
    return resource && resource->multiple == (path->depth == 4) &&
           (resource->type == LWM2M_TYPE_INTEGER || resource->type == LWM2M_TYPE_UNSIGNED ||
            resource->type == LWM2M_TYPE_FLOAT || resource->type == LWM2M_TYPE_TIME);
}

/* One query: "name=value" sets, "name" takes away. */
static bool read_query(const char *query, bool of_number, struct lwm2m_attributes *set)
{
    size_t length = strcspn(query, "=");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].name) != length || memcmp(kinds[i].name, query, length) != 0)
            continue;
        if (!query[length]) {
            set->given &= (uint8_t)~kinds[i].attribute;
            return true;
        }
        set->given |= (uint8_t)kinds[i].attribute;
        return (of_number || !kinds[i].of_numbers) && kinds[i].read(query + length + 1, set);
    }
    return false;
}

/* --- sets ------------------------------------------------------------------------------------ */

static bool gives(const struct lwm2m_attributes *set, int attributes)
{
    return (set->given & attributes) == attributes;
}

/* A pmax of 0 is none. */
static bool agrees(const struct lwm2m_attributes *set)
{
    if (gives(set, LWM2M_PMIN | LWM2M_PMAX) && set->pmax && set->pmin > set->pmax)
        return false;
    double steps = gives(set, LWM2M_ST) ? 2 * set->st : 0;
    return !gives(set, LWM2M_LT | LWM2M_GT) || set->lt + steps < set->gt;
}

static void inherit(struct lwm2m_attributes *set, const struct lwm2m_attributes *above)
{
    uint8_t missing = above->given & (uint8_t)~set->given;
    set->given |= missing;
    if (missing & LWM2M_PMIN)
        set->pmin = above->pmin;
    if (missing & LWM2M_PMAX)
        set->pmax = above->pmax;
    if (missing & LWM2M_GT)
        set->gt = above->gt;
    if (missing & LWM2M_LT)
        set->lt = above->lt;
    if (missing & LWM2M_ST)
        set->st = above->st;
}

static const struct lwm2m_attributes *set_of(const struct lwm2m_observations *observations,
                                             const struct lwm2m_path *path)
{
    for (int i = 0; i < LWM2M_ATTRIBUTE_SETS; i++)
        if (observations->attributes[i].used &&
            lwm2m_path_equal(&observations->attributes[i].path, path))
            return &observations->attributes[i];
    return NULL;
}

static void inherit_all(const struct lwm2m_observations *observations, struct lwm2m_attributes *set,
                        uint8_t depth)
{
    struct lwm2m_path path = set->path;
    for (path.depth = depth; path.depth > 0; path.depth--) {
        const struct lwm2m_attributes *above = set_of(observations, &path);
        if (above)
            inherit(set, above);
    }
}

struct lwm2m_attributes lwm2m_observe_attributes(const struct lwm2m_observations *observations,
                                                 const struct lwm2m_path *path)
{
    struct lwm2m_attributes set = {.used = true, .path = *path};
    inherit_all(observations, &set, path->depth);
    return set;
}

/* Puts set where that of its path is, or where there is room; one that gives nothing takes none. */
static bool keep(struct lwm2m_observations *observations, const struct lwm2m_attributes *set)
{
    struct lwm2m_attributes *place = NULL;
    for (int i = LWM2M_ATTRIBUTE_SETS - 1; i >= 0; i--) {
        struct lwm2m_attributes *other = &observations->attributes[i];
        bool is_same = other->used && lwm2m_path_equal(&other->path, &set->path);
        if (is_same || (!other->used && !(place && place->used)))
            place = other;
    }
    if (!place)
        return !set->given;
    *place = *set;
    place->used = set->given != 0;
    return true;
}

enum lwm2m_code lwm2m_observe_write(struct lwm2m_observations *observations,
                                    const struct lwm2m_model *model, const struct lwm2m_path *path,
                                    const char *const *queries)
{
    const struct lwm2m_attributes *before = set_of(observations, path);
    struct lwm2m_attributes set = {.path = *path};
    if (before)
        set = *before;
    if (path->depth < 1)
        return LWM2M_BAD_REQUEST;
    bool of_number = is_number(model, path);
    for (; queries && *queries; queries++)
        if (!read_query(*queries, of_number, &set))
            return LWM2M_BAD_REQUEST;
    struct lwm2m_attributes all = set;
    inherit_all(observations, &all, (uint8_t)(path->depth - 1));
    if (!agrees(&all))
        return LWM2M_BAD_REQUEST;
    return keep(observations, &set) ? LWM2M_CHANGED : LWM2M_INTERNAL_ERROR;
}
