#include "node/lwm2m-bootstrap/bootstrap.h"

#include "engine/lwm2m/lwm2m_registration.h"
#include "node/common/say.h"
#include "wire/core_link.h"
#include "wire/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANCES_KNOWN = 64 };

struct bootstrap {
    struct bootstrap_server *server;
    struct bootstrap *next;
    coap_session_t *session; /* held */
    char name[LWM2M_ENDPOINT_SIZE];
    coap_mid_t message; /* of the request, which may come again */
    uint32_t format;
    bool is_due;       /* to begin */
    bool is_there;     /* it has answered something: its address is no feigned one */
    uint32_t question; /* the one that is out */
    uint16_t security; /* the instance of object 0 to write */
    bool has_pcp;
    size_t written; /* of the gift */
    char path[LWM2M_PATH_TEXT_SIZE];
};

/* --- a device --------------------------------------------------------------------------------- */

static void end(struct bootstrap *bootstrap)
{
    struct bootstrap **at = &bootstrap->server->first;
    while (*at != bootstrap)
        at = &(*at)->next;
    *at = bootstrap->next;
    bootstrap->server->count--;
    coap_asker_forget(bootstrap->server->asker, bootstrap->question);
    coap_session_set_app_data(bootstrap->session, NULL);
    coap_session_release(bootstrap->session);
    free(bootstrap);
}

static void give_up(struct bootstrap *bootstrap, const char *why)
{
    say("bootstrap %s failed at %s %s", bootstrap->name, bootstrap->path, why);
    end(bootstrap);
}

static void ask(struct bootstrap *bootstrap, struct coap_question question, coap_asked *asked)
{
    struct error error = {0};
    question.path = bootstrap->path + 1; /* without the slash */
    bootstrap->question = coap_asker_send(bootstrap->server->asker, bootstrap->session, &question,
                                          asked, bootstrap, &error);
    if (!bootstrap->question)
        give_up(bootstrap, error.text);
}

/* An answer of another class than 2.xx, or none, ends it. */
static bool is_good(struct bootstrap *bootstrap, const struct coap_answer *answer)
{
    char code[8];
    bootstrap->question = 0;
    bool good = COAP_RESPONSE_CLASS(answer->code) == 2;
    if (!good)
        give_up(bootstrap, answer->code ? coap_support_code(answer->code, code) : answer->why);
    return good;
}

static const struct coap_question bare = {.content_format = COAP_NO_FORMAT,
                                          .accept = COAP_NO_FORMAT};

/* --- finish ----------------------------------------------------------------------------------- */

static void on_finished(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct bootstrap *bootstrap = context;
    if (!is_good(bootstrap, answer))
        return;
    say("bootstrap %s finished", bootstrap->name);
    end(bootstrap);
}

static void finish(struct bootstrap *bootstrap)
{
    struct coap_question question = bare;
    question.method = COAP_REQUEST_CODE_POST;
    strcpy(bootstrap->path, "/bs");
    ask(bootstrap, question, on_finished);
}

/* --- write ------------------------------------------------------------------------------------ */

static void write_next(struct bootstrap *bootstrap);

static void on_written(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct bootstrap *bootstrap = context;
    if (is_good(bootstrap, answer))
        write_next(bootstrap);
}

static void write_next(struct bootstrap *bootstrap)
{
    uint8_t payload[GIFT_PAYLOAD_SIZE];
    struct lwm2m_path path;
    struct error error = {0};
    int length = gift_write(&bootstrap->server->gift, bootstrap->written++, bootstrap->security,
                            bootstrap->has_pcp, bootstrap->format, &path, payload, &error);
    if (length <= 0) {
        if (length < 0)
            give_up(bootstrap, error.text);
        else
            finish(bootstrap);
        return;
    }
    struct coap_question question = bare;
    question.method = COAP_REQUEST_CODE_PUT;
    question.content_format = bootstrap->format;
    question.payload = payload;
    question.length = (size_t)length;
    lwm2m_path_text(&path, bootstrap->path);
    ask(bootstrap, question, on_written);
}

/* --- discover --------------------------------------------------------------------------------- */

/* What Discover lists. */
struct discovered {
    bool any_object;
    bool has_pcp;
    bool security[INSTANCES_KNOWN]; /* instances of object 0 */
};

static void note_link(const struct core_link *link, struct discovered *out)
{
    struct lwm2m_path path;
    if (!lwm2m_path_read(link->target, link->target_length, &path) || path.depth == 0)
        return;
    out->any_object |= path.id[0] != 0;
    out->has_pcp |= path.id[0] == LWM2M_OBJECT_PCP_CONTEXT;
    if (path.depth >= 2 && path.id[0] == 0 && path.id[1] < INSTANCES_KNOWN)
        out->security[path.id[1]] = true;
}

/* Links, but for what stands in front of them: lwm2m="1.0" (section 5.2.7.3). */
static void read_links(const char *text, size_t length, struct discovered *out)
{
    const char *start = length ? memchr(text, '<', length) : NULL;
    size_t left = start ? length - (size_t)(start - text) : 0;
    size_t offset = 0;
    struct core_link link;
    while (left && core_link_next(start, left, &offset, &link) == CORE_LINK_FOUND)
        note_link(&link, out);
}

static void on_discovered(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct bootstrap *bootstrap = context;
    struct discovered found = {0};
    if (COAP_RESPONSE_CLASS(answer->code) > 2) {
        /* Some don't know Discover. Where they keep the account of this server is their matter; most at 0. */
        say("bootstrap %s without Discover", bootstrap->name);
        bootstrap->question = 0;
        found.security[0] = true;
    } else if (is_good(bootstrap, answer)) {
        read_links((const char *)answer->payload, answer->length, &found);
    } else {
        return;
    }
    bootstrap->security = 0;
    while (bootstrap->security < INSTANCES_KNOWN - 1 && found.security[bootstrap->security])
        bootstrap->security++;
    /* A device that lists objects without PCP-context has none. */
    bootstrap->has_pcp = found.has_pcp || !found.any_object;
    if (!bootstrap->has_pcp && bootstrap->server->gift.pcp_instances)
        say("bootstrap %s without PCP-context", bootstrap->name);
    write_next(bootstrap);
}

/* --- delete ----------------------------------------------------------------------------------- */

static void on_deleted(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct bootstrap *bootstrap = context;
    if (!is_good(bootstrap, answer))
        return;
    bootstrap->is_there = true;
    struct coap_question question = bare;
    question.method = COAP_REQUEST_CODE_GET;
    question.accept = LWM2M_FORMAT_LINK;
    ask(bootstrap, question, on_discovered);
}

static void begin(struct bootstrap *bootstrap)
{
    struct coap_question question = bare;
    question.method = COAP_REQUEST_CODE_DELETE;
    bootstrap->is_due = false;
    bootstrap->written = 0;
    strcpy(bootstrap->path, "/");
    ask(bootstrap, question, on_deleted);
}

void bootstrap_begin_due(struct bootstrap_server *server)
{
    struct bootstrap *next;
    for (struct bootstrap *bootstrap = server->first; bootstrap; bootstrap = next) {
        next = bootstrap->next;
        if (bootstrap->is_due)
            begin(bootstrap);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

/* pct, the content format that a device of 1.1 would rather have: of instances, as those are written. */
static enum lwm2m_code read_format(const char *text, uint32_t *format)
{
    const struct lwm2m_path instance = {.depth = 2};
    int64_t number;
    if (!decimal_read_integer(text, strlen(text), &number) || number < 0 || number > UINT16_MAX)
        return LWM2M_BAD_REQUEST;
    *format = (uint32_t)number;
    return lwm2m_content_can(*format, &instance, NULL, 0) ? LWM2M_CHANGED : LWM2M_UNSUPPORTED;
}

/* ep and pct; LWM2M_CHANGED, or the refusal (section 6.1.7 of 1.1). Who has proven an identity need not tell a name. */
static enum lwm2m_code read_request(const coap_session_t *session, const coap_pdu_t *request,
                                    char name[LWM2M_ENDPOINT_SIZE], uint32_t *format)
{
    char identity[COAP_IDENTITY_SIZE];
    struct coap_queries queries;
    enum lwm2m_code code = LWM2M_CHANGED;
    name[0] = '\0';
    *format = LWM2M_FORMAT_TLV;
    if (!coap_support_queries(request, &queries))
        return LWM2M_BAD_REQUEST;
    for (const char *const *query = queries.list; *query; query++) {
        bool is_name = strncmp(*query, "ep=", 3) == 0;
        if (is_name && (name[0] || !lwm2m_endpoint_take(*query + 3, name)))
            return LWM2M_BAD_REQUEST;
        if (code == LWM2M_CHANGED && strncmp(*query, "pct=", 4) == 0)
            code = read_format(*query + 4, format);
    }
    coap_keys_identity(session, identity);
    return name[0] || lwm2m_endpoint_take(identity, name) ? code : LWM2M_BAD_REQUEST;
}

/* The secrets of an account are not for who listens on the way, nor for who asks without proving anything, where
 * devices can. */
static bool may_be_given(const struct bootstrap_server *server, const coap_session_t *session)
{
    return !server->is_secure || !server->gift.key_length ||
           coap_session_get_proto(session) == COAP_PROTO_DTLS;
}

/* When there is no more room, the first of those that never answered goes: they may be feigned, all of them. */
static bool make_room(const struct bootstrap_server *server)
{
    struct bootstrap *oldest = NULL;
    for (struct bootstrap *each = server->first; each; each = each->next) {
        if (!each->is_there && !each->is_due)
            oldest = each;
    }
    if (server->count == BOOTSTRAPS && oldest)
        give_up(oldest, "as others ask");
    return server->count < BOOTSTRAPS;
}

/* The session's own; NULL with the code of the refusal. */
static struct bootstrap *open_bootstrap(struct bootstrap_server *server, coap_session_t *session,
                                        coap_pdu_code_t *refusal)
{
    struct bootstrap *bootstrap = coap_session_get_app_data(session);
    if (bootstrap) { /* starts over */
        coap_asker_forget(server->asker, bootstrap->question);
        bootstrap->question = 0;
        return bootstrap;
    }
    *refusal = COAP_RESPONSE_CODE(503);
    if (!make_room(server) || !(bootstrap = calloc(1, sizeof *bootstrap)))
        return NULL;
    bootstrap->server = server;
    bootstrap->session = coap_session_reference(session);
    bootstrap->next = server->first;
    bootstrap->message = COAP_INVALID_MID;
    server->first = bootstrap;
    server->count++;
    coap_session_set_app_data(session, bootstrap);
    coap_support_set_patience(session, &server->patience);
    return bootstrap;
}

static void on_request(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    (void)query;
    struct bootstrap_server *server = coap_resource_get_userdata(resource);
    struct bootstrap *bootstrap = coap_session_get_app_data(session);
    char name[LWM2M_ENDPOINT_SIZE];
    uint32_t format;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE(204));
    if (bootstrap && bootstrap->message == coap_pdu_get_mid(request))
        return; /* sent again */
    if (!may_be_given(server, session)) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE(403));
        return;
    }
    enum lwm2m_code code = read_request(session, request, name, &format);
    coap_pdu_code_t refusal = (coap_pdu_code_t)code;
    if (code != LWM2M_CHANGED || !(bootstrap = open_bootstrap(server, session, &refusal))) {
        coap_pdu_set_code(response, refusal);
        return;
    }
    memcpy(bootstrap->name, name, sizeof bootstrap->name);
    bootstrap->format = format;
    bootstrap->message = coap_pdu_get_mid(request);
    bootstrap->is_due = true;
    say("bootstrap %s requested", bootstrap->name);
}

void bootstrap_lose_session(coap_session_t *session)
{
    struct bootstrap *bootstrap = coap_session_get_app_data(session);
    if (bootstrap)
        give_up(bootstrap, "session lost");
}

int bootstrap_serve(struct bootstrap_server *server, struct error *error)
{
    coap_resource_t *resource = coap_resource_init(coap_make_str_const("bs"), 0);
    return coap_support_serve(server->listener.context, resource, server, COAP_REQUEST_POST,
                              on_request, error);
}
