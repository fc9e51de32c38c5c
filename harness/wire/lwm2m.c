#include "wire/lwm2m.h"

#include "wire/names.h"

#include <stdio.h>
#include <string.h>

/* --- paths ----------------------------------------------------------------------------------- */

/* Reads an identifier at *at, up to a slash or the end. */
static bool read_id(const char *text, size_t length, size_t *at, uint16_t *out)
{
    size_t begin = *at;
    uint32_t id = 0;
    for (; *at < length && text[*at] != '/'; (*at)++) {
        if (text[*at] < '0' || text[*at] > '9')
            return false;
        id = id * 10 + (uint32_t)(text[*at] - '0');
        if (id >= LWM2M_ID_RESERVED)
            return false;
    }
    *out = (uint16_t)id;
    return *at == begin + 1 || (*at > begin && text[begin] != '0');
}

bool lwm2m_path_read(const char *text, size_t length, struct lwm2m_path *out)
{
    *out = (struct lwm2m_path){0};
    size_t at = length > 0 && text[0] == '/' ? 1 : 0;
    if (at == length)
        return true;
    for (;;) {
        if (out->depth == LWM2M_PATH_DEPTH || !read_id(text, length, &at, &out->id[out->depth]))
            return false;
        out->depth++;
        if (at == length)
            return true;
        at++; /* over the slash */
    }
}

const char *lwm2m_path_text(const struct lwm2m_path *path, char text[LWM2M_PATH_TEXT_SIZE])
{
    size_t used = 0;
    (void)snprintf(text, LWM2M_PATH_TEXT_SIZE, "/");
    for (uint8_t i = 0; i < path->depth && i < LWM2M_PATH_DEPTH; i++)
        used += (size_t)snprintf(text + used, LWM2M_PATH_TEXT_SIZE - used, "/%u", path->id[i]);
    return text;
}

struct lwm2m_path lwm2m_path_child(const struct lwm2m_path *path, uint16_t id)
{
    struct lwm2m_path child = *path;
    if (child.depth < LWM2M_PATH_DEPTH)
        child.id[child.depth++] = id;
    return child;
}

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    return a->depth == b->depth && lwm2m_path_is_within(a, b);
}

bool lwm2m_path_is_within(const struct lwm2m_path *path, const struct lwm2m_path *above)
{
    return path->depth >= above->depth &&
           memcmp(path->id, above->id, above->depth * sizeof path->id[0]) == 0;
}

/* --- names ----------------------------------------------------------------------------------- */

static const struct {
    uint32_t format;
    const char *name;
} format_names[] = {
    {LWM2M_FORMAT_TEXT, "text"},
    {LWM2M_FORMAT_LINK, "link"},
    {LWM2M_FORMAT_OPAQUE, "opaque"},
    {LWM2M_FORMAT_CBOR, "cbor"},
    {LWM2M_FORMAT_SENML_JSON, "senml-json"},
    {LWM2M_FORMAT_SENML_CBOR, "senml-cbor"},
    {LWM2M_FORMAT_TLV, "tlv"},
    {LWM2M_FORMAT_JSON, "json"},
};

static const char *const type_names[] = {
    [LWM2M_TYPE_NONE] = "none",        [LWM2M_TYPE_STRING] = "string",
    [LWM2M_TYPE_INTEGER] = "integer",  [LWM2M_TYPE_UNSIGNED] = "unsigned integer",
    [LWM2M_TYPE_FLOAT] = "float",      [LWM2M_TYPE_BOOLEAN] = "boolean",
    [LWM2M_TYPE_OPAQUE] = "opaque",    [LWM2M_TYPE_TIME] = "time",
    [LWM2M_TYPE_LINK] = "object link", [LWM2M_TYPE_CORELINK] = "link format",
};

const char *lwm2m_format_name(uint32_t format)
{
    for (size_t i = 0; i < sizeof format_names / sizeof format_names[0]; i++)
        if (format_names[i].format == format)
            return format_names[i].name;
    return NULL;
}

const char *lwm2m_type_name(enum lwm2m_type type)
{
    const char *name = NAME_OF(type_names, type);
    return name ? name : "unknown";
}
