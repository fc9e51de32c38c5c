/* The exchange as text: `>` goes out, `<` is the answer, `!` is anything else that came. */
#include "cli/ask_view.h"
#include "cli/hex.h"
#include "wire/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 4, COLUMN = 18, KEY_SIZE = 64, HEX_LINE = 16 };

static void show_fields(json_t *fields, int indent);

static void show_value(const char *key, const json_t *value, const char *name, int indent)
{
    (void)printf("%*s%-*s ", indent, "", COLUMN, key);
    if (json_is_string(value))
        (void)printf("%s", json_string_value(value));
    else if (json_is_integer(value))
        (void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        (void)printf("%s", json_is_true(value) ? "yes" : "no");
    (void)printf(name ? " (%s)\n" : "\n", name);
}

/* Each element of an array under a heading of its own. */
static void show_elements(const char *key, const json_t *array, int indent)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        (void)printf("%*s%s %zu\n", indent, "", key, i + 1);
        show_fields(json_array_get(array, i), indent + INDENT);
    }
}

/* Whether a key is another's with "_name" behind it: then it has been shown with that. */
static bool is_name(const char *key)
{
    size_t length = strlen(key);
    return length > 5 && strcmp(key + length - 5, "_name") == 0;
}

static void show_fields(json_t *fields, int indent)
{
    const char *key;
    json_t *value;
    json_object_foreach(fields, key, value)
    {
        char name[KEY_SIZE];
        (void)snprintf(name, sizeof name, "%s_name", key);
        if (json_is_array(value))
            show_elements(key, value, indent);
        else if (!is_name(key))
            show_value(key, value, json_string_value(json_object_get(fields, name)), indent);
    }
}

static void show_octets(const uint8_t *octets, size_t length)
{
    char text[2 * HEX_LINE + 1];
    for (size_t i = 0; i < length; i += HEX_LINE) {
        size_t left = length - i < HEX_LINE ? length - i : HEX_LINE;
        (void)printf("%*s%04zx  %s\n", INDENT, "", i, hex_write(octets + i, left, text));
    }
}

static void show_message(const struct ask_plan *plan, const uint8_t *octets, size_t length,
                         bool whole)
{
    char summary[DESCRIBE_SIZE];
    (void)ask_describe(octets, length, summary, sizeof summary);
    (void)printf("%s\n", summary);
    if (whole) {
        json_t *fields = ask_fields(octets, length);
        show_fields(fields, INDENT);
        json_decref(fields);
    }
    if (plan->options->hex)
        show_octets(octets, length);
}

static void begin(const struct ask_plan *plan)
{
    char server[PLACE_TEXT_SIZE];
    char source[PLACE_TEXT_SIZE];
    char nonce[2 * PCP_NONCE_LENGTH + 1];
    const struct ask_options *options = plan->options;
    (void)printf("from %s to %s%s\n",
                 place_text(&plan->socket->source, plan->socket->source_port, source),
                 place_text(&plan->socket->server.address, plan->socket->server_port, server),
                 options->has_server ? "" : ", the default router");
    if (options->kind == ASK_MAP || options->kind == ASK_PEER)
        (void)printf("--nonce %s repeats this request\n",
                     hex_write(options->nonce, sizeof options->nonce, nonce));
    (void)printf("> %zu octets: ", plan->request->length);
    show_message(plan, plan->request->octets, plan->request->length, true);
}

static void sent(const struct ask_plan *plan, unsigned transmission, uint64_t elapsed)
{
    (void)plan;
    if (transmission > 1)
        (void)printf("> again, after %.3f s\n", (double)elapsed / 1e9);
    (void)fflush(stdout);
}

static void arrival(const struct ask_plan *plan, const struct ask_arrival *arrival)
{
    char from[PLACE_TEXT_SIZE];
    const struct ask_datagram *datagram = &arrival->datagram;
    if (arrival->stranger)
        (void)printf("! ignored: from %s: ",
                     place_text(&datagram->from.address, datagram->port, from));
    else if (arrival->why_not)
        (void)printf("! not the answer, %s: ", arrival->why_not);
    else
        (void)printf("< after %.3f ms: ", (double)arrival->round_trip / 1e6);
    (void)printf("%zu octets: ", datagram->whole);
    show_message(plan, arrival->octets, datagram->length, !arrival->stranger);
    if (!arrival->why_not && arrival->transmissions > 1)
        (void)printf("%*sanswered %.3f ms after transmission %u\n", INDENT, "",
                     (double)arrival->since_last / 1e6, arrival->transmissions);
    (void)fflush(stdout);
}

static void trouble(const struct ask_plan *plan, const struct ask_trouble *trouble)
{
    (void)plan;
    char from[ADDRESS_TEXT_SIZE];
    (void)printf("! undelivered: %s%s%s\n", strerror(trouble->errno_value),
                 trouble->has_from ? ", says " : "",
                 trouble->has_from ? address_format(&trouble->from.address, from) : "");
}

static void epoch(const struct ask_plan *plan, const struct ask_epoch *epoch)
{
    (void)plan;
    (void)printf("epoch %u -> %u in %.3f s: %s (%s)\n", epoch->before, epoch->now,
                 (double)epoch->elapsed / 1e9,
                 epoch->valid ? "valid" : "INVALID: the server has lost its state",
                 epoch->natpmp ? "RFC 6886 section 3.6" : "RFC 6887 section 8.5");
}

static void asked(const struct ask_plan *plan, enum ask_result result, uint64_t untold)
{
    if (untold)
        (void)printf("! and %" PRIu64 " datagrams or errors more, not shown\n", untold);
    if (result == ASK_SILENCE)
        (void)printf("no answer within %g s\n", plan->options->timeout / 1000.0);
}

static void end(const struct ask_plan *plan, enum ask_result result)
{
    (void)plan;
    (void)result;
}

const struct ask_view ask_view_text = {.begin = begin,
                                       .sent = sent,
                                       .arrival = arrival,
                                       .trouble = trouble,
                                       .epoch = epoch,
                                       .asked = asked,
                                       .end = end};
