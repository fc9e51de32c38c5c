#include "node/lwm2m-server/content_text.h"

#include <string.h>

struct text {
    char *at;
    size_t size;
    size_t length;
};

static void put(struct text *text, const char *octets, size_t length)
{
    size_t room = text->size - 1 - text->length;
    if (length > room)
        length = room;
    memcpy(text->at + text->length, octets, length);
    text->length += length;
    text->at[text->length] = '\0';
}

static void put_octets(struct text *text, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char hex[8];
        bool is_printable = octets[i] >= ' ' && octets[i] != '\\' && octets[i] != 0x7f;
        if (is_printable)
            put(text, (const char *)&octets[i], 1);
        else
            put(text, hex, (size_t)snprintf(hex, sizeof hex, "\\x%02x", octets[i]));
    }
}

static void put_hex(struct text *text, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char hex[4];
        put(text, hex, (size_t)snprintf(hex, sizeof hex, "%02x", octets[i]));
    }
}

static void put_value(struct text *text, const struct lwm2m_value *value)
{
    char number[64];
    size_t length;
    switch (value->type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELINK:
        put_octets(text, value->as.data.octets, value->as.data.length);
        break;
    case LWM2M_TYPE_OPAQUE:
        put_hex(text, value->as.data.octets, value->as.data.length);
        break;
    case LWM2M_TYPE_NONE:
        break;
    default:
        length = lwm2m_value_to_text(value, number, sizeof number);
        if (length != (size_t)-1)
            put(text, number, length);
    }
}

const char *content_text(const struct lwm2m_content *content, const struct lwm2m_path *base,
                         char separator, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    buffer[0] = '\0';
    bool is_single = content->count == 1 && lwm2m_path_equal(&content->entries[0].path, base);
    for (size_t i = 0; i < content->count; i++) {
        const struct lwm2m_entry *entry = &content->entries[i];
        char path[LWM2M_PATH_TEXT_SIZE];
        if (i)
            put(&text, &separator, 1);
        if (!is_single) {
            lwm2m_path_text(&entry->path, path);
            put(&text, path, strlen(path));
            put(&text, "=", 1);
        }
        put_value(&text, &entry->value);
    }
    return buffer;
}

const char *content_text_octets(const uint8_t *octets, size_t length, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    buffer[0] = '\0';
    put_octets(&text, octets, length);
    return buffer;
}
