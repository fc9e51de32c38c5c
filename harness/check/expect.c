/* Judges expectations one after another, one pass over the capture for each.
 *
 * Several passes cost little beside the run that made the capture, and keep memory at one window. When
 * an expectation's anchor is found, the values that later ones want from it are read at once, since
 * the anchor's octets are gone with the next packet.
 */
#include "check/expect.h"

#include "check/event.h"
#include "check/expect_compile.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one packet ----------------------------------------------------------------------------- */

static bool holds(enum expect_operation operation, int order)
{
    switch (operation) {
    case EQUAL:
        return order == 0;
    case NOT_EQUAL:
        return order != 0;
    case AT_LEAST:
        return order >= 0;
    case AT_MOST:
        return order <= 0;
    case MORE:
        return order > 0;
    case LESS:
        return order < 0;
    }
    return false;
}

static int compare(enum field_kind kind, const struct field_value *a, const struct field_value *b)
{
    switch (kind) {
    case FIELD_NUMBER:
        return (a->number > b->number) - (a->number < b->number);
    case FIELD_ADDRESS:
        return address_equal(&a->address, &b->address) ? 0 : 1;
    case FIELD_TEXT:
        return strcmp(a->text, b->text);
    }
    return 1;
}

/* Any value of the field will do; for "!=" none may be equal. */
static bool condition_holds(const struct expect_term *condition, const struct sighting *sighting)
{
    struct field_value value;
    for (size_t i = 0; field_read(&condition->use, sighting, i, &value); i++) {
        int order = compare(condition->use.field->kind, &value, &condition->value);
        if (condition->operation == NOT_EQUAL ? order == 0 : holds(condition->operation, order))
            return condition->operation != NOT_EQUAL;
    }
    return condition->operation == NOT_EQUAL;
}

/* --- one pass ------------------------------------------------------------------------------- */

/* What came closest to a match, for the message. */
struct nearest {
    uint64_t frame;
    size_t score;
    char text[300];
};

struct pass {
    const struct expectation *source;
    struct expect_compiled *compiled;
    struct expect_verdict *verdict;
    struct nearest nearest;
    struct flow_quiet quiet;
    struct flow_requests requests;
    uint64_t candidates; /* of the kind, at the place, in time */
    uint64_t after_frame;
    uint64_t before_frame; /* UINT64_MAX: no bound */
    bool interface_seen;
};

static void note_nearest(struct nearest *nearest, size_t score, const struct sighting *sighting,
                         const struct expect_term *unmet, const char *name)
{
    if (nearest->frame && score <= nearest->score)
        return;
    struct field_value value = {.kind = unmet->use.field->kind};
    char text[FIELD_TEXT_SIZE] = "missing";
    if (field_read(&unmet->use, sighting, 0, &value))
        (void)field_format(unmet->use.field, &value, text);
    nearest->frame = sighting->event->frame;
    nearest->score = score;
    (void)snprintf(nearest->text, sizeof nearest->text, "nearest is frame %" PRIu64 ": %s is %s",
                   nearest->frame, name, text);
}

static void note_noise(struct nearest *nearest, size_t score, const struct event *event,
                       int64_t silence)
{
    if (nearest->frame && score < nearest->score)
        return;
    nearest->frame = event->frame;
    nearest->score = score;
    (void)snprintf(nearest->text, sizeof nearest->text,
                   "frame %" PRIu64 " came after %.3f s of silence", event->frame,
                   (double)silence / 1e9);
}

static bool conditions_hold(struct pass *pass, const struct sighting *sighting)
{
    const struct expect_term *unmet = NULL;
    const char *name = NULL;
    size_t score = 0;
    for (size_t i = 0; i < pass->source->where_count; i++) {
        const struct expect_term *condition = &pass->compiled->conditions[i];
        if (condition_holds(condition, sighting)) {
            score++;
        } else if (!unmet) {
            unmet = condition;
            name = pass->source->where[i].field;
        }
    }
    if (unmet)
        note_nearest(&pass->nearest, score, sighting, unmet, name);
    return !unmet;
}

static bool at_place(struct pass *pass, const struct event_source *source,
                     const struct event *event)
{
    const char *at = pass->source->at;
    if (at && strcmp(event_interface_name(source, event->interface), at) != 0)
        return false;
    pass->interface_seen = true;
    const char *direction = pass->source->direction;
    return !direction ||
           event->direction == (strcmp(direction, "in") == 0 ? DIRECTION_IN : DIRECTION_OUT);
}

/* Reads what later expectations want of this anchor. */
static void resolve(struct expect_compiled *list, const struct expectation *sources, size_t own,
                    size_t count, const struct sighting *sighting)
{
    for (size_t i = own + 1; i < count; i++) {
        for (size_t k = 0; k < sources[i].where_count; k++) {
            struct expect_term *condition = &list[i].conditions[k];
            if (condition->reference == own)
                condition->resolved =
                    field_read(&condition->reference_use, sighting, 0, &condition->value);
        }
    }
}

/* Decodes the event as what is to be seen. Requests are noted wherever they are, since a response that is
 * looked at may answer one that isn't. */
static bool decode_event(struct pass *pass, const struct event *event, struct sighting *sighting)
{
    sighting->event = event;
    sighting->request_path[0] = '\0';
    if (!pass->compiled->see->decode(event, sighting))
        return false;
    if (pass->compiled->see->decode == decode_coap)
        flow_requests_path(&pass->requests, event, &sighting->as.coap, sighting->request_path);
    return true;
}

static bool event_matches(struct pass *pass, const struct event_source *source,
                          const struct event *event, struct sighting *sighting, struct error *error)
{
    int64_t silence = 0;
    if (pass->source->quiet > 0 && event->packet.ip_version != 0) {
        silence = flow_quiet_note(&pass->quiet, event);
        if (silence < 0) {
            (void)error_set(error, "out of memory");
            return false;
        }
    }
    bool decoded = decode_event(pass, event, sighting);
    if (!at_place(pass, source, event) || event->frame <= pass->after_frame ||
        event->frame >= pass->before_frame)
        return false;
    if (!decoded)
        return false;
    pass->candidates++;
    if (!conditions_hold(pass, sighting))
        return false;
    if (silence < pass->source->quiet) {
        note_noise(&pass->nearest, pass->source->where_count, event, silence);
        return false;
    }
    return true;
}

static int run_pass(struct pass *pass, const char *capture, const struct expectation *sources,
                    struct expect_compiled *list, size_t own, size_t count, struct error *error)
{
    struct expect_verdict *verdict = pass->verdict;
    struct event_source *source = event_open(capture, error);
    if (!source)
        return -1;
    struct event event;
    struct sighting sighting;
    bool first = true;
    int got = 0;
    while ((got = event_next(source, &event, error)) > 0) {
        if (first)
            pass->quiet.unknown_before = event.time;
        first = false;
        if (!event_matches(pass, source, &event, &sighting, error)) {
            if (error->text[0]) {
                got = -1;
                break;
            }
            continue;
        }
        if (verdict->frame_count < EXPECT_FRAMES)
            verdict->frames[verdict->frame_count++] = event.frame;
        verdict->matched++;
        bool nth =
            pass->compiled->count_operation == EQUAL || pass->compiled->count_operation == AT_LEAST;
        if (verdict->matched == (nth ? pass->compiled->count : 1) && !pass->source->absent) {
            pass->compiled->anchor_frame = event.frame;
            resolve(list, sources, own, count, &sighting);
        }
    }
    event_close(source);
    return got < 0 ? -1 : 0;
}

/* --- the verdict ---------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

static void write_expected(const struct expectation *source, const struct expect_compiled *compiled,
                           struct expect_verdict *verdict)
{
    char *text = verdict->expected;
    size_t size = sizeof verdict->expected;
    text[0] = '\0';
    if (source->absent)
        append(text, size, "no %s", source->see);
    else if (source->count)
        append(text, size, "%s %s", source->count, source->see);
    else
        append(text, size, "%s", source->see);
    if (source->at)
        append(text, size, " at %s", source->at);
    if (source->direction)
        append(text, size, " %s", source->direction);
    for (size_t i = 0; i < source->where_count; i++) {
        const struct expect_term *condition = &compiled->conditions[i];
        append(text, size, ", %s %s", source->where[i].field, source->where[i].value);
        char value[FIELD_TEXT_SIZE];
        if (condition->reference != NO_REFERENCE && condition->resolved)
            append(text, size, " (%s)",
                   field_format(condition->use.field, &condition->value, value));
    }
    if (source->quiet > 0)
        append(text, size, ", after %.3f s of silence", (double)source->quiet / 1e9);
    if (source->after)
        append(text, size, ", after '%s'", source->after);
    if (source->before)
        append(text, size, ", before '%s'", source->before);
}

static void write_actual(const struct pass *pass)
{
    struct expect_verdict *verdict = pass->verdict;
    const struct expectation *source = pass->source;
    char *text = verdict->actual;
    size_t size = sizeof verdict->actual;
    text[0] = '\0';
    if (source->at && !pass->interface_seen) {
        append(text, size, "no packet at all was captured at %s", source->at);
        return;
    }
    if (verdict->matched > 0) {
        append(text, size, "%" PRIu64 " seen: frame", verdict->matched);
        for (size_t i = 0; i < verdict->frame_count; i++)
            append(text, size, "%s %" PRIu64, i > 0 ? "," : "", verdict->frames[i]);
        if (verdict->matched > verdict->frame_count)
            append(text, size, ", ...");
    } else {
        append(text, size, "none among %" PRIu64 " %s packets there and then", pass->candidates,
               source->see);
    }
    if (verdict->outcome == EXPECT_FAIL && pass->nearest.frame && !source->absent)
        append(text, size, "; %s", pass->nearest.text);
}

/* The expectation that this one needs and that was not met, or NULL. */
static const char *missing_anchor(const struct expectation *sources,
                                  const struct expect_compiled *list, size_t own)
{
    if (list[own].after != NO_REFERENCE && !list[list[own].after].anchor_frame)
        return sources[own].after;
    for (size_t i = 0; i < sources[own].where_count; i++)
        if (!list[own].conditions[i].resolved)
            return sources[list[own].conditions[i].reference].name;
    return NULL;
}

static int judge_one(const char *capture, const struct expectation *sources,
                     struct expect_compiled *list, size_t own, size_t count,
                     struct expect_verdict *verdict, struct error *error)
{
    struct expect_compiled *compiled = &list[own];
    *verdict = (struct expect_verdict){.outcome = EXPECT_FAIL};
    const char *missing = missing_anchor(sources, list, own);
    if (missing) {
        write_expected(&sources[own], compiled, verdict);
        (void)snprintf(verdict->actual, sizeof verdict->actual,
                       "not judged: '%s', to which this refers, was not met or lacks the field",
                       missing);
        return 0;
    }
    struct pass pass = {.source = &sources[own],
                        .compiled = compiled,
                        .verdict = verdict,
                        .before_frame = UINT64_MAX};
    if (compiled->after != NO_REFERENCE)
        pass.after_frame = list[compiled->after].anchor_frame;
    if (compiled->before != NO_REFERENCE && list[compiled->before].anchor_frame)
        pass.before_frame = list[compiled->before].anchor_frame;
    if (!flow_quiet_open(&pass.quiet))
        return error_set(error, "out of memory");
    if (!flow_requests_open(&pass.requests)) {
        flow_quiet_close(&pass.quiet);
        return error_set(error, "out of memory");
    }
    int result = run_pass(&pass, capture, sources, list, own, count, error);
    flow_quiet_close(&pass.quiet);
    flow_requests_close(&pass.requests);
    if (result != 0)
        return -1;
    int order = (verdict->matched > compiled->count) - (verdict->matched < compiled->count);
    bool good = sources[own].absent
                    ? verdict->matched == 0 && (pass.interface_seen || !sources[own].at)
                    : holds(compiled->count_operation, order);
    verdict->outcome = good ? EXPECT_PASS : EXPECT_FAIL;
    write_expected(&sources[own], compiled, verdict);
    write_actual(&pass);
    return 0;
}

int expect_judge(const char *capture, const struct expectation *list, size_t count,
                 struct expect_verdict *verdicts, struct error *error)
{
    struct error own_error = {0}; /* a pass looks at its text, so there must be one */
    struct expect_compiled *compiled = calloc(count ? count : 1, sizeof *compiled);
    if (!compiled)
        return error_set(error, "out of memory");
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = expect_compile(list, i, &compiled[i], NULL, &own_error);
    for (size_t i = 0; i < count && result == 0; i++)
        result = judge_one(capture, list, compiled, i, count, &verdicts[i], &own_error);
    free(compiled);
    return result == 0 ? 0 : error_set(error, "%s", own_error.text);
}
