#include "wire/describe.h"
#include "wire/describe_line.h"
#include "wire/dtls.h"

#include <inttypes.h>

/* A message that was cut into fragments tells which of its octets these are. */
static void add_handshake(struct line *line, const struct dtls_handshake *handshake)
{
    line_add_name(line, dtls_handshake_name(handshake->type), "handshake", handshake->type);
    if (handshake->fragment_length != handshake->length)
        line_add(line, " %" PRIu32 "+%" PRIu32 "/%" PRIu32 " octets", handshake->fragment_offset,
                 handshake->fragment_length, handshake->length);
}

static void add_record(struct line *line, const struct dtls_record *record)
{
    struct dtls_handshake handshake;
    if (dtls_handshake_of(record, &handshake)) {
        add_handshake(line, &handshake);
        return;
    }
    if (record->epoch != 0 && record->content != DTLS_APPLICATION_DATA &&
        record->content != DTLS_CONNECTION_ID) /* which are never in the clear */
        line_add(line, "Encrypted ");
    line_add_name(line, dtls_content_name(record->content), "content", record->content);
    if (record->content == DTLS_ALERT && record->epoch == 0 &&
        record->length == DTLS_ALERT_LENGTH) {
        line_add(line, " ");
        line_add_name(line, dtls_alert_level_name(record->fragment[0]), "level",
                      record->fragment[0]);
        line_add(line, " ");
        line_add_name(line, dtls_alert_name(record->fragment[1]), "description",
                      record->fragment[1]);
    } else if (record->content != DTLS_CHANGE_CIPHER_SPEC) {
        line_add(line, " %u octets", record->length);
    }
}

size_t dtls_describe(const uint8_t *octets, size_t length, char *text, size_t size)
{
    struct line line = line_begin(text, size);
    struct dtls_walk walk;
    struct dtls_record record;
    line_add(&line, "DTLS");
    if (!dtls_recognise(octets, length, &walk)) {
        line_add(&line, " [not whole records (RFC 6347 section 4.1)]");
        return line.length;
    }
    struct dtls_record first = {0};
    for (bool begun = false; dtls_next_record(octets, length, &walk, &record); begun = true) {
        if (!begun)
            first = record;
        line_add(&line, begun ? " + " : " ");
        add_record(&line, &record);
    }
    line_add(&line, " [epoch %u sequence %" PRIu64 "]", first.epoch, first.sequence);
    return line.length;
}
