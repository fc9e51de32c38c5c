#include "engine/lwm2m/lwm2m_observe.h"

#include <math.h>

enum { SECOND = 1000 };

/* --- what a path is about -------------------------------------------------------------------- */

/* The value there, if it is one number. */
static bool number_at(const struct lwm2m_model *model, const struct lwm2m_path *path, double *out)
{
    const struct lwm2m_object *object =
        path->depth >= 3 ? lwm2m_model_object(model, path->id[0]) : NULL;
    const struct lwm2m_instance *instance =
        object ? lwm2m_model_instance(object, path->id[1]) : NULL;
    const struct lwm2m_resource_definition *resource =
        object ? lwm2m_definition_resource(object->definition, path->id[2]) : NULL;
    if (!instance || !resource || resource->multiple != (path->depth == 4))
        return false;
    const struct lwm2m_value *value =
        lwm2m_model_get(instance, path->id[2], path->depth == 4 ? path->id[3] : 0);
    if (!value)
        return false;
    switch (value->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_UNSIGNED:
    case LWM2M_TYPE_TIME:
        *out = (double)value->as.integer;
        return true;
    case LWM2M_TYPE_FLOAT:
        *out = value->as.real;
        return true;
    default:
        return false;
    }
}

/* --- notifying ------------------------------------------------------------------------------- */

/* LWM2M_OBSERVATIONS if there is none. */
static int find_index(const struct lwm2m_observations *observations, const struct lwm2m_path *path)
{
    int i = 0;
    while (i < LWM2M_OBSERVATIONS && !(observations->observations[i].used &&
                                       lwm2m_path_equal(&observations->observations[i].path, path)))
        i++;
    return i;
}

static void tell(struct lwm2m_observation *observation, const struct lwm2m_model *model,
                 uint64_t now)
{
    observation->told = now;
    observation->changed = false;
    observation->has_number = number_at(model, &observation->path, &observation->number);
}

bool lwm2m_observe_begin(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                         const struct lwm2m_path *path, uint64_t now)
{
    int index = find_index(observations, path);
    for (int i = 0; index == LWM2M_OBSERVATIONS && i < LWM2M_OBSERVATIONS; i++)
        if (!observations->observations[i].used)
            index = i;
    if (index == LWM2M_OBSERVATIONS)
        return false;
    struct lwm2m_observation *observation = &observations->observations[index];
    *observation = (struct lwm2m_observation){.used = true, .path = *path};
    tell(observation, model, now);
    return true;
}

bool lwm2m_observe_is_begun(const struct lwm2m_observations *observations,
                            const struct lwm2m_path *path)
{
    return find_index(observations, path) < LWM2M_OBSERVATIONS;
}

void lwm2m_observe_end(struct lwm2m_observations *observations, const struct lwm2m_path *path)
{
    int index = find_index(observations, path);
    if (index < LWM2M_OBSERVATIONS)
        observations->observations[index].used = false;
}

void lwm2m_observe_forget(struct lwm2m_observations *observations, const struct lwm2m_path *path)
{
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++)
        if (lwm2m_path_is_within(&observations->observations[i].path, path))
            observations->observations[i].used = false;
    for (int i = 0; i < LWM2M_ATTRIBUTE_SETS; i++)
        if (lwm2m_path_is_within(&observations->attributes[i].path, path))
            observations->attributes[i].used = false;
}

/* Is this number worth telling after the one that was told last? */
static bool passes(const struct lwm2m_attributes *attributes, double told, double number)
{
    bool over =
        attributes->given & LWM2M_GT && (told > attributes->gt) != (number > attributes->gt);
    bool under =
        attributes->given & LWM2M_LT && (told < attributes->lt) != (number < attributes->lt);
    bool steps = attributes->given & LWM2M_ST && fabs(number - told) >= attributes->st;
    return over || under || steps;
}

void lwm2m_observe_changed(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                           const struct lwm2m_path *path)
{
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        struct lwm2m_observation *observation = &observations->observations[i];
        if (!observation->used || (!lwm2m_path_is_within(path, &observation->path) &&
                                   !lwm2m_path_is_within(&observation->path, path)))
            continue;
        struct lwm2m_attributes attributes =
            lwm2m_observe_attributes(observations, &observation->path);
        double number = 0;
        bool is_judged = attributes.given & (LWM2M_GT | LWM2M_LT | LWM2M_ST) &&
                         observation->has_number && number_at(model, &observation->path, &number);
        if (!is_judged || passes(&attributes, observation->number, number))
            observation->changed = true;
    }
}

/* ms when an observation is to be notified next, UINT64_MAX for never. A longest pause that is shorter than the
 * shortest says nothing. */
static uint64_t due_at(const struct lwm2m_observations *observations,
                       const struct lwm2m_observation *observation)
{
    struct lwm2m_attributes attributes = lwm2m_observe_attributes(observations, &observation->path);
    uint64_t pmin = attributes.given & LWM2M_PMIN ? attributes.pmin : observations->default_pmin;
    uint64_t pmax = attributes.given & LWM2M_PMAX ? attributes.pmax : observations->default_pmax;
    if (observation->changed)
        return observation->told + pmin * SECOND;
    return pmax && pmax >= pmin ? observation->told + pmax * SECOND : UINT64_MAX;
}

bool lwm2m_observe_due(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                       uint64_t now, struct lwm2m_path *out)
{
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        struct lwm2m_observation *observation = &observations->observations[i];
        if (!observation->used || due_at(observations, observation) > now)
            continue;
        tell(observation, model, now);
        *out = observation->path;
        return true;
    }
    return false;
}

uint64_t lwm2m_observe_wait(const struct lwm2m_observations *observations, uint64_t now)
{
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        const struct lwm2m_observation *observation = &observations->observations[i];
        uint64_t due = observation->used ? due_at(observations, observation) : UINT64_MAX;
        if (due < first)
            first = due;
    }
    if (first == UINT64_MAX)
        return UINT64_MAX;
    return first > now ? first - now : 0;
}
