#include "node/lwm2m-server/contact.h"

#include "node/common/clock.h"
#include "node/lwm2m-server/doubt.h"
#include "node/lwm2m-server/errand.h"

#include <stdlib.h>
#include <string.h>

struct lwm2m_registration *contact_registration(const struct contact *contact)
{
    return lwm2m_registry_find(contact->manager->registry, contact->number);
}

/* --- the session ------------------------------------------------------------------------------ */

struct contact *contact_on(const coap_session_t *session)
{
    return coap_session_get_app_data(session);
}

/* Held, so that libcoap keeps it however long the device is silent. */
static void enter(struct contact *contact, coap_session_t *session)
{
    contact->session = coap_session_reference(session);
    contact->next_on_session = contact_on(session);
    coap_session_set_app_data(session, contact);
    coap_support_set_patience(session, &contact->manager->patience);
    /* Else libcoap takes back what was observed on a session before it frees it, and begins a handshake to do so where
     * DTLS has ended it. Nobody would hear that: the device has de-registered, expired, or moved to another session. */
    coap_session_set_no_observe_cancel(session);
    coap_keys_identity(session, contact->identity);
}

static void leave(struct contact *contact)
{
    coap_session_t *session = contact->session;
    if (!session)
        return;
    struct contact *first = contact_on(session);
    if (first == contact) {
        coap_session_set_app_data(session, contact->next_on_session);
    } else {
        while (first->next_on_session != contact)
            first = first->next_on_session;
        first->next_on_session = contact->next_on_session;
    }
    contact->session = NULL;
    contact->next_on_session = NULL;
    coap_session_release(session);
}

void contact_lose_session(coap_session_t *session)
{
    struct contact *contact;
    while ((contact = contact_on(session)))
        leave(contact);
}

/* --- errands ---------------------------------------------------------------------------------- */

static void take_out(struct errand *errand)
{
    struct errand **at = &errand->contact->errands;
    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
}

/* Tells one that has been taken out, and is done with it. */
static void tell_and_free(struct errand *errand, struct contact *contact,
                          const struct coap_answer *answer)
{
    errand->asked(errand->context, contact, answer);
    free(errand);
}

static void end_errand(struct errand *errand, struct contact *contact,
                       const struct coap_answer *answer)
{
    take_out(errand);
    tell_and_free(errand, contact, answer);
}

static void on_answer(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct errand *errand = context;
    struct contact *contact = errand->contact;
    if (answer->code)
        contact->heard = clock_milliseconds();
    if (answer->is_observed) {
        errand->is_observed = true;
        errand->asked(errand->context, contact, answer);
    } else {
        end_errand(errand, contact, answer);
    }
}

/* Whoever began the observation of a path is told that it is over. The asker still knows its number, and takes it
 * back by that: to be followed by a question which does so. */
static void end_observation(struct contact *contact, const char *path)
{
    for (struct errand *errand = contact->errands; errand; errand = errand->next) {
        if (errand->question.observing == COAP_OBSERVING_BEGIN &&
            strcmp(errand->question.path, path) == 0) {
            const struct coap_answer answer = {.why = "cancelled",
                                               .content_format = COAP_NO_FORMAT};
            end_errand(errand, contact, &answer);
            return;
        }
    }
}

static int send_errand(struct errand *errand, struct error *error)
{
    struct contact *contact = errand->contact;
    if (!contact->session ||
        coap_session_get_state(contact->session) != COAP_SESSION_STATE_ESTABLISHED)
        return error_set(error, "the session is lost");
    if (errand->question.observing == COAP_OBSERVING_END)
        end_observation(contact, errand->question.path);
    errand->number = coap_asker_send(contact->manager->asker, contact->session, &errand->question,
                                     on_answer, errand, error);
    return errand->number ? 0 : -1;
}

static void make_due(struct contact *contact)
{
    if (contact->is_due)
        return;
    contact->is_due = true;
    contact->next_due = contact->manager->due;
    contact->manager->due = contact;
}

static void unmake_due(struct contact *contact)
{
    struct contact **at = &contact->manager->due;
    if (!contact->is_due)
        return;
    while (*at != contact)
        at = &(*at)->next_due;
    *at = contact->next_due;
    contact->is_due = false;
}

static size_t count_errands(const struct contact *contact)
{
    size_t count = 0;
    for (const struct errand *errand = contact->errands; errand; errand = errand->next)
        count++;
    return count;
}

int contact_ask(struct contact *contact, const struct coap_question *question, contact_asked *asked,
                void *context, struct error *error)
{
    if (count_errands(contact) >= CONTACT_ERRANDS)
        return error_set(error, "%d requests wait for it already", CONTACT_ERRANDS);
    struct errand *errand = errand_make(question);
    if (!errand)
        return error_set(error, "no memory");
    errand->contact = contact;
    errand->asked = asked;
    errand->context = context;
    struct errand **end = &contact->errands;
    while (*end)
        end = &(*end)->next;
    *end = errand;
    if (!contact_is_asleep(contact))
        make_due(contact);
    return 0;
}

/* --- the device ------------------------------------------------------------------------------- */

struct contact *contact_open(struct manager *manager, uint64_t number, coap_session_t *session)
{
    struct contact *contact = calloc(1, sizeof *contact);
    if (!contact)
        return NULL;
    contact->manager = manager;
    contact->number = number;
    contact->heard = clock_milliseconds();
    contact->registered = contact->heard;
    contact->sent = COAP_INVALID_MID;
    enter(contact, session);
    return contact;
}

void contact_close(struct contact *contact, const char *why)
{
    const struct coap_answer answer = {.why = why, .content_format = COAP_NO_FORMAT};
    struct errand *errand;
    while ((errand = contact->errands)) {
        contact->errands = errand->next;
        coap_asker_forget(contact->manager->asker, errand->number);
        tell_and_free(errand, NULL, &answer);
    }
    unmake_due(contact);
    doubt_end(contact);
    leave(contact);
    free(contact);
}

bool contact_is_asleep(const struct contact *contact)
{
    const struct lwm2m_registration *registration = contact_registration(contact);
    return registration && registration->queue_mode &&
           clock_milliseconds() > contact->heard + LWM2M_AWAKE;
}

static struct errand *first_waiting(const struct contact *contact)
{
    struct errand *errand = contact->errands;
    while (errand && errand->number)
        errand = errand->next;
    return errand;
}

static void send_waiting(struct contact *contact)
{
    struct errand *errand;
    while ((errand = first_waiting(contact))) {
        struct error error = {0};
        if (send_errand(errand, &error) < 0) {
            const struct coap_answer answer = {.why = "session lost",
                                               .content_format = COAP_NO_FORMAT};
            end_errand(errand, contact, &answer);
        }
    }
}

void contact_send_due(struct manager *manager)
{
    struct contact *contact;
    while ((contact = manager->due)) {
        unmake_due(contact);
        send_waiting(contact);
    }
}

void contact_heard(struct contact *contact)
{
    contact->heard = clock_milliseconds();
    if (first_waiting(contact))
        make_due(contact);
}

void contact_move(struct contact *contact, coap_session_t *session)
{
    if (contact->session == session)
        return;
    for (struct errand *errand = contact->errands; errand; errand = errand->next) {
        if (errand->number && errand->question.method == COAP_REQUEST_CODE_GET) {
            coap_asker_forget(contact->manager->asker, errand->number);
            errand->number = 0; /* it is asked anew when the contact is heard */
            errand->is_observed = false;
        }
    }
    leave(contact);
    enter(contact, session);
}
