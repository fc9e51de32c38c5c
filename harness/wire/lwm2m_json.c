#include "wire/lwm2m_json.h"

#include "wire/json_value.h"
#include "wire/senml_record.h"

#include <string.h>

enum { NAME_SIZE = 8 };

/* --- members -------------------------------------------------------------------------------- */

/* An object whose members have their places in a table of names. */
struct members {
    const char *const *names;
    unsigned count;
    int (*read)(struct json_reader *reader, unsigned member, void *context);
    void *context;
    uint32_t present; /* a bit for each */
};

/* A member that is not known is passed over. */
static int read_member(struct json_reader *reader, void *context)
{
    struct members *members = context;
    struct json_text key;
    uint8_t name[NAME_SIZE];
    unsigned member;
    if (json_key(reader, &key))
        return -1;
    size_t length = json_text_read(&key, name, sizeof name);
    for (member = 0; member < members->count; member++) {
        if (length == strlen(members->names[member]) &&
            !memcmp(name, members->names[member], length))
            break;
    }
    if (member == members->count)
        return json_skip(reader);
    if (members->present & 1U << member)
        return json_refuse(reader, "a member comes twice");
    members->present |= 1U << member;
    return members->read(reader, member, members->context);
}

/* --- entries -------------------------------------------------------------------------------- */

enum { NAME, TIME, NUMBER, BOOLEAN, STRING, LINK, ENTRY_MEMBERS };

static const char *const entry_names[ENTRY_MEMBERS] = {
    [NAME] = "n", [TIME] = "t", [NUMBER] = "v", [BOOLEAN] = "bv", [STRING] = "sv", [LINK] = "ov",
};
static const enum lwm2m_type entry_types[ENTRY_MEMBERS] = {
    [NAME] = LWM2M_TYPE_STRING,     [TIME] = LWM2M_TYPE_FLOAT,    [NUMBER] = LWM2M_TYPE_FLOAT,
    [BOOLEAN] = LWM2M_TYPE_BOOLEAN, [STRING] = LWM2M_TYPE_STRING, [LINK] = LWM2M_TYPE_STRING,
};
static const uint32_t entry_values = 1U << NUMBER | 1U << BOOLEAN | 1U << STRING | 1U << LINK;

/* An entry as it stands: what a string means is known when its name is. */
struct raw_entry {
    uint32_t present;
    struct lwm2m_value value; /* a number, a BOOLEAN */
    struct json_text name, text;
};

static int read_entry_member(struct json_reader *reader, unsigned member, void *context)
{
    struct raw_entry *out = context;
    struct lwm2m_value dropped;
    if (entry_types[member] == LWM2M_TYPE_STRING)
        return json_read_string(reader, member == NAME ? &out->name : &out->text);
    return json_value(reader, entry_types[member], NULL, member == TIME ? &dropped : &out->value);
}

static int read_raw_entry(struct json_reader *reader, struct raw_entry *out)
{
    struct members members = {
        .names = entry_names, .count = ENTRY_MEMBERS, .read = read_entry_member, .context = out};
    if (json_each(reader, '{', read_member, &members))
        return -1;
    out->present = members.present;
    uint32_t value = out->present & entry_values;
    return !value || (value & (value - 1)) ? json_refuse(reader, "an entry has not just one value")
                                           : 0;
}

/* What the names of entries stand behind: the base name as it is, or the path that was asked. */
enum naming { BEHIND_BASE_NAME, BEHIND_PATH_ASKED, BEHIND_PATH_WITHOUT_SLASH };

/* Without a base name names stand behind the path that was asked, with a slash between. */
static void default_base_name(struct senml_pack *pack, bool has_name)
{
    (void)lwm2m_path_text(pack->base, pack->base_name);
    pack->base_name_length = strlen(pack->base_name);
    if (has_name && pack->base->depth)
        pack->base_name[pack->base_name_length++] = '/';
}

/* Some write the path that was asked as the base name, and forget the slash behind it. Put together as section
 * 6.4.4 has it, "/3" and "0/1" would be "/30/1": a path outside of what was asked, so nobody can mean it. */
static bool lacks_slash(const struct senml_pack *pack)
{
    char asked[LWM2M_PATH_TEXT_SIZE];
    size_t length = strlen(lwm2m_path_text(pack->base, asked));
    return pack->base->depth && pack->base_name_length == length &&
           !memcmp(pack->base_name, asked, length);
}

struct payload {
    struct senml_pack *pack;
    enum naming naming;
    struct json_reader entries; /* where they begin */
};

static int read_entry(struct json_reader *reader, void *context)
{
    struct senml_pack *pack = ((struct payload *)context)->pack;
    enum naming naming = ((struct payload *)context)->naming;
    struct raw_entry raw = {0};
    struct lwm2m_value name = {0};
    struct lwm2m_path path = {0};
    if (read_raw_entry(reader, &raw))
        return -1;
    if ((raw.present & 1U << NAME) && json_text_value(reader, &raw.name, &pack->room, &name))
        return -1;
    bool has_name = name.as.data.length > 0;
    if (naming == BEHIND_PATH_ASKED)
        default_base_name(pack, has_name);
    else if (naming == BEHIND_PATH_WITHOUT_SLASH)
        default_base_name(pack, has_name && name.as.data.octets[0] != '/');
    if (senml_pack_path(pack, name.as.data.octets, name.as.data.length, &path))
        return -1;
    if (raw.present & (1U << STRING | 1U << LINK)) {
        const struct lwm2m_typing *typing = pack->typing;
        bool is_opaque = typing && path.depth >= LWM2M_PATH_DEPTH - 1 &&
                         typing->type_of(typing->context, &path) == LWM2M_TYPE_OPAQUE;
        if (is_opaque ? json_opaque(reader, BASE64_STANDARD, &raw.text, &pack->room, &raw.value)
                      : json_text_value(reader, &raw.text, &pack->room, &raw.value))
            return -1;
    }
    struct lwm2m_value value = raw.value;
    if ((raw.present & 1U << LINK) && senml_link(pack, &raw.value, &value))
        return -1;
    return senml_pack_add_entry(pack, &path, &value);
}

/* --- the payload ---------------------------------------------------------------------------- */

enum { BASE_NAME, BASE_TIME, ENTRIES, PAYLOAD_MEMBERS };

static const char *const payload_names[PAYLOAD_MEMBERS] = {
    [BASE_NAME] = "bn",
    [BASE_TIME] = "bt",
    [ENTRIES] = "e",
};

static int read_base_name(struct json_reader *reader, struct senml_pack *pack)
{
    struct json_text text;
    if (json_read_string(reader, &text))
        return -1;
    pack->base_name_length =
        json_text_read(&text, (uint8_t *)pack->base_name, sizeof pack->base_name - 1);
    return pack->base_name_length == (size_t)-1 ? json_refuse(reader, "no base name of paths") : 0;
}

static int read_payload_member(struct json_reader *reader, unsigned member, void *context)
{
    struct payload *payload = context;
    struct lwm2m_value time;
    if (member == BASE_NAME)
        return read_base_name(reader, payload->pack);
    if (member == BASE_TIME)
        return json_read_number(reader, &time);
    payload->entries = *reader;
    return json_skip(reader);
}

/* The base name may stand behind the entries, so these are gone through twice. */
static int read_payload(struct json_reader *reader, struct senml_pack *pack)
{
    struct payload payload = {.pack = pack};
    struct members members = {.names = payload_names,
                              .count = PAYLOAD_MEMBERS,
                              .read = read_payload_member,
                              .context = &payload};
    if (json_each(reader, '{', read_member, &members) || json_end(reader))
        return -1;
    if (!(members.present & 1U << ENTRIES))
        return json_refuse(reader, "there are no entries");
    payload.naming = !(members.present & 1U << BASE_NAME) ? BEHIND_PATH_ASKED
                     : lacks_slash(pack)                  ? BEHIND_PATH_WITHOUT_SLASH
                                                          : BEHIND_BASE_NAME;
    return json_each(&payload.entries, '[', read_entry, &payload);
}

int lwm2m_json_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error)
{
    struct json_reader reader = {.octets = octets, .length = length, .error = error};
    struct senml_pack pack =
        senml_pack_begin(base, typing, room, room_size, entries, capacity, error);
    return senml_pack_end(&pack, read_payload(&reader, &pack) == 0);
}

/* --- writing -------------------------------------------------------------------------------- */

static const unsigned members_of_types[] = {
    [LWM2M_TYPE_STRING] = STRING, [LWM2M_TYPE_INTEGER] = NUMBER,  [LWM2M_TYPE_UNSIGNED] = NUMBER,
    [LWM2M_TYPE_FLOAT] = NUMBER,  [LWM2M_TYPE_BOOLEAN] = BOOLEAN, [LWM2M_TYPE_OPAQUE] = STRING,
    [LWM2M_TYPE_TIME] = NUMBER,   [LWM2M_TYPE_LINK] = LINK,       [LWM2M_TYPE_CORELINK] = STRING,
};

static void write_text(struct json_writer *writer, const char *text)
{
    json_write_string(writer, (const uint8_t *)text, strlen(text));
}

static void write_entry(struct json_writer *writer, const struct lwm2m_entry *entry,
                        const struct lwm2m_path *base)
{
    char path[LWM2M_PATH_TEXT_SIZE];
    char above[LWM2M_PATH_TEXT_SIZE];
    json_write(writer, "{");
    if (entry->path.depth > base->depth) {
        size_t skipped = base->depth ? strlen(lwm2m_path_text(base, above)) + 1 : 1;
        json_write(writer, "\"n\":");
        write_text(writer, lwm2m_path_text(&entry->path, path) + skipped);
        json_write(writer, ",");
    }
    json_write(writer, "\"");
    json_write(writer, entry_names[members_of_types[entry->value.type]]);
    json_write(writer, "\":");
    json_write_value(writer, &entry->value, BASE64_STANDARD);
    json_write(writer, "}");
}

int lwm2m_json_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error)
{
    struct json_writer writer = {.text = (char *)octets, .size = size};
    char base_name[LWM2M_PATH_TEXT_SIZE + 1];
    size_t shallow = 0;
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        written += entries[i].value.type != LWM2M_TYPE_NONE;
        shallow += entries[i].value.type != LWM2M_TYPE_NONE && entries[i].path.depth <= base->depth;
    }
    if (shallow && written > 1)
        return error_set(error, "one base name does not do for a value and what is below it");
    (void)lwm2m_path_text(base, base_name);
    if (!shallow && base->depth)
        memcpy(base_name + strlen(base_name), "/", 2);
    json_write(&writer, "{\"bn\":");
    write_text(&writer, base_name);
    json_write(&writer, ",\"e\":[");
    written = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].value.type == LWM2M_TYPE_NONE)
            continue;
        json_write(&writer, written++ ? "," : "");
        write_entry(&writer, &entries[i], base);
    }
    json_write(&writer, "]}");
    if (writer.problem)
        return error_set(error, "%s", writer.problem);
    return (int)writer.length;
}
