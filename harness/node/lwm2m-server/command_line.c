#include "node/lwm2m-server/command_line.h"

#include <stdio.h>
#include <string.h>

enum { COMMAND_NAMES_SIZE = 512 };

/* What stands behind NAME and PATH. */
enum arguments {
    NOTHING,
    TEXT,       /* an execution's arguments, or nothing */
    VALUES,     /* VALUE of a resource, else ID=VALUE... of an instance */
    INSTANCE,   /* ID=VALUE... of a new instance */
    ATTRIBUTES, /* queries */
    PATHS       /* PATH... instead of one */
};

static const char *const usage[] = {
    [NOTHING] = "NAME PATH",
    [TEXT] = "NAME PATH [ARGUMENTS]",
    [VALUES] = "NAME PATH VALUE, or of an instance NAME PATH ID=VALUE...",
    [INSTANCE] = "NAME /OBJECT[/INSTANCE] [ID=VALUE]...",
    [ATTRIBUTES] = "NAME PATH [pmin=SECONDS] [pmax=SECONDS] [gt=VALUE] [lt=VALUE] [st=VALUE]",
    [PATHS] = "NAME PATH...",
};

struct command {
    const char *name;
    coap_pdu_code_t method;
    enum arguments arguments;
    enum coap_observing observing;
    uint32_t accept; /* unless a format is given */
};

#define FETCH ((coap_pdu_code_t)COAP_REQUEST_FETCH)

static const struct command commands[] = {
    {"read", COAP_REQUEST_CODE_GET, NOTHING, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"discover", COAP_REQUEST_CODE_GET, NOTHING, COAP_OBSERVING_NOT, LWM2M_FORMAT_LINK},
    {"observe", COAP_REQUEST_CODE_GET, NOTHING, COAP_OBSERVING_BEGIN, COAP_NO_FORMAT},
    {"cancel", COAP_REQUEST_CODE_GET, NOTHING, COAP_OBSERVING_END, COAP_NO_FORMAT},
    {"delete", COAP_REQUEST_CODE_DELETE, NOTHING, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"execute", COAP_REQUEST_CODE_POST, TEXT, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"write", COAP_REQUEST_CODE_PUT, VALUES, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"replace", COAP_REQUEST_CODE_PUT, VALUES, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"create", COAP_REQUEST_CODE_POST, INSTANCE, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"attributes", COAP_REQUEST_CODE_PUT, ATTRIBUTES, COAP_OBSERVING_NOT, COAP_NO_FORMAT},
    {"composite", FETCH, PATHS, COAP_OBSERVING_NOT, LWM2M_FORMAT_SENML_CBOR},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Names of the commands, with spaces between. Returns text. */
static const char *list_names(char text[COMMAND_NAMES_SIZE])
{
    size_t used = (size_t)snprintf(text, COMMAND_NAMES_SIZE, "help list");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        used += (size_t)snprintf(text + used, COMMAND_NAMES_SIZE - used, " %s", commands[i].name);
    return text;
}

bool command_line_usage(size_t number, char text[COMMAND_USAGE_SIZE])
{
    if (number >= sizeof commands / sizeof commands[0])
        return false;
    snprintf(text, COMMAND_USAGE_SIZE, "%s %s", commands[number].name,
             usage[commands[number].arguments]);
    return true;
}

int command_line_split(const char *line, struct command_line *out, struct error *error)
{
    *out = (struct command_line){0};
    size_t length = strlen(line);
    if (length >= sizeof out->words_text)
        return error_set(error, "expected at most %d octets", COMMAND_LINE_SIZE - 1);
    memcpy(out->words_text, line, length + 1);
    char *rest;
    for (char *word = strtok_r(out->words_text, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        if (out->count == COMMAND_WORDS)
            return error_set(error, "expected at most %d words", COMMAND_WORDS);
        out->words[out->count++] = word;
    }
    return out->count ? 0 : error_set(error, "expected a command");
}

/* --- values ----------------------------------------------------------------------------------- */

/* Reads text as the value at path, by the type that the registry knows; else as a string. */
static int add_value(struct lwm2m_content *content, size_t *room_used,
                     const struct lwm2m_path *path, const char *text, size_t length,
                     struct error *error)
{
    const struct lwm2m_typing *typing = &lwm2m_typing_of_registry;
    enum lwm2m_type type = typing->type_of(typing->context, path);
    struct lwm2m_entry *entry = &content->entries[content->count];
    char name[LWM2M_PATH_TEXT_SIZE];
    uint8_t *room = content->room + *room_used;
    if (type == LWM2M_TYPE_NONE)
        type = LWM2M_TYPE_STRING;
    if (!lwm2m_value_from_text(type, text, length, room, sizeof content->room - *room_used,
                               &entry->value))
        return error_set(error, "%s: expected a value of type %s, got '%.*s'",
                         lwm2m_path_text(path, name), lwm2m_type_name(type), (int)length, text);
    if ((type == LWM2M_TYPE_OPAQUE || type == LWM2M_TYPE_STRING) &&
        entry->value.as.data.octets == room)
        *room_used += entry->value.as.data.length;
    entry->path = *path;
    content->count++;
    return 0;
}

/* "5=text" or "5/0=text" within an instance. */
static int add_assignment(struct lwm2m_content *content, size_t *room_used,
                          const struct lwm2m_path *instance, const char *word, struct error *error)
{
    const char *equals = strchr(word, '=');
    struct lwm2m_path inner;
    if (!equals || !lwm2m_path_read(word, (size_t)(equals - word), &inner) || inner.depth < 1 ||
        inner.depth > 2)
        return error_set(error, "expected RESOURCE=VALUE, got '%s'", word);
    struct lwm2m_path path = lwm2m_path_child(instance, inner.id[0]);
    if (inner.depth == 2)
        path = lwm2m_path_child(&path, inner.id[1]);
    return add_value(content, room_used, &path, equals + 1, strlen(equals + 1), error);
}

static int write_payload(struct command_line *line, uint32_t format, const struct lwm2m_path *base,
                         const struct lwm2m_content *content, struct error *error)
{
    int length = lwm2m_content_write(format, base, content->entries, content->count, line->payload,
                                     sizeof line->payload, error);
    if (length < 0)
        return -1;
    line->question.content_format = format;
    line->question.payload = line->payload;
    line->question.length = (size_t)length;
    return 0;
}

static int add_assignments(struct command_line *line, size_t at, const struct lwm2m_path *instance,
                           struct lwm2m_content *content, struct error *error)
{
    size_t room_used = 0;
    content->count = 0;
    for (; at < line->count; at++) {
        if (add_assignment(content, &room_used, instance, line->words[at], error) < 0)
            return -1;
    }
    return 0;
}

/* The words from at on, as they stood, but with single spaces. */
static const char *rest_of(const struct command_line *line, size_t at, char text[COMMAND_LINE_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = at; i < line->count; i++)
        used += (size_t)snprintf(text + used, COMMAND_LINE_SIZE - used, "%s%s", i > at ? " " : "",
                                 line->words[i]);
    return text;
}

/* --- what stands behind NAME and PATH --------------------------------------------------------- */

struct reading {
    struct command_line *line;
    const struct command *command;
    size_t at;       /* the first word behind NAME */
    uint32_t format; /* COAP_NO_FORMAT: not given */
    struct lwm2m_content *content;
    struct error *error;
};

static uint32_t format_or(const struct reading *reading, uint32_t otherwise)
{
    return reading->format == COAP_NO_FORMAT ? otherwise : reading->format;
}

static int read_values(const struct reading *reading)
{
    struct command_line *line = reading->line;
    char text[COMMAND_LINE_SIZE];
    size_t room_used = 0;
    if (line->path.depth < 2)
        return error_set(reading->error, "expected the path of an instance or of a resource");
    if (line->path.depth > 2) {
        rest_of(line, reading->at, text);
        reading->content->count = 0;
        return add_value(reading->content, &room_used, &line->path, text, strlen(text),
                         reading->error) < 0
                   ? -1
                   : write_payload(line, format_or(reading, LWM2M_FORMAT_TEXT), &line->path,
                                   reading->content, reading->error);
    }
    if (strcmp(reading->command->name, "write") == 0)
        line->question.method = COAP_REQUEST_CODE_POST; /* partial */
    if (add_assignments(line, reading->at, &line->path, reading->content, reading->error) < 0)
        return -1;
    return write_payload(line, format_or(reading, LWM2M_FORMAT_TLV), &line->path, reading->content,
                         reading->error);
}

/* Without an instance's id the device chooses one: then the payload has the resources bare. */
static int read_instance(const struct reading *reading)
{
    struct command_line *line = reading->line;
    struct lwm2m_path object = {.depth = 1, .id = {line->path.id[0]}};
    struct lwm2m_path instance = line->path;
    if (line->path.depth < 1 || line->path.depth > 2)
        return error_set(reading->error, "expected the path of an object or of an instance");
    bool has_id = line->path.depth == 2;
    if (!has_id)
        instance = lwm2m_path_child(&object, 0);
    if (add_assignments(line, reading->at, &instance, reading->content, reading->error) < 0)
        return -1;
    if (has_id && reading->content->count == 0)
        reading->content->entries[reading->content->count++] =
            (struct lwm2m_entry){.path = instance};
    lwm2m_path_text(&object, line->path_text);
    return write_payload(line, format_or(reading, LWM2M_FORMAT_TLV), has_id ? &object : &instance,
                         reading->content, reading->error);
}

static int read_paths(const struct reading *reading)
{
    struct command_line *line = reading->line;
    const struct lwm2m_path root = {0};
    struct lwm2m_content *content = reading->content;
    content->count = 0;
    for (size_t i = reading->at - 1; i < line->count; i++) {
        struct lwm2m_entry *entry = &content->entries[content->count++];
        *entry = (struct lwm2m_entry){0};
        if (!lwm2m_path_read(line->words[i], strlen(line->words[i]), &entry->path))
            return error_set(reading->error, "expected a path, got '%s'", line->words[i]);
    }
    line->path = root;
    line->path_text[0] = '\0';
    return write_payload(line, format_or(reading, LWM2M_FORMAT_SENML_CBOR), &root, content,
                         reading->error);
}

static int read_arguments(const struct reading *reading)
{
    struct command_line *line = reading->line;
    char text[COMMAND_LINE_SIZE];
    switch (reading->command->arguments) {
    case NOTHING:
        return reading->at == line->count
                   ? 0
                   : error_set(reading->error, "expected nothing behind the path, got '%s'",
                               line->words[reading->at]);
    case TEXT:
        rest_of(line, reading->at, text);
        line->question.length = strlen(text);
        if (line->question.length)
            line->question.content_format = LWM2M_FORMAT_TEXT;
        line->question.payload = memcpy(line->payload, text, line->question.length);
        return 0;
    case VALUES:
        return read_values(reading);
    case INSTANCE:
        return read_instance(reading);
    case ATTRIBUTES:
        line->question.queries = line->words + reading->at;
        return 0;
    case PATHS:
        return read_paths(reading);
    }
    return -1;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool read_format(const char *name, uint32_t *out)
{
    static const uint32_t formats[] = {
        LWM2M_FORMAT_TEXT,       LWM2M_FORMAT_OPAQUE,     LWM2M_FORMAT_CBOR, LWM2M_FORMAT_TLV,
        LWM2M_FORMAT_SENML_JSON, LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_JSON};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const char *known = lwm2m_format_name(formats[i]);
        if (known && strcmp(known, name) == 0) {
            *out = formats[i];
            return true;
        }
    }
    return false;
}

int command_line_read(struct command_line *line, struct lwm2m_content *content, struct error *error)
{
    uint32_t format = COAP_NO_FORMAT;
    size_t at = 0;
    if (line->count >= 2 && strcmp(line->words[0], "format") == 0) {
        if (!read_format(line->words[1], &format))
            return error_set(error, "unknown format '%s'", line->words[1]);
        at = 2;
    }
    char names[COMMAND_NAMES_SIZE];
    const struct command *command = at < line->count ? find_command(line->words[at]) : NULL;
    if (!command)
        return error_set(error, "expected a command (%s), got '%s'", list_names(names),
                         at < line->count ? line->words[at] : "");
    if (at + 3 > line->count)
        return error_set(error, "expected %s %s", command->name, usage[command->arguments]);
    line->name = line->words[at + 1];
    const char *path = line->words[at + 2];
    if (!lwm2m_path_read(path, strlen(path), &line->path))
        return error_set(error, "expected a path as /3/0/1, got '%s'", path);
    lwm2m_path_text(&line->path, line->path_text);
    line->question = (struct coap_question){
        .method = command->method,
        .path = line->path_text,
        .content_format = COAP_NO_FORMAT,
        .accept = command->accept,
        .observing = command->observing,
    };
    bool is_read = command->accept != LWM2M_FORMAT_LINK &&
                   (command->method == COAP_REQUEST_CODE_GET || command->arguments == PATHS);
    if (is_read && format != COAP_NO_FORMAT)
        line->question.accept = format;
    const struct reading reading = {line, command, at + 3, format, content, error};
    return read_arguments(&reading);
}
