/* The table of registrations. One piece of memory holds
 *
 *   registry | registrations | heads by name | heads by number | the three arrays of the heap
 *
 * Chains and heads are indices from 1 on, so that zeroed memory is an empty table. */
#include "engine/lwm2m/lwm2m_registry.h"

#include "engine/pcp_server_hash.h"
#include "engine/pcp_server_heap.h"

#include <string.h>

enum { SECOND = 1000, NAME_WORDS = LWM2M_ENDPOINT_SIZE / 8 };

struct lwm2m_registry {
    uint64_t key[2];
    uint32_t capacity;
    uint32_t
        used; /* of the registrations, those that ever were; free ones among them are chained */
    uint32_t free; /* index from 1 on, 0 for none */
    uint32_t mask; /* of the heads, whose number is a power of two */
    struct lwm2m_registration *registrations;
    uint32_t *by_name;
    uint32_t *by_number;
    struct pcp_server_heap expiries;
};

/* --- memory ---------------------------------------------------------------------------------- */

static size_t heads(uint32_t capacity)
{
    size_t count = 1;
    while (count < capacity)
        count *= 2;
    return count;
}

size_t lwm2m_registry_size(uint32_t capacity)
{
    return sizeof(struct lwm2m_registry) + capacity * sizeof(struct lwm2m_registration) +
           capacity * sizeof(uint64_t) + 2 * heads(capacity) * sizeof(uint32_t) +
           2 * (size_t)capacity * sizeof(uint32_t);
}

struct lwm2m_registry *lwm2m_registry_place(void *memory, uint32_t capacity, uint64_t key)
{
    struct lwm2m_registry *registry = memory;
    registry->key[0] = key;
    registry->key[1] = ~key;
    registry->capacity = capacity;
    registry->mask = (uint32_t)(heads(capacity) - 1);
    registry->registrations = (struct lwm2m_registration *)(registry + 1);
    registry->expiries.deadline = (uint64_t *)(registry->registrations + capacity);
    registry->expiries.thing = (uint32_t *)(registry->expiries.deadline + capacity);
    registry->expiries.place = registry->expiries.thing + capacity;
    registry->by_name = registry->expiries.place + capacity;
    registry->by_number = registry->by_name + registry->mask + 1;
    return registry;
}

/* --- the two tables -------------------------------------------------------------------------- */

static uint32_t *head_of_name(struct lwm2m_registry *registry, const char *endpoint)
{
    uint64_t words[NAME_WORDS] = {0};
    memcpy(words, endpoint, strnlen(endpoint, LWM2M_ENDPOINT_SIZE));
    return &registry->by_name[pcp_server_hash(registry->key, words, NAME_WORDS) & registry->mask];
}

/* Numbers are random as they are. */
static uint32_t *head_of_number(struct lwm2m_registry *registry, uint64_t number)
{
    return &registry->by_number[number & registry->mask];
}

static struct lwm2m_registration *at(struct lwm2m_registry *registry, uint32_t index)
{
    return index ? &registry->registrations[index - 1] : NULL;
}

static uint32_t index_of(const struct lwm2m_registry *registry,
                         const struct lwm2m_registration *registration)
{
    return (uint32_t)(registration - registry->registrations) + 1;
}

struct lwm2m_registration *lwm2m_registry_find(struct lwm2m_registry *registry, uint64_t number)
{
    if (!number)
        return NULL;
    struct lwm2m_registration *found = at(registry, *head_of_number(registry, number));
    while (found && found->number != number)
        found = at(registry, found->next_by_number);
    return found;
}

struct lwm2m_registration *lwm2m_registry_find_name(struct lwm2m_registry *registry,
                                                    const char *endpoint)
{
    if (strnlen(endpoint, LWM2M_ENDPOINT_SIZE) == LWM2M_ENDPOINT_SIZE)
        return NULL;
    struct lwm2m_registration *found = at(registry, *head_of_name(registry, endpoint));
    while (found && strcmp(found->endpoint, endpoint) != 0)
        found = at(registry, found->next_by_name);
    return found;
}

static void chain(struct lwm2m_registry *registry, struct lwm2m_registration *registration)
{
    uint32_t index = index_of(registry, registration);
    uint32_t *name = head_of_name(registry, registration->endpoint);
    uint32_t *number = head_of_number(registry, registration->number);
    registration->next_by_name = *name;
    *name = index;
    registration->next_by_number = *number;
    *number = index;
}

static void unchain(struct lwm2m_registry *registry, struct lwm2m_registration *registration)
{
    uint32_t index = index_of(registry, registration);
    uint32_t *name = head_of_name(registry, registration->endpoint);
    uint32_t *number = head_of_number(registry, registration->number);
    while (*name != index)
        name = &at(registry, *name)->next_by_name;
    *name = registration->next_by_name;
    while (*number != index)
        number = &at(registry, *number)->next_by_number;
    *number = registration->next_by_number;
}

/* --- coming and going ------------------------------------------------------------------------ */

static struct lwm2m_registration *take(struct lwm2m_registry *registry)
{
    struct lwm2m_registration *taken = at(registry, registry->free);
    if (taken)
        registry->free = taken->next_by_name;
    else if (registry->used < registry->capacity)
        taken = at(registry, ++registry->used);
    return taken;
}

static uint64_t free_number(struct lwm2m_registry *registry, uint64_t random)
{
    while (!random || lwm2m_registry_find(registry, random))
        random++;
    return random;
}

/* Queue mode is a letter of the binding in 1.0; in 1.1 no update takes it away. */
static void apply(struct lwm2m_registration *registration, uint64_t now,
                  const struct lwm2m_registration_wish *wish)
{
    if (wish->has_lifetime)
        registration->lifetime = wish->lifetime;
    if (wish->has_binding) {
        memcpy(registration->binding, wish->binding, sizeof registration->binding);
        if (!strcmp(registration->version, "1.0"))
            registration->queue_mode = false;
    }
    registration->queue_mode |= wish->queue_mode;
    if (wish->has_links) {
        registration->has_pcp = wish->has_pcp;
        registration->pcp_instance = wish->pcp_instance;
        registration->format = wish->format;
    }
    registration->expiry = now + (uint64_t)registration->lifetime * SECOND;
}

struct lwm2m_registration *lwm2m_registry_add(struct lwm2m_registry *registry, uint64_t now,
                                              const struct lwm2m_registration_wish *wish,
                                              uint64_t random, struct lwm2m_registration *replaced)
{
    struct lwm2m_registration *old = lwm2m_registry_find_name(registry, wish->endpoint);
    *replaced = old ? *old : (struct lwm2m_registration){0};
    if (old)
        lwm2m_registry_remove(registry, old);
    struct lwm2m_registration *added = take(registry);
    if (!added)
        return NULL;
    uint64_t number = free_number(registry, random);
    if (number == replaced->number)
        number = free_number(registry, number + 1);
    *added = (struct lwm2m_registration){.number = number, .lifetime = wish->lifetime};
    memcpy(added->endpoint, wish->endpoint, sizeof added->endpoint);
    memcpy(added->binding, wish->binding, sizeof added->binding);
    memcpy(added->version, wish->version, sizeof added->version);
    apply(added, now, wish);
    chain(registry, added);
    pcp_server_heap_add(&registry->expiries, index_of(registry, added) - 1, added->expiry);
    return added;
}

void lwm2m_registry_update(struct lwm2m_registry *registry, struct lwm2m_registration *registration,
                           uint64_t now, const struct lwm2m_registration_wish *wish)
{
    apply(registration, now, wish);
    pcp_server_heap_move(&registry->expiries, index_of(registry, registration) - 1,
                         registration->expiry);
}

void lwm2m_registry_remove(struct lwm2m_registry *registry, struct lwm2m_registration *registration)
{
    unchain(registry, registration);
    pcp_server_heap_remove(&registry->expiries, index_of(registry, registration) - 1);
    registration->number = 0;
    registration->next_by_name = registry->free;
    registry->free = index_of(registry, registration);
}

bool lwm2m_registry_expire(struct lwm2m_registry *registry, uint64_t now,
                           struct lwm2m_registration *expired)
{
    if (pcp_server_heap_first(&registry->expiries) > now || !registry->expiries.count)
        return false;
    struct lwm2m_registration *first = &registry->registrations[registry->expiries.thing[0]];
    *expired = *first;
    lwm2m_registry_remove(registry, first);
    return true;
}

uint64_t lwm2m_registry_wait(const struct lwm2m_registry *registry, uint64_t now)
{
    uint64_t first = pcp_server_heap_first(&registry->expiries);
    if (first == UINT64_MAX)
        return UINT64_MAX;
    return first > now ? first - now : 0;
}

uint32_t lwm2m_registry_count(const struct lwm2m_registry *registry)
{
    return registry->expiries.count;
}

struct lwm2m_registration *lwm2m_registry_at(struct lwm2m_registry *registry, uint32_t index,
                                             bool *end)
{
    *end = index >= registry->used;
    if (*end || !registry->registrations[index].number)
        return NULL;
    return &registry->registrations[index];
}
