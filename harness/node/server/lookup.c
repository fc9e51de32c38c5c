#include "node/server/lookup.h"

#include "wire/core_link.h"

#include <stdio.h>
#include <string.h>

enum { ENDPOINT, BASE, RESOURCE_TYPE, ATTRIBUTES };

static const char *const names[ATTRIBUTES] = {"ep", "base", "rt"};

bool lookup_read_criterion(const uint8_t *octets, size_t length, struct lookup *out)
{
    if (out->count == LOOKUP_CRITERIA || length >= LOOKUP_CRITERION_SIZE ||
        memchr(octets, '\0', length) || !memchr(octets, '=', length))
        return false;
    char *text = out->criteria[out->count++];
    memcpy(text, octets, length);
    text[length] = '\0';
    return true;
}

static bool fits_criterion(const char *criterion, const char *const values[ATTRIBUTES])
{
    size_t name_length = strcspn(criterion, "=");
    const char *wanted = criterion + name_length + 1;
    size_t length = strlen(wanted);
    for (int i = 0; i < ATTRIBUTES; i++) {
        if (strlen(names[i]) != name_length || memcmp(names[i], criterion, name_length) != 0)
            continue;
        return length && wanted[length - 1] == '*' ? strncmp(values[i], wanted, length - 1) == 0
                                                   : strcmp(values[i], wanted) == 0;
    }
    return false;
}

static bool fits(const struct lookup *lookup, const char *const values[ATTRIBUTES])
{
    for (size_t i = 0; i < lookup->count; i++) {
        if (!fits_criterion(lookup->criteria[i], values))
            return false;
    }
    return true;
}

size_t lookup_write(const struct directory *directory, const struct lookup *lookup,
                    char text[LOOKUP_ROOM])
{
    struct core_link_writer writer = {.text = text, .capacity = LOOKUP_ROOM, .fits = true};
    for (size_t i = 0; i < DIRECTORY_ENTRIES; i++) {
        const struct registration *entry = &directory->entries[i];
        char place[PLACE_TEXT_SIZE];
        char base[PLACE_TEXT_SIZE + 8];
        char target[16];
        snprintf(base, sizeof base, "coap://%s",
                 place_text(&entry->base.address, entry->base_port, place));
        snprintf(target, sizeof target, "/rd/%u", entry->number);
        const char *const values[ATTRIBUTES] = {entry->name, base, "core.rd-ep"};
        if (!entry->number || !fits(lookup, values))
            continue;
        core_link_write_target(&writer, target);
        for (int k = 0; k < ATTRIBUTES; k++)
            core_link_write_attribute(&writer, names[k], values[k], true);
    }
    return writer.fits ? writer.length : 0;
}
