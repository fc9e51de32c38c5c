#include "node/lwm2m-device/lwm2m_coap.h"

#include "node/common/clock.h"
#include "node/common/say.h"

#include <stdio.h>
#include <string.h>

enum {
    EXCHANGE_LIFETIME = 247000, /* ms; RFC 7252 section 4.8.2 */
    OBSERVE_BEGIN = 0
};

/* --- a request, read -------------------------------------------------------------------------- */

static bool is_at(const coap_pdu_t *request, const char *path)
{
    coap_string_t *text = coap_get_uri_path(request);
    bool same = text && text->length == strlen(path) && memcmp(text->s, path, text->length) == 0;
    coap_delete_string(text);
    return same;
}

static bool read_path(const coap_pdu_t *request, struct lwm2m_path *path)
{
    coap_string_t *text = coap_get_uri_path(request);
    bool good = text && lwm2m_path_read((const char *)text->s, text->length, path);
    coap_delete_string(text);
    return good;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void add_location(coap_pdu_t *response, const struct lwm2m_path *path)
{
    for (uint8_t i = 0; i < path->depth; i++) {
        char id[8];
        int length = snprintf(id, sizeof id, "%u", path->id[i]);
        coap_add_option(response, COAP_OPTION_LOCATION_PATH, (size_t)length, (const uint8_t *)id);
    }
}

static bool add_payload(coap_resource_t *resource, coap_session_t *session,
                        const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *pdu,
                        const struct lwm2m_response *response)
{
    uint8_t *copy = coap_support_copy(response->payload, response->length);
    return copy && coap_add_data_large_response(resource, session, request, pdu, query,
                                                (uint16_t)response->format, -1, 0, response->length,
                                                copy, coap_support_free, copy) != 0;
}

/* --- observing -------------------------------------------------------------------------------- */

static bool begin(struct lwm2m_coap *coap, const struct lwm2m_path *path)
{
    return lwm2m_observe_begin(coap->serve->observations, coap->serve->model, path,
                               clock_milliseconds());
}

/* A source can be feigned: each that observes costs memory here, and its victim notifications. Nor does a stranger
 * move the periods of whom the server observes. */
static bool let_watch(struct lwm2m_coap *coap, coap_session_t *session,
                      const struct lwm2m_path *path)
{
    const coap_session_t **place = NULL;
    for (size_t i = 0; i < LWM2M_COAP_WATCHERS; i++) {
        const coap_session_t **watcher = &coap->watchers[i];
        if (*watcher == session || (!*watcher && !(place && *place)))
            place = watcher;
    }
    if (!place || !(lwm2m_observe_is_begun(coap->serve->observations, path) || begin(coap, path)))
        return false;
    *place = session;
    coap_session_set_app_data(session, coap->owner);
    return true;
}

/* Who observes what is for libcoap to know, and when to tell for the engine. A notification asks this, too, with the
 * request that it answers. False if there is no room for another observation, or observer. */
static bool see_to_observing(struct lwm2m_coap *coap, enum lwm2m_caller caller,
                             coap_session_t *session, const coap_pdu_t *request,
                             const struct lwm2m_path *path)
{
    enum { NOT_OBSERVING = 2 };
    if (path->depth == 0 || coap_pdu_get_code(request) != COAP_REQUEST_CODE_GET)
        return true;
    uint32_t observe = coap_support_number(request, COAP_OPTION_OBSERVE, NOT_OBSERVING);
    if (observe != OBSERVE_BEGIN || !lwm2m_coap_resource_at(coap, path))
        return true;
    return caller == LWM2M_CALLER_STRANGER ? let_watch(coap, session, path) : begin(coap, path);
}

/* libcoap has noted the observer before it asks for the answer, and forgets it only with an error: to answer by the
 * value alone would let it wait for notifications that never come. */
static void refuse_to_observe(struct lwm2m_response *out)
{
    out->code = (enum lwm2m_code)COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
    out->format = LWM2M_FORMAT_NONE;
}

/* --- messages that come again ----------------------------------------------------------------- */

static struct lwm2m_coap_done *find_done(struct lwm2m_coap *coap, const coap_session_t *session,
                                         coap_mid_t message)
{
    for (size_t i = 0; i < LWM2M_COAP_RECENT; i++) {
        struct lwm2m_coap_done *done = &coap->done[i];
        if (done->session == session && done->message == message &&
            clock_milliseconds() < done->until)
            return done;
    }
    return NULL;
}

static void remember(struct lwm2m_coap *coap, const coap_session_t *session, coap_mid_t message,
                     const struct lwm2m_response *response)
{
    struct lwm2m_coap_done *done = &coap->done[coap->next_done];
    coap->next_done = (uint8_t)((coap->next_done + 1) % LWM2M_COAP_RECENT);
    *done = (struct lwm2m_coap_done){
        .session = session,
        .message = message,
        .until = clock_milliseconds() + clock_scaled(EXCHANGE_LIFETIME),
        .code = response->code,
        .has_location = response->has_location,
        .location = response->location,
    };
}

void lwm2m_coap_forget(struct lwm2m_coap *coap, const coap_session_t *session)
{
    for (size_t i = 0; i < LWM2M_COAP_RECENT; i++) {
        if (coap->done[i].session == session)
            coap->done[i].session = NULL;
    }
    for (size_t i = 0; i < LWM2M_COAP_WATCHERS; i++) {
        if (coap->watchers[i] == session)
            coap->watchers[i] = NULL;
    }
    coap_body_forget(&coap->bodies, session);
}

/* --- serving ---------------------------------------------------------------------------------- */

static bool is_reading(const coap_pdu_t *request)
{
    coap_pdu_code_t code = coap_pdu_get_code(request);
    return code == COAP_REQUEST_CODE_GET || code == COAP_REQUEST_CODE_FETCH;
}

/* What anybody may ask. True if it was answered. */
static bool answer_anybody(struct lwm2m_coap *coap, const coap_pdu_t *request, coap_pdu_t *response)
{
    static const char alive[] = "alive";
    static const char links[] = "</status>;ct=0";
    static const char more_links[] = "</status>;ct=0,</3303/0/5700>;ct=0";
    const char *text = NULL;
    bool is_core = is_at(request, ".well-known/core");
    if (is_core)
        text = coap->open_read ? more_links : links;
    else if (is_at(request, "status"))
        text = alive;
    if (!text)
        return false;
    if (coap_pdu_get_code(request) != COAP_REQUEST_CODE_GET) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_ALLOWED);
        return true;
    }
    uint8_t format[2];
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_option(response, COAP_OPTION_CONTENT_FORMAT,
                    coap_encode_var_safe(format, sizeof format,
                                         is_core ? LWM2M_FORMAT_LINK : LWM2M_FORMAT_TEXT),
                    format);
    coap_add_data(response, strlen(text), (const uint8_t *)text);
    if (!is_core)
        say("answered GET /status");
    return true;
}

/* Of options that are critical libcoap refuses those that it doesn't know. These it does; nothing here has an ETag. */
static bool has_condition(const coap_pdu_t *request)
{
    coap_opt_iterator_t iterator;
    return coap_check_option(request, COAP_OPTION_IF_MATCH, &iterator) ||
           coap_check_option(request, COAP_OPTION_IF_NONE_MATCH, &iterator);
}

static bool may_ask(const struct lwm2m_coap *coap, enum lwm2m_caller caller,
                    const coap_pdu_t *request, const struct lwm2m_path *path)
{
    switch (caller) {
    case LWM2M_CALLER_SERVER:
        return true;
    case LWM2M_CALLER_BOOTSTRAP:
        return lwm2m_client_is_bootstrapping(coap->client);
    case LWM2M_CALLER_STRANGER:
        break;
    }
    return coap->open_read && coap_pdu_get_code(request) == COAP_REQUEST_CODE_GET &&
           path->depth > 0 && path->id[0] == lwm2m_object_temperature.id;
}

static void serve(struct lwm2m_coap *coap, enum lwm2m_caller caller, const coap_session_t *session,
                  const coap_pdu_t *request, const struct lwm2m_path *path,
                  struct lwm2m_response *out)
{
    struct coap_queries queries;
    struct lwm2m_request in = {
        .method = (enum lwm2m_method)coap_pdu_get_code(request),
        .from_bootstrap = caller == LWM2M_CALLER_BOOTSTRAP,
        .path = *path,
        .queries = queries.list,
        .content_format =
            coap_support_number(request, COAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_NONE),
        .accept = coap_support_number(request, COAP_OPTION_ACCEPT, LWM2M_FORMAT_NONE),
    };
    /* Strangers read; the room for bodies is for those who may write. */
    uint8_t code = caller == LWM2M_CALLER_STRANGER
                       ? 0
                       : coap_body_take(&coap->bodies, session, request, &in.payload, &in.length);
    if (code) {
        out->code = code;
        return;
    }
    if (!coap_support_queries(request, &queries))
        out->code = LWM2M_BAD_REQUEST;
    else
        lwm2m_serve(coap->serve, &in, out);
    if (!is_reading(request))
        coap->is_stale = true;
    if (out->instances_changed)
        coap->instances_changed(coap->owner);
}

/* Of a server that may ask, or a stranger who may not. */
static void answer_caller(struct lwm2m_coap *coap, enum lwm2m_caller caller,
                          coap_session_t *session, const coap_pdu_t *request,
                          struct lwm2m_response *out)
{
    struct lwm2m_path path;
    if (caller == LWM2M_CALLER_BOOTSTRAP && is_at(request, "bs")) {
        out->code = coap_pdu_get_code(request) == COAP_REQUEST_CODE_POST
                        ? lwm2m_client_bootstrap_finish(coap->client, clock_milliseconds())
                        : LWM2M_NOT_ALLOWED;
        return;
    }
    bool is_path = read_path(request, &path);
    if (!is_path && caller != LWM2M_CALLER_STRANGER)
        out->code = LWM2M_NOT_FOUND;
    else if (!is_path || !may_ask(coap, caller, request, &path))
        out->code = LWM2M_UNAUTHORIZED;
    else if (has_condition(request))
        out->code = LWM2M_BAD_OPTION;
    else
        serve(coap, caller, session, request, &path, out);
    if (is_path && out->code == LWM2M_CONTENT &&
        !see_to_observing(coap, caller, session, request, &path))
        refuse_to_observe(out);
}

void lwm2m_coap_answer(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    struct lwm2m_coap_resource *entry = coap_resource_get_userdata(resource);
    struct lwm2m_coap *coap = entry->coap;
    if (answer_anybody(coap, request, response))
        return;
    enum lwm2m_caller caller = coap->caller_of(coap->owner, session);
    struct lwm2m_response out = {
        .payload = coap->payload, .capacity = sizeof coap->payload, .format = LWM2M_FORMAT_NONE};
    coap_mid_t message = coap_pdu_get_mid(request);
    bool changes = caller != LWM2M_CALLER_STRANGER && !is_reading(request);
    const struct lwm2m_coap_done *done = changes ? find_done(coap, session, message) : NULL;
    if (done) {
        out.code = done->code;
        out.has_location = done->has_location;
        out.location = done->location;
    } else {
        answer_caller(coap, caller, session, request, &out);
    }
    if (changes && !done)
        remember(coap, session, message, &out);
    if (caller == LWM2M_CALLER_SERVER)
        lwm2m_client_heard(coap->client, clock_milliseconds());
    coap_pdu_set_code(response, (coap_pdu_code_t)out.code);
    if (out.has_location)
        add_location(response, &out.location);
    coap_body_acknowledge(request, response);
    /* libcoap has refused already what asks for a block behind the last. */
    if (out.format != LWM2M_FORMAT_NONE &&
        !add_payload(resource, session, request, query, response, &out) &&
        COAP_RESPONSE_CLASS(coap_pdu_get_code(response)) == 2)
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
}
