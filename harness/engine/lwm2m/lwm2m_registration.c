#include "engine/lwm2m/lwm2m_registration.h"

#include "engine/lwm2m/lwm2m_binding.h"
#include "wire/core_link.h"
#include "wire/utf8.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_LIFETIME = 86400 };

const uint32_t lwm2m_management_formats[LWM2M_MANAGEMENT_FORMATS] = {
    LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_SENML_JSON};

/* --- queries --------------------------------------------------------------------------------- */

/* Copies a text of at least one character. */
static bool copy_text(const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    if (length == 0 || length >= size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

bool lwm2m_endpoint_take(const char *text, char out[LWM2M_ENDPOINT_SIZE])
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return utf8_is_valid((const uint8_t *)text, strlen(text)) &&
           copy_text(text, out, LWM2M_ENDPOINT_SIZE);
}

static bool read_endpoint(const char *text, struct lwm2m_registration_wish *out)
{
    return lwm2m_endpoint_take(text, out->endpoint);
}

static bool read_lifetime(const char *text, struct lwm2m_registration_wish *out)
{
    uint64_t lifetime = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        lifetime = lifetime * 10 + (uint64_t)(*at - '0');
        if (lifetime > UINT32_MAX)
            return false;
    }
    out->has_lifetime = true;
    out->lifetime = (uint32_t)lifetime;
    return lifetime > 0;
}

/* MAJOR.MINOR. Some name the release of the specification, too, as in 1.0.2: it changes nothing of the protocol. */
static bool read_version(const char *text, struct lwm2m_registration_wish *out)
{
    if (!copy_text(text, out->version, sizeof out->version))
        return false;
    char *minor = strchr(out->version, '.');
    char *release = minor ? strchr(minor + 1, '.') : NULL;
    if (release && release[1] && !release[1 + strspn(release + 1, "0123456789")])
        *release = '\0';
    return true;
}

static bool read_binding(const char *text, struct lwm2m_registration_wish *out)
{
    out->has_binding = true;
    out->queue_mode |= strchr(text, 'Q') != NULL;
    return lwm2m_binding_is_known(text, strlen(text), true) &&
           copy_text(text, out->binding, sizeof out->binding);
}

static bool read_queue(const char *text, struct lwm2m_registration_wish *out)
{
    out->queue_mode = true;
    return !*text;
}

static const struct {
    const char *name; /* what the query begins with */
    const char *expected;
    bool (*read)(const char *text, struct lwm2m_registration_wish *out);
    bool in_updates;
} readers[] = {{"ep=", "a name of 1 to 63 octets without blanks", read_endpoint, false},
               {"lt=", "1 to 4294967295 seconds", read_lifetime, true},
               {"lwm2m=", "1.0 or 1.1", read_version, true},
               {"b=", "a binding such as U, UQ or S", read_binding, true},
               {"Q", "nothing behind it", read_queue, true}};

enum { READERS = sizeof readers / sizeof *readers };

static int read_queries(const char *const *queries, bool is_update,
                        struct lwm2m_registration_wish *out, struct error *error)
{
    bool seen[READERS] = {false};
    for (; queries && *queries; queries++) {
        for (size_t i = 0; i < READERS; i++) {
            size_t length = strlen(readers[i].name);
            if (strncmp(*queries, readers[i].name, length) != 0)
                continue;
            if (seen[i])
                return error_set(error, "%s came twice", readers[i].name);
            if (is_update && !readers[i].in_updates)
                return error_set(error, "%s: an update tells none", readers[i].name);
            if (!readers[i].read(*queries + length, out))
                return error_set(error, "%s: expected %s", readers[i].name, readers[i].expected);
            seen[i] = true;
        }
    }
    return 0;
}

/* --- links ----------------------------------------------------------------------------------- */

/* Keeps the lowest ids in order, each once. */
static void note_object(struct lwm2m_registration_wish *out, uint16_t id)
{
    uint16_t at = out->object_count;
    while (at > 0 && out->objects[at - 1] > id)
        at--;
    if ((at > 0 && out->objects[at - 1] == id) || at == LWM2M_REGISTRATION_OBJECTS)
        return;
    if (out->object_count < LWM2M_REGISTRATION_OBJECTS)
        out->object_count++;
    memmove(&out->objects[at + 1], &out->objects[at],
            (size_t)(out->object_count - at - 1) * sizeof *out->objects);
    out->objects[at] = id;
}

static void note_pcp_instance(struct lwm2m_registration_wish *out, uint16_t id)
{
    if (!out->has_pcp || id < out->pcp_instance)
        out->pcp_instance = id;
    out->has_pcp = true;
    if (out->pcp_instances < UINT16_MAX)
        out->pcp_instances++;
}

/* Is number among those of text, which are parted by blanks? */
static bool lists(const char *text, size_t length, uint32_t number)
{
    char wanted[12];
    size_t digits = (size_t)snprintf(wanted, sizeof wanted, "%lu", (unsigned long)number);
    for (size_t start = 0; start < length;) {
        const char *blank = memchr(text + start, ' ', length - start);
        size_t end = blank ? (size_t)(blank - text) : length;
        if (end - start == digits && memcmp(text + start, wanted, digits) == 0)
            return true;
        start = end + 1;
    }
    return false;
}

static void note_formats(struct lwm2m_registration_wish *out, const struct core_link *root)
{
    struct core_link_attribute listed;
    if (!core_link_attribute(root, "ct", &listed) || !listed.value)
        return;
    for (size_t i = LWM2M_MANAGEMENT_FORMATS; i > 0; i--)
        if (lists(listed.value, listed.value_length, lwm2m_management_formats[i - 1]))
            out->format = lwm2m_management_formats[i - 1];
}

static bool read_links(const char *text, size_t length, struct lwm2m_registration_wish *out)
{
    struct core_link link;
    size_t offset = 0;
    enum core_link_step step;
    while ((step = core_link_next(text, length, &offset, &link)) == CORE_LINK_FOUND) {
        struct lwm2m_path path;
        out->has_links = true;
        if (!lwm2m_path_read(link.target, link.target_length, &path) || path.depth > 2)
            continue;
        if (path.depth == 0) {
            note_formats(out, &link);
            continue;
        }
        note_object(out, path.id[0]);
        if (path.depth == 2 && path.id[0] == LWM2M_OBJECT_PCP_CONTEXT)
            note_pcp_instance(out, path.id[1]);
    }
    return step == CORE_LINK_END;
}

static enum lwm2m_code refuse(enum lwm2m_code code, struct error *error, const char *why)
{
    error_set(error, "%s", why);
    return code;
}

enum lwm2m_code lwm2m_registration_read(const char *const *queries, const uint8_t *payload,
                                        size_t length, bool is_update,
                                        struct lwm2m_registration_wish *out, struct error *error)
{
    *out = (struct lwm2m_registration_wish){.lifetime = DEFAULT_LIFETIME,
                                            .binding = "U",
                                            .version = "1.0",
                                            .format = lwm2m_management_formats[0]};
    if (read_queries(queries, is_update, out, error) < 0)
        return LWM2M_BAD_REQUEST;
    if (length && !read_links((const char *)payload, length, out))
        return refuse(LWM2M_BAD_REQUEST, error, "the payload: expected links (RFC 6690)");
    if (!is_update && !out->has_links)
        return refuse(LWM2M_BAD_REQUEST, error, "expected the links of the objects as payload");
    bool is_1_0 = strcmp(out->version, "1.0") == 0;
    if (!is_update && is_1_0 && !out->endpoint[0])
        return refuse(LWM2M_BAD_REQUEST, error, "expected the endpoint's name, as ep=NAME");
    if (!is_1_0 && strcmp(out->version, "1.1") != 0)
        return refuse(LWM2M_PRECONDITION, error, "lwm2m=: expected 1.0 or 1.1");
    return is_update ? LWM2M_CHANGED : LWM2M_CREATED;
}
