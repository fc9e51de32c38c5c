/* Registrations from anyone: queries, each ended by a NUL, and links behind an empty one. What is taken is whole and
 * bounded, and a small table of devices that come, are updated and end agrees with itself. */
#include "engine/lwm2m/lwm2m_registry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { QUERIES = 12, CAPACITY = 4 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static bool is_ended(const char *text, size_t size)
{
    return strnlen(text, size) < size;
}

static void require_whole(const struct lwm2m_registration_wish *wish, bool is_update)
{
    require(is_ended(wish->endpoint, sizeof wish->endpoint));
    require(is_ended(wish->binding, sizeof wish->binding) && wish->binding[0]);
    require(!strcmp(wish->version, "1.0") || !strcmp(wish->version, "1.1"));
    require(wish->lifetime > 0);
    require(is_update ? !wish->endpoint[0] : wish->has_links);
    require(is_update || wish->endpoint[0] || !strcmp(wish->version, "1.1"));
    require(wish->format == LWM2M_FORMAT_TLV || wish->format == LWM2M_FORMAT_SENML_CBOR ||
            wish->format == LWM2M_FORMAT_SENML_JSON);
    require(wish->object_count <= LWM2M_REGISTRATION_OBJECTS);
    for (uint16_t i = 1; i < wish->object_count; i++)
        require(wish->objects[i - 1] < wish->objects[i]);
    require(wish->has_pcp == (wish->pcp_instances > 0));
}

static void register_it(struct lwm2m_registry *registry, uint64_t now,
                        const struct lwm2m_registration_wish *wish)
{
    struct lwm2m_registration gone;
    bool was_known = lwm2m_registry_find_name(registry, wish->endpoint) != NULL;
    struct lwm2m_registration *added = lwm2m_registry_add(registry, now, wish, 1, &gone);
    require(was_known == (gone.number != 0));
    require(added || (!was_known && lwm2m_registry_count(registry) == CAPACITY));
    if (!added)
        return;
    require(lwm2m_registry_find(registry, added->number) == added);
    require(lwm2m_registry_find_name(registry, wish->endpoint) == added);
    require(added->expiry > now);
}

static void update_all(struct lwm2m_registry *registry, uint64_t now,
                       const struct lwm2m_registration_wish *wish)
{
    bool end = false;
    for (uint32_t index = 0; !end; index++) {
        struct lwm2m_registration *registration = lwm2m_registry_at(registry, index, &end);
        if (registration)
            lwm2m_registry_update(registry, registration, now, wish);
    }
}

/* One message: its queries, an empty one, its links, ended by an octet 0xff or the input. Returns the rest. */
static size_t message(struct lwm2m_registry *registry, uint64_t now, const uint8_t *octets,
                      size_t length)
{
    char texts[QUERIES][128] = {{0}};
    const char *queries[QUERIES + 1] = {NULL};
    bool is_update = length && octets[0] == 'u';
    size_t used = is_update;
    for (size_t count = 0; count < QUERIES; count++) {
        size_t size = 0;
        while (used < length && octets[used] && size < sizeof texts[count] - 1)
            texts[count][size++] = (char)octets[used++];
        used += used < length && !octets[used];
        if (!size)
            break;
        queries[count] = texts[count];
    }
    const uint8_t *end = used < length ? memchr(octets + used, 0xff, length - used) : NULL;
    size_t links = (end ? (size_t)(end - octets) : length) - used;
    uint8_t *exact = malloc(links ? links : 1);
    require(exact != NULL);
    if (links)
        memcpy(exact, octets + used, links);
    struct lwm2m_registration_wish wish;
    struct error error = {0};
    enum lwm2m_code code = lwm2m_registration_read(queries, exact, links, is_update, &wish, &error);
    free(exact);
    if (code == LWM2M_CREATED || code == LWM2M_CHANGED) {
        require(is_update == (code == LWM2M_CHANGED));
        require_whole(&wish, is_update);
        if (is_update)
            update_all(registry, now, &wish);
        else if (wish.endpoint[0])
            register_it(registry, now, &wish);
    } else {
        require(code == LWM2M_BAD_REQUEST || code == LWM2M_PRECONDITION);
    }
    return used + links + (end ? 1 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    void *memory = calloc(1, lwm2m_registry_size(CAPACITY));
    require(memory != NULL);
    struct lwm2m_registry *registry = lwm2m_registry_place(memory, CAPACITY, 0x5eed);
    uint64_t now = 0;
    while (length) {
        size_t used = message(registry, now, octets, length);
        octets += used;
        length -= used;
        now += 1000;
    }
    struct lwm2m_registration expired;
    uint64_t last = 0;
    for (uint32_t left = lwm2m_registry_count(registry); left; left--) {
        require(lwm2m_registry_expire(registry, UINT64_MAX - 1, &expired));
        require(expired.expiry >= last);
        last = expired.expiry;
    }
    require(lwm2m_registry_wait(registry, 0) == UINT64_MAX);
    free(memory);
    return 0;
}
