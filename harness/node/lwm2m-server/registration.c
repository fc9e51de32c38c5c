#include "node/lwm2m-server/registration.h"

#include "node/common/chance.h"
#include "node/common/clock.h"
#include "node/common/say.h"
#include "node/lwm2m-server/contact.h"
#include "node/lwm2m-server/content_text.h"
#include "node/lwm2m-server/location.h"

#include <stdlib.h>
#include <string.h>

enum {
    REPEATED_FOR = 247, /* s; EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
    SENT_TEXT_SIZE = 1024
};

/* --- requests --------------------------------------------------------------------------------- */

/* LWM2M_CHANGED or LWM2M_CREATED, or the refusal. */
static enum lwm2m_code read_wish(struct manager *manager, const coap_session_t *session,
                                 const coap_pdu_t *request, bool is_update,
                                 struct lwm2m_registration_wish *wish, struct error *error)
{
    struct coap_queries queries;
    const uint8_t *links = NULL;
    size_t length;
    uint32_t format = coap_support_number(request, COAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_NONE);
    uint8_t partial = coap_body_take(&manager->bodies, session, request, &links, &length);
    if (partial)
        return (enum lwm2m_code)partial;
    if (length && format != LWM2M_FORMAT_LINK && format != LWM2M_FORMAT_NONE) {
        error_set(error, "expected links, Content-Format 40");
        return LWM2M_UNSUPPORTED;
    }
    if (!coap_support_queries(request, &queries)) {
        error_set(error, "too many queries, or too long ones");
        return LWM2M_BAD_REQUEST;
    }
    return lwm2m_registration_read(queries.list, links, length, is_update, wish, error);
}

static void answer(coap_pdu_t *response, int code)
{
    coap_pdu_set_code(response, (coap_pdu_code_t)code);
}

/* With what was expected, if anything can be said of it (RFC 7252 section 5.5.2). Whoever writes a device reads it in the
 * capture; it is printed for the first refusals alone, so that a flood of bad requests floods no log. */
static void answer_refused(struct manager *manager, coap_session_t *session, coap_pdu_t *response,
                           int code, const struct error *why)
{
    enum { REFUSALS_TOLD = 16 };
    answer(response, code);
    if (!why->text[0])
        return;
    coap_add_data(response, strlen(why->text), (const uint8_t *)why->text);
    if (manager->refusals_told == REFUSALS_TOLD)
        return;
    manager->refusals_told++;
    char text[8];
    char from[PLACE_TEXT_SIZE];
    struct place place;
    uint16_t port;
    coap_support_place(coap_session_get_addr_remote(session), &place, &port);
    say("refused %s %s: %s", place_text(&place.address, port, from), coap_support_code(code, text),
        why->text);
}

static void answer_created(coap_pdu_t *response, uint64_t number)
{
    char text[LOCATION_SIZE];
    location_text(number, text);
    answer(response, LWM2M_CREATED);
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, 2, (const uint8_t *)"rd");
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, LOCATION_SIZE - 1, (const uint8_t *)text);
}

static const char *source_text(struct lwm2m_registration *registration, coap_session_t *session,
                               char text[PLACE_TEXT_SIZE])
{
    struct place place;
    coap_support_place(coap_session_get_addr_remote(session), &place, &registration->port);
    registration->address = place.address;
    return place_text(&registration->address, registration->port, text);
}

/* --- who may ---------------------------------------------------------------------------------- */

/* A registration that came through DTLS is changed only by who proves the same identity. One without is
 * protected by its location alone, which can't be guessed. */
static bool may_change(const struct lwm2m_registration *registration, const coap_session_t *session)
{
    const struct contact *contact = registration->session;
    char identity[COAP_IDENTITY_SIZE];
    coap_keys_identity(session, identity);
    return !contact->identity[0] || strcmp(contact->identity, identity) == 0;
}

/* LWM2M_CREATED if it may have the name that it tells, or, where names are identities and it tells none, that of its
 * identity; else the refusal. */
static enum lwm2m_code name(const struct manager *manager, const coap_session_t *session,
                            struct lwm2m_registration_wish *wish, struct error *error)
{
    char identity[COAP_IDENTITY_SIZE];
    coap_keys_identity(session, identity);
    if (!wish->endpoint[0] &&
        (!manager->names_are_identities || !lwm2m_endpoint_take(identity, wish->endpoint))) {
        error_set(error, "expected the endpoint's name, as ep=NAME");
        return LWM2M_BAD_REQUEST;
    }
    const struct lwm2m_registration *former =
        lwm2m_registry_find_name(manager->registry, wish->endpoint);
    bool is_anothers =
        manager->names_are_identities && identity[0] && strcmp(identity, wish->endpoint) != 0;
    if (!is_anothers && (!former || may_change(former, session)))
        return LWM2M_CREATED;
    error_set(error, "this name is another identity's");
    return (enum lwm2m_code)COAP_RESPONSE_CODE(403);
}

/* --- register --------------------------------------------------------------------------------- */

/* Can a request still be the one that came at that time, sent again as its answer was lost? */
static bool is_recent(uint64_t since)
{
    return clock_milliseconds() < since + clock_scaled((uint64_t)REPEATED_FOR * 1000);
}

/* One that was sent again must not make another registration. */
static const struct contact *find_repeated(const coap_session_t *session, const coap_pdu_t *request)
{
    const struct contact *contact = contact_on(session);
    coap_mid_t message = coap_pdu_get_mid(request);
    while (contact && !(contact->message == message && is_recent(contact->registered)))
        contact = contact->next_on_session;
    return contact;
}

static void introduce(struct contact *contact, struct lwm2m_registration *registration,
                      const struct pcp_policy *before)
{
    char text[PLACE_TEXT_SIZE];
    registration->session = contact;
    say("registered %s from %s lifetime %u binding %s version %s", registration->endpoint,
        source_text(registration, contact->session, text), registration->lifetime,
        registration->binding, registration->version);
    pcp_policy_registered(contact, before);
}

static enum lwm2m_code add(struct manager *manager, coap_session_t *session,
                           const coap_pdu_t *request, const struct lwm2m_registration_wish *wish,
                           uint64_t *number)
{
    uint64_t random;
    struct error error = {0};
    struct lwm2m_registration former = {0};
    if (chance_fill(&random, sizeof random, &error) < 0)
        return LWM2M_INTERNAL_ERROR;
    struct lwm2m_registration *registration =
        lwm2m_registry_add(manager->registry, clock_milliseconds(), wish, random, &former);
    if (!registration)
        return (enum lwm2m_code)COAP_RESPONSE_CODE(503);
    struct contact *contact = contact_open(manager, registration->number, session);
    struct contact *old = former.number ? former.session : NULL;
    const struct pcp_policy before = old ? old->pcp : (struct pcp_policy){0};
    if (old)
        contact_close(old, "registered anew");
    if (!contact) {
        lwm2m_registry_remove(manager->registry, registration);
        return LWM2M_INTERNAL_ERROR;
    }
    contact->message = coap_pdu_get_mid(request);
    introduce(contact, registration, &before);
    *number = registration->number;
    return LWM2M_CREATED;
}

static void on_register(coap_resource_t *resource, coap_session_t *session,
                        const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    (void)query;
    struct manager *manager = coap_resource_get_userdata(resource);
    const struct contact *repeated = find_repeated(session, request);
    if (repeated) {
        answer_created(response, repeated->number);
        return;
    }
    struct lwm2m_registration_wish wish = {0};
    struct error error = {0};
    enum lwm2m_code code = read_wish(manager, session, request, false, &wish, &error);
    uint64_t number = 0;
    if (code == LWM2M_CREATED)
        code = name(manager, session, &wish, &error);
    if (code == LWM2M_CREATED)
        code = add(manager, session, request, &wish, &number);
    if (code == LWM2M_CREATED)
        answer_created(response, number);
    else
        answer_refused(manager, session, response, code, &error);
}

/* --- update and de-register ------------------------------------------------------------------- */

/* The registration at /rd/NUMBER; NULL if there is none. */
static struct lwm2m_registration *find_addressed(struct manager *manager, const coap_pdu_t *request)
{
    coap_string_t *path = coap_get_uri_path(request);
    uint64_t number = 0;
    bool is_location = path && path->length > 3 && memcmp(path->s, "rd/", 3) == 0 &&
                       location_read((const char *)path->s + 3, path->length - 3, &number);
    coap_delete_string(path);
    return is_location ? lwm2m_registry_find(manager->registry, number) : NULL;
}

/* LWM2M_CHANGED, or why the request is not for this registration. */
static enum lwm2m_code check_addressed(const struct lwm2m_registration *registration,
                                       const coap_session_t *session)
{
    if (!registration)
        return LWM2M_NOT_FOUND;
    return may_change(registration, session) ? LWM2M_CHANGED
                                             : (enum lwm2m_code)COAP_RESPONSE_CODE(403);
}

static void on_update(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                      const coap_string_t *query, coap_pdu_t *response)
{
    (void)query;
    struct manager *manager = coap_resource_get_userdata(resource);
    struct lwm2m_registration *registration = find_addressed(manager, request);
    struct lwm2m_registration_wish wish = {0};
    struct error error = {0};
    enum lwm2m_code code = check_addressed(registration, session);
    if (code == LWM2M_CHANGED)
        code = read_wish(manager, session, request, true, &wish, &error);
    if (code != LWM2M_CHANGED) {
        answer_refused(manager, session, response, code, &error);
        return;
    }
    answer(response, code);
    char text[PLACE_TEXT_SIZE];
    struct contact *contact = registration->session;
    lwm2m_registry_update(manager->registry, registration, clock_milliseconds(), &wish);
    contact_move(contact, session);
    say("updated %s from %s", registration->endpoint, source_text(registration, session, text));
    contact_heard(contact);
    pcp_policy_updated(contact);
}

static void remove_registration(struct manager *manager, struct lwm2m_registration *registration)
{
    struct contact *contact = registration->session;
    lwm2m_registry_remove(manager->registry, registration);
    contact_close(contact, "deregistered");
}

static void on_deregister(coap_resource_t *resource, coap_session_t *session,
                          const coap_pdu_t *request, const coap_string_t *query,
                          coap_pdu_t *response)
{
    (void)query;
    struct manager *manager = coap_resource_get_userdata(resource);
    struct lwm2m_registration *registration = find_addressed(manager, request);
    enum lwm2m_code code = check_addressed(registration, session);
    answer(response, code == LWM2M_CHANGED ? LWM2M_DELETED : code);
    if (code != LWM2M_CHANGED)
        return;
    say("deregistered %s", registration->endpoint);
    remove_registration(manager, registration);
}

uint64_t registration_expire(struct manager *manager)
{
    struct lwm2m_registration expired;
    while (lwm2m_registry_expire(manager->registry, clock_milliseconds(), &expired)) {
        say("expired %s", expired.endpoint);
        contact_close(expired.session, "expired");
    }
    return lwm2m_registry_wait(manager->registry, clock_milliseconds());
}

/* --- send ------------------------------------------------------------------------------------- */

static void on_sent(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                    const coap_string_t *query, coap_pdu_t *response)
{
    (void)query;
    struct manager *manager = coap_resource_get_userdata(resource);
    struct contact *contact = contact_on(session);
    const struct lwm2m_path root = {0};
    uint32_t format = coap_support_number(request, COAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_NONE);
    const uint8_t *octets = NULL;
    size_t length;
    uint8_t partial;
    enum lwm2m_code code;
    coap_mid_t message = coap_pdu_get_mid(request);
    if (contact && contact->sent == message && is_recent(contact->sent_at)) {
        answer(response, LWM2M_CHANGED);
        return;
    }
    if (!contact)
        code = LWM2M_NOT_FOUND; /* who isn't registered */
    else if ((partial = coap_body_take(&manager->bodies, session, request, &octets, &length)) != 0)
        code = (enum lwm2m_code)partial;
    else if (format != LWM2M_FORMAT_SENML_JSON && format != LWM2M_FORMAT_SENML_CBOR)
        code = LWM2M_UNSUPPORTED;
    else
        code = lwm2m_content_read(format, &root, octets, length, &lwm2m_typing_of_registry,
                                  &manager->content, NULL);
    answer(response, code);
    if (code != LWM2M_CHANGED)
        return;
    contact->sent = message;
    contact->sent_at = clock_milliseconds();
    char text[SENT_TEXT_SIZE];
    say("sent %s %s", contact_registration(contact)->endpoint,
        content_text(&manager->content, &root, ' ', text, sizeof text));
    contact_heard(contact);
}

/* --- resources -------------------------------------------------------------------------------- */

int registration_serve(struct manager *manager, struct error *error)
{
    /* Registrations come and go, so libcoap isn't told of their paths: what it knows nothing of is theirs. */
    coap_context_t *context = manager->listener.context;
    coap_resource_t *unknown = coap_resource_unknown_init2(NULL, 0);
    coap_resource_t *rd = coap_resource_init(coap_make_str_const("rd"), 0);
    coap_resource_t *dp = coap_resource_init(coap_make_str_const("dp"), 0);
    if (coap_support_serve(context, rd, manager, COAP_REQUEST_POST, on_register, error) < 0 ||
        coap_support_serve(context, dp, manager, COAP_REQUEST_POST, on_sent, error) < 0 ||
        coap_support_serve(context, unknown, manager, COAP_REQUEST_POST, on_update, error) < 0)
        return -1;
    coap_register_request_handler(unknown, COAP_REQUEST_DELETE, on_deregister);
    return 0;
}
