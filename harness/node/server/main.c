/* pinhole-server: the lab's CoAP server. Devices register at it (POST /rd) and find each other there (GET
 * /rd-lookup/ep). Told to by SIGUSR1, it sends each of them a GET out of the blue, at the address that it named,
 * and tells who answers. */
#include "node/common/coap_port.h"
#include "node/common/coap_settings.h"
#include "node/common/coap_support.h"
#include "node/common/say.h"
#include "node/common/signals.h"
#include "node/server/directory.h"
#include "node/server/lookup.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1 };

/* A GET that is out. */
struct question {
    coap_session_t *session; /* NULL: the slot is free */
    struct coap_token token;
    char name[DIRECTORY_NAME_SIZE];
};

struct server {
    struct optional_place address;
    uint32_t port;
    const char *path;
    struct coap_patience patience;

    coap_context_t *context;
    struct directory directory;
    struct question questions[DIRECTORY_ENTRIES];
};

static const char about[] = "usage: pinhole-server [option]...\n"
                            "A CoAP server: takes registrations (POST "
                            "/rd?ep=NAME&base=coap://ADDRESS:PORT), tells where they\n"
                            "are (GET /rd-lookup/ep?ep=NAME), and on SIGUSR1 sends every "
                            "registered device a GET out of the blue.\n";

/* --- registrations ---------------------------------------------------------------------------- */

static void add_location(coap_pdu_t *response, uint32_t number)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%u", number);
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, 2, (const uint8_t *)"rd");
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, (size_t)length, (const uint8_t *)text);
}

/* Hands each Uri-Query option to take, until that returns false: then this does, too. */
static bool read_queries(const coap_pdu_t *request,
                         bool (*take)(const uint8_t *octets, size_t length, void *out), void *out)
{
    coap_opt_iterator_t iterator;
    coap_support_options(request, COAP_OPTION_URI_QUERY, &iterator);
    const coap_opt_t *option;
    while ((option = coap_option_next(&iterator))) {
        if (!take(coap_opt_value(option), coap_opt_length(option), out))
            return false;
    }
    return true;
}

static bool take_parameter(const uint8_t *octets, size_t length, void *out)
{
    return directory_read_parameter(octets, length, out);
}

static bool take_criterion(const uint8_t *octets, size_t length, void *out)
{
    return lookup_read_criterion(octets, length, out);
}

/* Links are of no use to this directory, so that it takes none that need several messages. libcoap must not put them
 * together either (see node/common/coap_body.h). */
static bool is_block(const coap_pdu_t *request)
{
    coap_block_t block;
    return coap_get_block(request, COAP_OPTION_BLOCK1, &block) && (block.num > 0 || block.m);
}

static void on_registration(coap_resource_t *resource, coap_session_t *session,
                            const coap_pdu_t *request, const coap_string_t *query,
                            coap_pdu_t *response)
{
    (void)query;
    struct server *server = coap_resource_get_userdata(resource);
    if (is_block(request)) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE(413));
        return;
    }
    struct place source;
    uint16_t port;
    coap_support_place(coap_session_get_addr_remote(session), &source, &port);
    struct registration wish = {.base = source, .base_port = port};
    coap_support_place(coap_session_get_addr_local(session), &wish.local, NULL);
    if (!read_queries(request, take_parameter, &wish) || !wish.name[0]) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
        return;
    }
    const struct registration *entry = directory_add(&server->directory, &wish);
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CREATED);
    add_location(response, entry->number);
    char from[PLACE_TEXT_SIZE];
    char base[PLACE_TEXT_SIZE];
    say("registered %s from %s base coap://%s", entry->name,
        place_text(&source.address, port, from),
        place_text(&entry->base.address, entry->base_port, base));
}

/* DELETE /rd/NUMBER. Registrations come and go, so their resources aren't made: what libcoap knows
 * nothing of ends here. */
static void on_unknown(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    (void)session;
    (void)query;
    struct server *server = coap_resource_get_userdata(resource);
    coap_string_t *path = coap_get_uri_path(request);
    unsigned long number = 0;
    if (path && path->length < 16 && strncmp((const char *)path->s, "rd/", 3) == 0)
        number = strtoul((const char *)path->s + 3, NULL, 10);
    coap_delete_string(path);
    struct registration *entry =
        number <= UINT32_MAX ? directory_find(&server->directory, (uint32_t)number) : NULL;
    if (!entry) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
        return;
    }
    say("deregistered %s", entry->name);
    directory_remove(entry);
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_DELETED);
}

/* GET /rd-lookup/ep. libcoap holds on to the answer while it sends blocks of it. */
static void on_lookup(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                      const coap_string_t *query, coap_pdu_t *response)
{
    struct server *server = coap_resource_get_userdata(resource);
    struct lookup lookup = {0};
    if (!read_queries(request, take_criterion, &lookup)) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
        return;
    }
    char *links = malloc(LOOKUP_ROOM);
    if (!links) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
        return;
    }
    size_t length = lookup_write(&server->directory, &lookup, links);
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_data_large_response(resource, session, request, response, query,
                                 COAP_MEDIATYPE_APPLICATION_LINK_FORMAT, -1, 0, length,
                                 (const uint8_t *)links, coap_support_free, links);
}

/* --- questions -------------------------------------------------------------------------------- */

static void ask(struct server *server, struct question *question, const struct registration *whom)
{
    struct error error = {0};
    char text[PLACE_TEXT_SIZE];
    coap_address_t from = coap_support_address(&whom->local, (uint16_t)server->port);
    coap_address_t to = coap_support_address(&whom->base, whom->base_port);
    memcpy(question->name, whom->name, sizeof question->name);
    say("asking %s at %s", whom->name, place_text(&whom->base.address, whom->base_port, text));
    question->session = coap_new_client_session(server->context, &from, &to, COAP_PROTO_UDP);
    if (!question->session) {
        say("no answer %s", question->name);
        return;
    }
    coap_session_set_app_data(question->session, question);
    coap_support_set_patience(question->session, &server->patience);
    if (coap_support_request(question->session, COAP_REQUEST_CODE_GET, server->path, NULL,
                             &question->token, &error) < 0) {
        complain("%s", error.text);
        coap_session_release(question->session);
        question->session = NULL;
    }
}

static void ask_all(struct server *server)
{
    bool anybody = false;
    for (size_t i = 0; i < DIRECTORY_ENTRIES; i++) {
        const struct registration *entry = &server->directory.entries[i];
        if (!entry->number)
            continue;
        anybody = true;
        if (!server->questions[i].session)
            ask(server, &server->questions[i], entry);
    }
    if (!anybody)
        say("nobody is registered");
}

static void settle(struct question *question)
{
    coap_session_set_app_data(question->session, NULL);
    coap_session_release(question->session);
    question->session = NULL;
}

static coap_response_t on_answer(coap_session_t *session, const coap_pdu_t *sent,
                                 const coap_pdu_t *received, const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct question *question = coap_session_get_app_data(session);
    if (!question || !coap_support_is(received, &question->token))
        return COAP_RESPONSE_OK;
    char code[8];
    say("answer %s %s", question->name, coap_support_code(coap_pdu_get_code(received), code));
    settle(question);
    return COAP_RESPONSE_OK;
}

static void on_silence(coap_session_t *session, const coap_pdu_t *sent,
                       const coap_nack_reason_t reason, const coap_mid_t mid)
{
    (void)mid;
    struct question *question = coap_session_get_app_data(session);
    /* An ICMP error is a hint that anybody can forge: the retransmissions go on. */
    if (!question || !sent || reason == COAP_NACK_ICMP_ISSUE)
        return;
    say("no answer %s", question->name);
    settle(question);
}

/* --- life ------------------------------------------------------------------------------------- */

static enum settings_result read_options(struct server *server, int count, char **arguments,
                                         struct error *error)
{
    server->port = COAP_DEFAULT_PORT;
    server->path = "status";
    server->patience = coap_patience_default;
    const struct setting settings[] = {
        {"address", "PINHOLE_ADDRESS", SETTING_PLACE, &server->address, 0, 0,
         "the address to listen on (all)"},
        {"port", "PINHOLE_SERVER_PORT", SETTING_NUMBER, &server->port, 1, UINT16_MAX,
         "the CoAP port (5683)"},
        {"path", NULL, SETTING_TEXT, &server->path, 0, 0, "what to ask the devices for (status)"},
        COAP_PATIENCE_SETTINGS(&server->patience),
    };
    return settings_read(about, settings, sizeof settings / sizeof settings[0], count, arguments,
                         error);
}

static int start(struct server *server, struct error *error)
{
    struct place local = {.address = address_any_ipv6()}; /* takes IPv4 too */
    if (server->address.given)
        local = server->address.place;
    coap_address_t address = coap_support_address(&local, (uint16_t)server->port);
    server->context = coap_new_context(NULL);
    if (!server->context || !coap_new_endpoint(server->context, &address, COAP_PROTO_UDP)) {
        char text[PLACE_TEXT_SIZE];
        return error_set(error, "could not listen on %s",
                         place_text(&local.address, (uint16_t)server->port, text));
    }
    coap_port_ignore_other_versions(&local, (uint16_t)server->port);
    coap_resource_t *rd = coap_resource_init(coap_make_str_const("rd"), 0);
    coap_resource_t *looked_up = coap_resource_init(coap_make_str_const("rd-lookup/ep"), 0);
    coap_resource_t *unknown = coap_resource_unknown_init2(NULL, 0);
    coap_context_t *context = server->context;
    coap_context_set_block_mode(context, COAP_BLOCK_USE_LIBCOAP);
    if (coap_support_serve(context, rd, server, COAP_REQUEST_POST, on_registration, error) < 0 ||
        coap_support_serve(context, looked_up, server, COAP_REQUEST_GET, on_lookup, error) < 0 ||
        coap_support_serve(context, unknown, server, COAP_REQUEST_DELETE, on_unknown, error) < 0)
        return -1;
    coap_register_response_handler(server->context, on_answer);
    coap_register_nack_handler(server->context, on_silence);
    return 0;
}

static void run(struct server *server, int signals)
{
    enum { SIGNALS, COAP, HANDLES };
    struct pollfd handles[HANDLES] = {
        [SIGNALS] = {.fd = signals, .events = POLLIN},
        [COAP] = {.fd = coap_context_get_coap_fd(server->context), .events = POLLIN},
    };
    for (;;) {
        uint32_t wait = coap_support_process(server->context);
        if (poll(handles, HANDLES, (int)wait) <= 0)
            continue;
        int signal = handles[SIGNALS].revents ? signals_read(signals) : 0;
        if (signal == SIGUSR1)
            ask_all(server);
        else if (signal)
            return;
    }
}

int main(int count, char **arguments)
{
    static struct server server;
    struct error error = {0};
    if (say_version(count, arguments))
        return EXIT_SUCCESS;
    int status = settings_status(read_options(&server, count, arguments, &error), &error);
    if (status >= 0)
        return status;
    int signals = signals_open((const int[]){SIGTERM, SIGINT, SIGUSR1, 0});
    coap_support_start();
    if (start(&server, &error) < 0) {
        complain("%s", error.text);
        return EXIT_FAILED;
    }
    say("ready port %u", server.port);
    run(&server, signals);
    coap_free_context(server.context);
    coap_cleanup();
    close(signals);
    return EXIT_SUCCESS;
}
