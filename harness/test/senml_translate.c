/* For tests in Python: reads packs on standard input, writes them in another format on standard output.
 *
 *   -> senml-json senml-cbor 25\n and 25 octets        <- 12\n and 12 octets, or: refused WHY\n
 */
#include "wire/lwm2m_json.h"
#include "wire/senml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 256, LONGEST = 65536 };

static const struct form {
    const char *name;
    int (*read)(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                struct lwm2m_entry *entries, size_t capacity, struct error *error);
    int (*write)(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                 uint8_t *octets, size_t size, struct error *error);
} forms[] = {
    {"senml-json", senml_json_read, senml_json_write},
    {"senml-cbor", senml_cbor_read, senml_cbor_write},
    {"json", lwm2m_json_read, lwm2m_json_write},
};

static const struct form *form_named(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(forms[i].name, name))
            return &forms[i];
    (void)fprintf(stderr, "senml_translate: there is no format %s\n", name);
    exit(2);
}

static void translate(const struct form *from, const struct form *to, const uint8_t *octets,
                      size_t length)
{
    static struct lwm2m_entry entries[ENTRIES];
    static uint8_t room[LONGEST];
    static uint8_t out[8 * LONGEST];
    const struct lwm2m_path root = {0};
    struct error error = {0};
    int count =
        from->read(&root, octets, length, NULL, room, sizeof room, entries, ENTRIES, &error);
    int written =
        count < 0 ? -1 : to->write(&root, entries, (size_t)count, out, sizeof out, &error);
    if (written < 0) {
        printf("refused %s\n", error.text);
    } else {
        printf("%d\n", written);
        (void)fwrite(out, 1, (size_t)written, stdout);
    }
    (void)fflush(stdout);
}

int main(void)
{
    char line[64];
    static uint8_t octets[LONGEST];
    while (fgets(line, sizeof line, stdin)) {
        char *rest = line;
        const char *from = strtok_r(rest, " ", &rest);
        const char *to = strtok_r(NULL, " ", &rest);
        const char *digits = strtok_r(NULL, "\n", &rest);
        size_t length = digits ? strtoul(digits, NULL, 10) : LONGEST;
        if (length >= LONGEST || fread(octets, 1, length, stdin) != length)
            return 2;
        translate(form_named(from), form_named(to), octets, length);
    }
    return 0;
}
