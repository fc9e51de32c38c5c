#include "node/server/directory.h"

#include "node/common/coap_uri.h"

#include <string.h>

static bool parse_base(const char *value, struct registration *out)
{
    struct coap_uri uri;
    if (!coap_uri_parse(value, &uri) || uri.is_secure || uri.place.interface)
        return false;
    out->base = uri.place;
    out->base_port = uri.port;
    return true;
}

static bool parse_name(const char *value, char name[DIRECTORY_NAME_SIZE])
{
    size_t length = strlen(value);
    if (length == 0 || length >= DIRECTORY_NAME_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~' || value[i] == '"' || value[i] == '\\')
            return false;
    }
    memcpy(name, value, length + 1);
    return true;
}

bool directory_read_parameter(const uint8_t *octets, size_t length, struct registration *out)
{
    char text[128];
    if (length >= sizeof text || memchr(octets, '\0', length))
        return false;
    memcpy(text, octets, length);
    text[length] = '\0';
    if (strncmp(text, "ep=", 3) == 0)
        return parse_name(text + 3, out->name);
    if (strncmp(text, "base=", 5) == 0)
        return parse_base(text + 5, out);
    return true;
}

/* The entry of that name, else a free one, else the oldest. */
static struct registration *place_for(struct directory *directory, const char *name)
{
    struct registration *best = &directory->entries[0];
    for (size_t i = 0; i < DIRECTORY_ENTRIES; i++) {
        struct registration *entry = &directory->entries[i];
        if (entry->number && strcmp(entry->name, name) == 0)
            return entry;
        if (entry->number < best->number)
            best = entry;
    }
    return best;
}

struct registration *directory_add(struct directory *directory, const struct registration *what)
{
    struct registration *entry = place_for(directory, what->name);
    bool same = entry->number && strcmp(entry->name, what->name) == 0;
    uint32_t number = same ? entry->number : ++directory->last_number;
    *entry = *what;
    entry->number = number;
    return entry;
}

struct registration *directory_find(struct directory *directory, uint32_t number)
{
    for (size_t i = 0; number && i < DIRECTORY_ENTRIES; i++) {
        if (directory->entries[i].number == number)
            return &directory->entries[i];
    }
    return NULL;
}

void directory_remove(struct registration *entry)
{
    *entry = (struct registration){0};
}
