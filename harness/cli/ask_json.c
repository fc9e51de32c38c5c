/* The exchange as one JSON object. Each asking is written as soon as it is over, so that their number
 * costs no memory. */
#include "cli/ask_view.h"
#include "cli/hex.h"
#include "wire/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST_TEXT_SIZE = 2 * ASK_CAPACITY + 1 };

/* The asking that goes on. */
static struct {
    uint64_t number;
    json_t *transmissions;
    json_t *answer;
    json_t *others;
    json_t *troubles;
    json_t *epoch;
} current;

static void write_value(json_t *value)
{
    if (!value || json_dumpf(value, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY) < 0)
        (void)fputs("null", stdout); /* no memory: still whole JSON */
    json_decref(value);
}

static json_t *message(const uint8_t *octets, size_t length)
{
    static char text[REQUEST_TEXT_SIZE];
    char summary[DESCRIBE_SIZE];
    (void)ask_describe(octets, length, summary, sizeof summary);
    return json_pack("{s:s,s:s,s:o}", "octets", hex_write(octets, length, text), "summary", summary,
                     "fields", ask_fields(octets, length));
}

static json_t *seconds(uint64_t nanoseconds)
{
    return json_real((double)nanoseconds / 1e9);
}

static void begin(const struct ask_plan *plan)
{
    char server[PLACE_TEXT_SIZE];
    char source[PLACE_TEXT_SIZE];
    const struct ask_socket *socket = plan->socket;
    (void)printf("{\"server\": \"%s\", \"source\": \"%s\", \"request\": ",
                 place_text(&socket->server.address, socket->server_port, server),
                 place_text(&socket->source, socket->source_port, source));
    write_value(message(plan->request->octets, plan->request->length));
    (void)fputs(", \"asked\": [", stdout);
}

static void sent(const struct ask_plan *plan, unsigned transmission, uint64_t elapsed)
{
    (void)plan;
    if (transmission == 1) {
        uint64_t number = current.number + 1;
        memset(&current, 0, sizeof current);
        current.number = number;
        current.transmissions = json_array();
        current.others = json_array();
        current.troubles = json_array();
    }
    (void)json_array_append_new(current.transmissions, seconds(elapsed));
}

static void arrival(const struct ask_plan *plan, const struct ask_arrival *arrival)
{
    (void)plan;
    char from[PLACE_TEXT_SIZE];
    const struct ask_datagram *datagram = &arrival->datagram;
    json_t *object = message(arrival->octets, datagram->length);
    (void)json_object_set_new(object, "length", json_integer((json_int_t)datagram->whole));
    (void)json_object_set_new(
        object, "from", json_string(place_text(&datagram->from.address, datagram->port, from)));
    (void)json_object_set_new(object, "seconds", seconds(arrival->round_trip));
    if (!arrival->why_not) {
        (void)json_object_set_new(object, "seconds_since_last", seconds(arrival->since_last));
        current.answer = object;
        return;
    }
    (void)json_object_set_new(object, "why_not", json_string(arrival->why_not));
    (void)json_array_append_new(current.others, object);
}

static void trouble(const struct ask_plan *plan, const struct ask_trouble *trouble)
{
    (void)plan;
    char from[ADDRESS_TEXT_SIZE];
    json_t *object = json_pack("{s:s}", "text", strerror(trouble->errno_value));
    if (trouble->has_from)
        (void)json_object_set_new(object, "from",
                                  json_string(address_format(&trouble->from.address, from)));
    (void)json_array_append_new(current.troubles, object);
}

static void epoch(const struct ask_plan *plan, const struct ask_epoch *epoch)
{
    (void)plan;
    current.epoch = json_pack("{s:I,s:I,s:o,s:b}", "before", (json_int_t)epoch->before, "now",
                              (json_int_t)epoch->now, "seconds", seconds(epoch->elapsed), "valid",
                              epoch->valid);
}

static void asked(const struct ask_plan *plan, enum ask_result result, uint64_t untold)
{
    (void)plan;
    (void)fputs(current.number > 1 ? ",\n  " : "\n  ", stdout);
    write_value(json_pack("{s:s,s:o,s:o?,s:o,s:o,s:I,s:o?}", "result", ask_result_name(result),
                          "transmissions", current.transmissions, "answer", current.answer,
                          "others", current.others, "undelivered", current.troubles, "untold",
                          (json_int_t)untold, "epoch", current.epoch));
    (void)fflush(stdout);
}

static void end(const struct ask_plan *plan, enum ask_result result)
{
    (void)plan;
    (void)printf("\n], \"result\": \"%s\"}\n", ask_result_name(result));
}

const struct ask_view ask_view_json = {.begin = begin,
                                       .sent = sent,
                                       .arrival = arrival,
                                       .trouble = trouble,
                                       .epoch = epoch,
                                       .asked = asked,
                                       .end = end};
