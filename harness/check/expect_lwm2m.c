/* Fields of what LwM2M messages carry: the value of a resource, in whatever format it came, and links.
 *
 *     number:/26887/0/2: 2               an integer that is not negative, or a boolean as 0 or 1
 *     text:/3/0/0: Open Mobile Alliance
 *     float:/3303/0/5700: 21.5
 *     address:/26887/0/18: 11.0.0.1
 *
 * TLV and text say no type, so the field's name does. TLV, text and octets stand at the path of the request, and the
 * JSON of 1.0 may: that of a response is known if the capture has it. Payloads in several blocks are not put
 * together.
 */
#include "check/expect_field.h"

#include "wire/core_link.h"
#include "wire/decimal.h"
#include "wire/lwm2m_json.h"
#include "wire/lwm2m_tlv.h"
#include "wire/senml.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_CONTENT_FORMAT = 12, ENTRIES = 128, ROOM = 2048 };

/* --- payloads -------------------------------------------------------------------------------- */

struct content {
    uint32_t format;
    int count;
    struct lwm2m_entry entries[ENTRIES];
    uint8_t room[ROOM];
};

static uint32_t format_of(const struct coap_message *message)
{
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    while (coap_message_next_option(message, &walk, &option))
        if (option.number == OPTION_CONTENT_FORMAT)
            return coap_message_option_uint(&option);
    return LWM2M_FORMAT_NONE;
}

/* The payload is one value, which stands at base. */
static int read_single(uint32_t format, const struct lwm2m_path *base,
                       const struct coap_message *message, struct content *out)
{
    static const enum lwm2m_type tried[] = {LWM2M_TYPE_INTEGER, LWM2M_TYPE_FLOAT,
                                            LWM2M_TYPE_BOOLEAN, LWM2M_TYPE_STRING,
                                            LWM2M_TYPE_OPAQUE,  LWM2M_TYPE_LINK};
    struct lwm2m_value *value = &out->entries[0].value;
    out->entries[0].path = *base;
    if (base->depth < 3)
        return -1;
    if (format != LWM2M_FORMAT_CBOR)
        return lwm2m_value_from_octets(LWM2M_TYPE_OPAQUE, message->payload, message->payload_length,
                                       value);
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        if (lwm2m_cbor_value_read(tried[i], message->payload, message->payload_length, out->room,
                                  ROOM, value))
            return 1;
    return -1;
}

/* False if there is no payload, or none that can be read. */
static bool read_content(const struct sighting *s, struct content *out)
{
    const struct coap_message *message = &s->as.coap;
    const uint8_t *payload = message->payload;
    size_t length = message->payload_length;
    struct lwm2m_path root = {0};
    struct lwm2m_path base = {0};
    if (!payload)
        return false;
    /* Not all paths are of LwM2M: /rd, /dp. */
    if (!lwm2m_path_read(s->request_path, strlen(s->request_path), &base))
        base = root;
    out->format = format_of(message);
    if (out->format == LWM2M_FORMAT_TLV)
        out->count = lwm2m_tlv_read(&base, payload, length, NULL, out->entries, ENTRIES, NULL);
    else if (out->format == LWM2M_FORMAT_SENML_JSON)
        out->count = senml_json_read(&root, payload, length, NULL, out->room, ROOM, out->entries,
                                     ENTRIES, NULL);
    else if (out->format == LWM2M_FORMAT_SENML_CBOR)
        out->count = senml_cbor_read(&root, payload, length, NULL, out->room, ROOM, out->entries,
                                     ENTRIES, NULL);
    else if (out->format == LWM2M_FORMAT_JSON)
        out->count = lwm2m_json_read(&base, payload, length, NULL, out->room, ROOM, out->entries,
                                     ENTRIES, NULL);
    else if (out->format == LWM2M_FORMAT_TEXT || out->format == LWM2M_FORMAT_OPAQUE ||
             out->format == LWM2M_FORMAT_CBOR)
        out->count = read_single(out->format, &base, message, out);
    else
        out->count = -1;
    return out->count >= 0;
}

/* The index-th value at or below the path that is asked for. What has no type yet gets type, false if it is none
 * of that. */
static bool find_value(const struct sighting *s, size_t index, enum lwm2m_type type,
                       struct content *content, struct lwm2m_value *out)
{
    if (!read_content(s, content))
        return false;
    for (int i = 0; i < content->count; i++) {
        const struct lwm2m_entry *entry = &content->entries[i];
        if (entry->value.type == LWM2M_TYPE_NONE ||
            !lwm2m_path_is_within(&entry->path, &s->wanted) || index-- > 0)
            continue;
        *out = entry->value;
        if (content->format == LWM2M_FORMAT_TLV || content->format == LWM2M_FORMAT_OPAQUE)
            return lwm2m_value_from_octets(type, out->as.data.octets, out->as.data.length, out);
        if (content->format == LWM2M_FORMAT_TEXT)
            return lwm2m_value_from_text(type, (const char *)out->as.data.octets,
                                         out->as.data.length, content->room, ROOM, out);
        return true;
    }
    return false;
}

/* --- fields ---------------------------------------------------------------------------------- */

static bool read_number(const struct sighting *s, size_t index, struct field_value *value)
{
    struct content content;
    struct lwm2m_value found;
    if (!find_value(s, index, LWM2M_TYPE_UNSIGNED, &content, &found))
        return false;
    if (found.type == LWM2M_TYPE_BOOLEAN) {
        value->number = found.as.boolean;
        return true;
    }
    bool integer = found.type == LWM2M_TYPE_INTEGER || found.type == LWM2M_TYPE_UNSIGNED ||
                   found.type == LWM2M_TYPE_TIME;
    value->number = integer ? (uint64_t)found.as.integer : 0;
    return integer && found.as.integer >= 0;
}

static bool read_float(const struct sighting *s, size_t index, struct field_value *value)
{
    struct content content;
    struct lwm2m_value found;
    if (!find_value(s, index, LWM2M_TYPE_FLOAT, &content, &found))
        return false;
    if (found.type != LWM2M_TYPE_FLOAT && found.type != LWM2M_TYPE_INTEGER)
        return false;
    double real = found.type == LWM2M_TYPE_FLOAT ? found.as.real : (double)found.as.integer;
    return decimal_write_real(real, value->text) > 0;
}

static bool read_text(const struct sighting *s, size_t index, struct field_value *value)
{
    struct content content;
    struct lwm2m_value found;
    if (!find_value(s, index, LWM2M_TYPE_STRING, &content, &found))
        return false;
    size_t length = lwm2m_value_to_text(&found, value->text, sizeof value->text - 1);
    if (length == (size_t)-1)
        return false;
    value->text[length] = '\0';
    return true;
}

static bool read_address(const struct sighting *s, size_t index, struct field_value *value)
{
    return read_text(s, index, value) && address_parse(value->text, &value->address);
}

static bool read_link(const struct sighting *s, size_t index, struct field_value *value)
{
    const struct coap_message *message = &s->as.coap;
    const char *text = (const char *)message->payload;
    struct core_link link;
    size_t offset = 0;
    if (!text || format_of(message) != LWM2M_FORMAT_LINK)
        return false;
    for (size_t i = 0; i <= index; i++)
        if (core_link_next(text, message->payload_length, &offset, &link) != CORE_LINK_FOUND)
            return false;
    int length =
        snprintf(value->text, sizeof value->text, "%.*s", (int)link.target_length, link.target);
    return length >= 0 && length < (int)sizeof value->text;
}

static bool read_request_path(const struct sighting *s, size_t index, struct field_value *value)
{
    if (index > 0 || !s->request_path[0])
        return false;
    (void)snprintf(value->text, sizeof value->text, "%s", s->request_path);
    return true;
}

const struct field field_lwm2m[] = {
    {"number:", FIELD_NUMBER, NULL, read_number},
    {"text:", FIELD_TEXT, NULL, read_text},
    {"float:", FIELD_TEXT, NULL, read_float},
    {"address:", FIELD_ADDRESS, NULL, read_address},
    {"link", FIELD_TEXT, NULL, read_link},
    {"request-path", FIELD_TEXT, NULL, read_request_path},
    {NULL, FIELD_NUMBER, NULL, NULL},
};
