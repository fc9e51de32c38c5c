#include "measure/json_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void note_failure(struct json_file *file)
{
    if (!file->failed)
        file->errno_value = errno;
    file->failed = true;
}

int json_file_open(struct json_file *file, const char *path, struct error *error)
{
    *file = (struct json_file){.path = path, .stream = fopen(path, "we")};
    if (!file->stream)
        return error_set_errno(error, errno, "%s", path);
    if (fputc('[', file->stream) == EOF)
        note_failure(file);
    return 0;
}

void json_file_add(struct json_file *file, json_t *element)
{
    if (!element)
        errno = ENOMEM;
    if (!element || fputs(file->count ? ",\n" : "\n", file->stream) == EOF ||
        json_dumpf(element, file->stream,
                   JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15)) < 0)
        note_failure(file);
    else
        file->count++;
    json_decref(element);
}

int json_file_close(struct json_file *file, struct error *error)
{
    if (fputs(file->count ? "\n]\n" : "]\n", file->stream) == EOF)
        note_failure(file);
    if (fclose(file->stream) == EOF)
        note_failure(file);
    file->stream = NULL;
    if (file->failed)
        return error_set_errno(error, file->errno_value, "%s", file->path);
    return 0;
}

json_t *json_file_text(const char *text)
{
    json_t *whole = json_string(text);
    if (whole)
        return whole;
    char *ascii = strdup(text); /* not UTF-8, which only a foreign capture can cause */
    if (!ascii)
        return NULL;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_t *string = json_string(ascii);
    free(ascii);
    return string;
}
