/* Documents from files: libyaml's events become a tree. */
#include "lab/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

enum {
    SIZE_LIMIT = 1 << 20, /* octets of a file */
    VALUES_LIMIT = 20000, /* of a document: what aliases copy counts too */
    DEPTH_LIMIT = 40,     /* of nesting, so that recursion stays shallow */
};

struct anchor {
    char *name;
    const struct yaml_value *value; /* complete: an alias inside its own anchor finds nothing */
};

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct error *error;
    struct anchor *anchors;
    size_t anchor_count;
    size_t value_count;
};

static int fail_at(const struct reader *reader, size_t line, const char *message)
{
    return error_set(reader->error, "%s:%zu: %s", reader->file, line + 1, message);
}

/* --- building the tree ------------------------------------------------------------------------ */

static void value_free(struct yaml_value *value)
{
    if (!value)
        return;
    for (size_t i = 0; i < value->count; i++)
        value_free(value->children[i]);
    free(value->children);
    free((char *)value->key);
    free(value->text);
    free(value);
}

static struct yaml_value *value_new(struct reader *reader, enum yaml_kind kind, size_t line)
{
    if (++reader->value_count > VALUES_LIMIT) {
        (void)fail_at(reader, line, "more than 20000 values");
        return NULL;
    }
    struct yaml_value *value = calloc(1, sizeof *value);
    if (!value) {
        (void)fail_at(reader, line, "out of memory");
        return NULL;
    }
    value->kind = kind;
    value->file = reader->file;
    value->line = (int)line + 1;
    value->text_line = value->line;
    return value;
}

/* Takes child in; on error frees it. */
static int append(struct reader *reader, struct yaml_value *parent, struct yaml_value *child)
{
    /* Room doubles at each power of two. */
    if ((parent->count & (parent->count - 1)) == 0) {
        size_t room = parent->count ? parent->count * 2 : 1;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is counted. */
        void *grown = realloc(parent->children, room * sizeof *parent->children);
        if (!grown) {
            value_free(child);
            return fail_at(reader, (size_t)parent->line - 1, "out of memory");
        }
        parent->children = grown;
    }
    child->parent = parent;
    child->index = parent->count;
    parent->children[parent->count++] = child;
    return 0;
}

static int next(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    size_t line = parser->problem_mark.line;
    if (parser->error == YAML_READER_ERROR)
        return error_set(reader->error, "%s: octet %zu: %s", reader->file, parser->problem_offset,
                         problem);
    if (parser->context)
        return error_set(reader->error, "%s:%zu: not YAML: %s (%s)", reader->file, line + 1,
                         problem, parser->context);
    return error_set(reader->error, "%s:%zu: not YAML: %s", reader->file, line + 1, problem);
}

static struct yaml_value *read_value(struct reader *reader, yaml_event_t *event, size_t depth);

static struct yaml_value *copy(struct reader *reader, const struct yaml_value *from, size_t depth)
{
    size_t line = (size_t)from->line - 1;
    if (depth > DEPTH_LIMIT) {
        (void)fail_at(reader, line, "nested more than 40 deep");
        return NULL;
    }
    struct yaml_value *value = value_new(reader, from->kind, line);
    if (!value)
        return NULL;
    value->text_line = from->text_line;
    value->quoted = from->quoted;
    if (from->text && !(value->text = strdup(from->text)))
        goto out_of_memory;
    for (size_t i = 0; i < from->count; i++) {
        struct yaml_value *child = copy(reader, from->children[i], depth + 1);
        if (!child)
            goto failed;
        if (from->children[i]->key && !(child->key = strdup(from->children[i]->key))) {
            value_free(child);
            goto out_of_memory;
        }
        if (append(reader, value, child) != 0)
            goto failed;
    }
    return value;

out_of_memory:
    (void)fail_at(reader, line, "out of memory");
failed:
    value_free(value);
    return NULL;
}

static struct yaml_value *read_alias(struct reader *reader, const yaml_event_t *event, size_t depth)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (size_t i = reader->anchor_count; i-- > 0;)
        if (strcmp(reader->anchors[i].name, name) == 0)
            return copy(reader, reader->anchors[i].value, depth);
    (void)error_set(reader->error, "%s:%zu: alias '*%s' names no complete value above it",
                    reader->file, event->start_mark.line + 1, name);
    return NULL;
}

static int remember_anchor(struct reader *reader, const char *name, const struct yaml_value *value)
{
    struct anchor *grown =
        realloc(reader->anchors, (reader->anchor_count + 1) * sizeof *reader->anchors);
    if (!grown)
        return fail_at(reader, (size_t)value->line - 1, "out of memory");
    reader->anchors = grown;
    char *copied = strdup(name);
    if (!copied)
        return fail_at(reader, (size_t)value->line - 1, "out of memory");
    reader->anchors[reader->anchor_count++] = (struct anchor){copied, value};
    return 0;
}

/* Control characters but line feed and tab, those of Latin-1 (0xc2 0x80 to 0x9f in UTF-8) included: what a
 * file says is shown on terminals, which would obey them. */
static bool has_controls(const unsigned char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool plain = text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t';
        bool latin = text[i] == 0xc2 && i + 1 < length && text[i + 1] < 0xa0;
        if (!plain || text[i] == 0x7f || latin)
            return true;
    }
    return false;
}

static struct yaml_value *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    if (has_controls(event->data.scalar.value, event->data.scalar.length)) {
        (void)fail_at(reader, line, "text with a control character in it");
        return NULL;
    }
    struct yaml_value *value = value_new(reader, YAML_VALUE_SCALAR, line);
    if (!value)
        return NULL;
    yaml_scalar_style_t style = event->data.scalar.style;
    value->quoted = style != YAML_PLAIN_SCALAR_STYLE;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        value->text_line++;
    value->text = strdup((const char *)event->data.scalar.value);
    if (!value->text) {
        (void)fail_at(reader, line, "out of memory");
        value_free(value);
        return NULL;
    }
    return value;
}

static struct yaml_value *read_list(struct reader *reader, const yaml_event_t *start, size_t depth)
{
    struct yaml_value *list = value_new(reader, YAML_VALUE_LIST, start->start_mark.line);
    if (!list)
        return NULL;
    for (;;) {
        yaml_event_t event;
        if (next(reader, &event) != 0)
            break;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml_value *child = end ? NULL : read_value(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (end)
            return list;
        if (!child || append(reader, list, child) != 0)
            break;
    }
    value_free(list);
    return NULL;
}

/* Reads what stands behind a key, whose event is given. */
static int read_entry(struct reader *reader, struct yaml_value *map, const yaml_event_t *key,
                      size_t depth)
{
    size_t line = key->start_mark.line;
    if (key->type != YAML_SCALAR_EVENT)
        return fail_at(reader, line, "a key must be plain text");
    const char *name = (const char *)key->data.scalar.value;
    if (has_controls(key->data.scalar.value, key->data.scalar.length))
        return fail_at(reader, line, "a key with a control character in it");
    const struct yaml_value *before = yaml_get(map, name);
    if (before)
        return error_set(reader->error, "%s:%zu: key '%s' given twice, first in line %d",
                         reader->file, line + 1, name, before->line);

    yaml_event_t event;
    if (next(reader, &event) != 0)
        return -1;
    struct yaml_value *value = read_value(reader, &event, depth + 1);
    yaml_event_delete(&event);
    if (!value)
        return -1;
    value->line = (int)line + 1;
    value->key = strdup(name);
    if (!value->key) {
        value_free(value);
        return fail_at(reader, line, "out of memory");
    }
    return append(reader, map, value);
}

static struct yaml_value *read_map(struct reader *reader, const yaml_event_t *start, size_t depth)
{
    struct yaml_value *map = value_new(reader, YAML_VALUE_MAP, start->start_mark.line);
    if (!map)
        return NULL;
    for (;;) {
        yaml_event_t event;
        if (next(reader, &event) != 0)
            break;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        int failed = end ? 0 : read_entry(reader, map, &event, depth);
        yaml_event_delete(&event);
        if (end)
            return map;
        if (failed)
            break;
    }
    value_free(map);
    return NULL;
}

static struct yaml_value *read_value(struct reader *reader, yaml_event_t *event, size_t depth)
{
    if (depth > DEPTH_LIMIT) {
        (void)fail_at(reader, event->start_mark.line, "nested more than 40 deep");
        return NULL;
    }
    struct yaml_value *value = NULL;
    const char *anchor = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event, depth);
    case YAML_SCALAR_EVENT:
        anchor = (const char *)event->data.scalar.anchor;
        value = read_scalar(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = (const char *)event->data.sequence_start.anchor;
        value = read_list(reader, event, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = (const char *)event->data.mapping_start.anchor;
        value = read_map(reader, event, depth);
        break;
    default:
        (void)fail_at(reader, event->start_mark.line, "expected a value");
        return NULL;
    }
    if (value && anchor && remember_anchor(reader, anchor, value) != 0) {
        value_free(value);
        return NULL;
    }
    return value;
}

/* Stream start, document start, one value, document end, stream end. */
static struct yaml_value *read_document(struct reader *reader)
{
    struct yaml_value *root = NULL;
    for (;;) {
        yaml_event_t event;
        if (next(reader, &event) != 0)
            break;
        bool failed = false;
        bool end = event.type == YAML_STREAM_END_EVENT;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (root)
                failed = fail_at(reader, event.start_mark.line, "a second document begins") != 0;
            break;
        default:
            root = read_value(reader, &event, 0);
            failed = !root;
        }
        yaml_event_delete(&event);
        if (failed)
            break;
        if (end) {
            if (!root)
                (void)error_set(reader->error, "%s:1: the file is empty", reader->file);
            return root;
        }
    }
    value_free(root);
    return NULL;
}

struct yaml_value *yaml_load_text(const char *file, const char *text, size_t length,
                                  struct error *error)
{
    char *name = strdup(file); /* every value points to it; the root's owner frees it */
    struct reader reader = {.file = name, .error = error};
    if (!name || !yaml_parser_initialize(&reader.parser)) {
        (void)error_set(error, "%s: out of memory", file);
        free(name);
        return NULL;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    struct yaml_value *root = read_document(&reader);
    yaml_parser_delete(&reader.parser);
    for (size_t i = 0; i < reader.anchor_count; i++)
        free(reader.anchors[i].name);
    free(reader.anchors);
    if (!root)
        free(name);
    return root;
}

void yaml_unload(struct yaml_value *root)
{
    if (!root)
        return;
    free((char *)root->file);
    value_free(root);
}

/* --- reading files ---------------------------------------------------------------------------- */

struct yaml_value *yaml_load(const char *file, struct error *error)
{
    /* O_NONBLOCK: opening a FIFO must not hang. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        (void)error_set_errno(error, errno, "%s", file);
        return NULL;
    }
    struct stat status;
    char *text = NULL;
    struct yaml_value *root = NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)error_set(error, "%s: expected a regular file", file);
    } else if (status.st_size > SIZE_LIMIT) {
        (void)error_set(error, "%s: larger than 1 MiB", file);
    } else if (!(text = malloc(SIZE_LIMIT))) {
        (void)error_set(error, "%s: out of memory", file);
    } else {
        size_t length = 0;
        ssize_t got;
        while ((got = read(fd, text + length, SIZE_LIMIT - length)) > 0)
            length += (size_t)got;
        if (got < 0)
            (void)error_set_errno(error, errno, "%s", file);
        else
            root = yaml_load_text(file, text, length, error);
    }
    free(text);
    (void)close(fd);
    return root;
}
