#include "node/lwm2m-server/command.h"

#include "node/common/say.h"
#include "node/lwm2m-server/command_line.h"
#include "node/lwm2m-server/contact.h"
#include "node/lwm2m-server/content_text.h"
#include "node/lwm2m-server/location.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 16384 /* of an answer, as text */ };

/* A command that waits for its answer, or observes. */
struct errand_of_command {
    struct manager *manager;
    struct command_reply reply;
    bool is_done; /* the reply was told so */
    struct lwm2m_path path;
    char name[LWM2M_ENDPOINT_SIZE];
};

/* --- answers ---------------------------------------------------------------------------------- */

static bool is_of_values(uint32_t format)
{
    return format != LWM2M_FORMAT_LINK && format != COAP_NO_FORMAT;
}

/* The payload as text. */
static const char *payload_text(struct manager *manager, const struct lwm2m_path *path,
                                const struct coap_answer *answer, char separator, char *text,
                                size_t size)
{
    bool is_good = COAP_RESPONSE_CLASS(answer->code) == 2;
    if (is_good && answer->length && is_of_values(answer->content_format) &&
        lwm2m_content_read(answer->content_format, path, answer->payload, answer->length,
                           &lwm2m_typing_of_registry, &manager->content, NULL) == LWM2M_CHANGED)
        return content_text(&manager->content, path, separator, text, size);
    return content_text_octets(answer->payload, answer->length, text, size);
}

static void tell_lines(const struct command_reply *reply, char *text)
{
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        reply->line(reply->context, line);
}

static void finish(struct errand_of_command *errand, const struct coap_answer *answer,
                   const char *status)
{
    static char text[TEXT_SIZE];
    char path[LWM2M_PATH_TEXT_SIZE];
    say("answer %s %s %s", errand->name, lwm2m_path_text(&errand->path, path), status);
    if (answer->code) {
        payload_text(errand->manager, &errand->path, answer, '\n', text, sizeof text);
        tell_lines(&errand->reply, text);
    }
    if (answer->location[0]) {
        snprintf(text, sizeof text, "location %s", answer->location);
        errand->reply.line(errand->reply.context, text);
    }
    errand->is_done = true;
    errand->reply.done(errand->reply.context, status);
}

static void on_answer(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)contact;
    struct errand_of_command *errand = context;
    char code[8];
    const char *status = answer->code ? coap_support_code(answer->code, code) : answer->why;
    if (!errand->is_done) {
        finish(errand, answer, status);
    } else if (COAP_RESPONSE_CLASS(answer->code) == 2) {
        static char text[TEXT_SIZE];
        char path[LWM2M_PATH_TEXT_SIZE];
        say("notified %s %s %s", errand->name, lwm2m_path_text(&errand->path, path),
            payload_text(errand->manager, &errand->path, answer, ' ', text, sizeof text));
    } else {
        char path[LWM2M_PATH_TEXT_SIZE];
        say("observation of %s %s ended: %s", errand->name, lwm2m_path_text(&errand->path, path),
            status);
    }
    if (!answer->is_observed)
        free(errand);
}

/* --- asking ----------------------------------------------------------------------------------- */

static int ask(struct manager *manager, struct contact *contact, const struct lwm2m_path *path,
               const struct coap_question *question, const struct command_reply *reply,
               struct error *error)
{
    struct errand_of_command *errand = calloc(1, sizeof *errand);
    if (!errand)
        return error_set(error, "no memory");
    errand->manager = manager;
    errand->reply = *reply;
    errand->path = *path;
    snprintf(errand->name, sizeof errand->name, "%s", contact_registration(contact)->endpoint);
    if (contact_ask(contact, question, on_answer, errand, error) < 0) {
        free(errand);
        return -1;
    }
    return 0;
}

static int run(struct manager *manager, struct command_line *line,
               const struct command_reply *reply, struct error *error)
{
    if (command_line_read(line, &manager->content, error) < 0)
        return -1;
    const struct lwm2m_registration *registration =
        lwm2m_registry_find_name(manager->registry, line->name);
    if (!registration)
        return error_set(error, "%s is not registered", line->name);
    return ask(manager, registration->session, &line->path, &line->question, reply, error);
}

/* --- of all devices --------------------------------------------------------------------------- */

static void list_one(const struct lwm2m_registration *registration,
                     const struct command_reply *reply)
{
    const struct contact *contact = registration->session;
    char place[PLACE_TEXT_SIZE];
    char location[LOCATION_SIZE];
    char text[512];
    snprintf(text, sizeof text, "%s %s rd/%s lifetime %u binding %s version %s%s%s%s%s",
             registration->endpoint, place_text(&registration->address, registration->port, place),
             location_text(registration->number, location), registration->lifetime,
             registration->binding, registration->version, registration->queue_mode ? " queue" : "",
             contact_is_asleep(contact) ? " asleep" : "", contact->identity[0] ? " identity " : "",
             contact->identity);
    reply->line(reply->context, text);
}

static void list(struct manager *manager, const struct command_reply *reply)
{
    bool end = false;
    for (uint32_t index = 0; !end; index++) {
        const struct lwm2m_registration *registration =
            lwm2m_registry_at(manager->registry, index, &end);
        if (registration && !end)
            list_one(registration, reply);
    }
    reply->done(reply->context, "2.05");
}

static void help(const struct command_reply *reply)
{
    char text[COMMAND_USAGE_SIZE];
    reply->line(reply->context, "list");
    for (size_t i = 0; command_line_usage(i, text); i++)
        reply->line(reply->context, text);
    reply->done(reply->context, "2.05");
}

static void ignore(void *context, const char *text)
{
    (void)context;
    (void)text;
}

void command_read_all(struct manager *manager)
{
    const struct command_reply nobody = {.line = ignore, .done = ignore};
    const struct lwm2m_path path = {.depth = 2, .id = {3, 0}};
    const struct coap_question question = {.method = COAP_REQUEST_CODE_GET,
                                           .path = "3/0",
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = COAP_NO_FORMAT};
    bool end = false;
    if (lwm2m_registry_count(manager->registry) == 0)
        say("nobody is registered");
    for (uint32_t index = 0; !end; index++) {
        struct error error = {0};
        const struct lwm2m_registration *registration =
            lwm2m_registry_at(manager->registry, index, &end);
        if (registration && !end &&
            ask(manager, registration->session, &path, &question, &nobody, &error) < 0)
            say("answer %s /3/0 %s", registration->endpoint, error.text);
    }
}

void command_run(struct manager *manager, const char *text, const struct command_reply *reply)
{
    struct error error = {0};
    struct command_line line;
    int status = command_line_split(text, &line, &error);
    if (status == 0 && strcmp(line.words[0], "help") == 0)
        help(reply);
    else if (status == 0 && strcmp(line.words[0], "list") == 0)
        list(manager, reply);
    else if (status == 0)
        status = run(manager, &line, reply, &error);
    if (status < 0)
        reply->done(reply->context, error.text);
}
