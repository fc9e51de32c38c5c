/* Link format from strangers: what is read, is written, and reads as the same again. */
#include "wire/core_link.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { ROOM = 1 << 14 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static const char *ended(const char *text, size_t length)
{
    static char copies[2][ROOM];
    static int next;
    char *copy = copies[next ^= 1];
    require(length < ROOM);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* Values must be quoted where they are no tokens. */
static bool needs_quotes(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (value[i] <= ' ' || value[i] >= 0x7f || strchr("\",;\\", value[i]))
            return true;
    return length == 0;
}

static void write_link(struct core_link_writer *writer, const struct core_link *link)
{
    core_link_write_target(writer, ended(link->target, link->target_length));
    struct core_link_attribute attribute;
    size_t offset = 0;
    while (core_link_attribute_next(link, &offset, &attribute)) {
        const char *name = ended(attribute.name, attribute.name_length);
        const char *value = attribute.value ? ended(attribute.value, attribute.value_length) : NULL;
        core_link_write_attribute(writer, name, value,
                                  value && needs_quotes(value, attribute.value_length));
    }
    require(offset == link->attributes_length);
}

static void require_same(const struct core_link *a, const struct core_link *b)
{
    require(a->target_length == b->target_length &&
            memcmp(a->target, b->target, a->target_length) == 0);
    size_t offsets[2] = {0, 0};
    struct core_link_attribute left;
    struct core_link_attribute right;
    while (core_link_attribute_next(a, &offsets[0], &left)) {
        require(core_link_attribute_next(b, &offsets[1], &right));
        require(left.name_length == right.name_length &&
                memcmp(left.name, right.name, left.name_length) == 0);
        require(!left.value == !right.value && left.value_length == right.value_length);
        require(!left.value || memcmp(left.value, right.value, left.value_length) == 0);
    }
    require(!core_link_attribute_next(b, &offsets[1], &right));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static char written[ROOM];
    const char *text = (const char *)octets;
    struct core_link_writer writer = {written, sizeof written, 0, true};
    struct core_link link;
    struct core_link again;
    size_t offset = 0;
    if (length >= ROOM / 2)
        return 0;
    while (core_link_next(text, length, &offset, &link) == CORE_LINK_FOUND)
        write_link(&writer, &link);
    require(offset <= length && writer.fits);

    offset = 0;
    size_t second = 0;
    while (core_link_next(text, length, &offset, &link) == CORE_LINK_FOUND) {
        require(core_link_next(written, writer.length, &second, &again) == CORE_LINK_FOUND);
        require_same(&link, &again);
    }
    require(core_link_next(written, writer.length, &second, &again) == CORE_LINK_END);
    return 0;
}
