#include "lab/process_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "2026-11-22T09:02:38.123456Z" and the mark, then a space and the text. */
enum { TIME_LENGTH = 27, TEXT_OFFSET = TIME_LENGTH + 2 };

enum mark { MARK_LINE = ' ', MARK_REST = '+', MARK_NOTE = '*' };

int process_log_open(struct process_log *log, const char *path, bool append, uint64_t limit,
                     struct error *error)
{
    *log = (struct process_log){.limit = limit};
    log->path = strdup(path);
    if (log->path == NULL)
        return error_set_errno(error, errno, "log %s", path);
    log->file = fopen(path, append ? "ae" : "we");
    if (log->file == NULL) {
        int cause = errno;
        free(log->path);
        log->path = NULL;
        return error_set_errno(error, cause, "cannot create the log %s", path);
    }
    /* Fails for what is no file: then there is nothing to search either. */
    log->start = fseek(log->file, 0, SEEK_END) == 0 ? ftell(log->file) : 0;
    return 0;
}

static void write_line(struct process_log *log, enum mark mark, const char *text)
{
    struct timespec now;
    struct tm date;
    char time_text[sizeof "2026-11-22T09:02:38"];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &date);
    if (fprintf(log->file, "%s.%06ldZ%c %s\n", time_text, now.tv_nsec / 1000, mark, text) < 0 &&
        log->problem == 0)
        log->problem = errno;
}

/* A lab that is killed leaves what was printed before. */
static void write_through(struct process_log *log)
{
    if (fflush(log->file) != 0 && log->problem == 0)
        log->problem = errno;
}

static void __attribute__((format(printf, 2, 0)))
write_note(struct process_log *log, const char *format, va_list arguments)
{
    char text[PROCESS_LOG_LINE];
    vsnprintf(text, sizeof text, format, arguments);
    write_line(log, MARK_NOTE, text);
    write_through(log);
}

void process_log_note(struct process_log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_note(log, format, arguments);
    va_end(arguments);
}

static void end_line(struct process_log *log, bool continues, process_log_line *seen, void *context)
{
    log->line[log->length] = '\0';
    memcpy(log->last, log->line, log->length + 1);
    if (log->problem != 0 || log->discarded > 0) {
        log->discarded += log->length + 1;
    } else if (log->kept + log->length + 1 > log->limit) {
        /* From here on nothing is kept, not even what would be short enough: a log with holes reads
         * as if it had none. */
        log->discarded = log->length + 1;
        process_log_note(log, "the log ends here: its limit of %llu octets is reached",
                         (unsigned long long)log->limit);
    } else {
        log->kept += log->length + 1;
        write_line(log, log->continues ? MARK_REST : MARK_LINE, log->line);
    }
    log->length = 0;
    log->continues = continues;
    seen(context, log->last);
}

void process_log_take(struct process_log *log, const uint8_t *octets, size_t count,
                      process_log_line *seen, void *context)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        uint8_t octet = octets[i];
        if (octet == '\n') {
            end_line(log, false, seen, context);
            continue;
        }
        if (log->length + 4 > PROCESS_LOG_LINE)
            end_line(log, true, seen, context);
        if ((octet >= ' ' && octet <= '~') || octet == '\t') {
            log->line[log->length++] = (char)octet;
        } else {
            log->line[log->length++] = '\\';
            log->line[log->length++] = 'x';
            log->line[log->length++] = digits[octet >> 4];
            log->line[log->length++] = digits[octet & 15];
        }
    }
    write_through(log);
}

void process_log_flush(struct process_log *log, process_log_line *seen, void *context)
{
    if (log->length > 0)
        end_line(log, false, seen, context);
    write_through(log);
}

uint32_t process_log_count(const struct process_log *log, const regex_t *pattern)
{
    FILE *file = fopen(log->path, "re");
    if (file == NULL)
        return 0;
    uint32_t found = 0;
    if (fseek(file, log->start, SEEK_SET) != 0)
        rewind(file);
    char line[TEXT_OFFSET + PROCESS_LOG_LINE + 2];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found += strlen(line) >= TEXT_OFFSET && line[TIME_LENGTH] != MARK_NOTE &&
                 regexec(pattern, line + TEXT_OFFSET, 0, NULL, 0) == 0;
    }
    fclose(file);
    return found;
}

void process_log_close(struct process_log *log)
{
    if (log->discarded > 0)
        process_log_note(log, "%llu more octets were printed and not kept",
                         (unsigned long long)log->discarded);
    fclose(log->file);
    free(log->path);
    *log = (struct process_log){0};
}
