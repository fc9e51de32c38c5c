#include "node/device/coap_device.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/say.h"

#include <stdio.h>
#include <string.h>

enum {
    REGISTRATION_LIFETIME = 86400,        /* s */
    REGISTRATION_REFRESH = 3 * 86400 / 4, /* s */
    PAUSE_OF_ACK_TIMEOUTS = 3,            /* the first pause before another try */
    LONGEST_PAUSE = 300000,               /* ms */
    REQUESTS_AT_ONCE = 4 /* NSTART: a new registration needn't wait for one that is out of date */
};

/* --- what we answer --------------------------------------------------------------------------- */

static void answer_status(coap_resource_t *resource, coap_session_t *session,
                          const coap_pdu_t *request, const coap_string_t *query,
                          coap_pdu_t *response)
{
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    static const char text[] = "alive";
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_data(response, sizeof text - 1, (const uint8_t *)text);
    say("answered GET /status");
}

static int add_resources(coap_context_t *context, struct error *error)
{
    coap_resource_t *status = coap_resource_init(coap_make_str_const("status"), 0);
    if (!status)
        return error_set(error, "libcoap made no resource");
    coap_register_request_handler(status, COAP_REQUEST_GET, answer_status);
    coap_add_resource(context, status);
    return 0;
}

/* --- registration ----------------------------------------------------------------------------- */

static void wait_for_another_try(struct coap_device *device)
{
    device->state = REGISTRATION_WAITING;
    device->next = clock_milliseconds() + device->pause;
    device->pause = device->pause < LONGEST_PAUSE / 2 ? device->pause * 2 : LONGEST_PAUSE;
}

static void send_registration(struct coap_device *device)
{
    char endpoint[80];
    char lifetime[24];
    char base[128];
    snprintf(endpoint, sizeof endpoint, "ep=%s", device->facts.name);
    snprintf(lifetime, sizeof lifetime, "lt=%d", REGISTRATION_LIFETIME);
    snprintf(base, sizeof base, "base=%s", device->base);
    const char *const queries[] = {endpoint, lifetime, device->base[0] ? base : NULL, NULL};
    struct error error = {0};
    coap_support_set_patience(device->session, &device->facts.patience);
    device->state = REGISTRATION_ASKING;
    if (coap_support_request(device->session, COAP_REQUEST_CODE_POST, "rd", queries, &device->token,
                             &error) < 0) {
        complain("%s", error.text);
        wait_for_another_try(device);
    }
}

static void registration_answered(struct coap_device *device, const coap_pdu_t *response)
{
    char code[8];
    coap_support_code(coap_pdu_get_code(response), code);
    if (COAP_RESPONSE_CLASS(coap_pdu_get_code(response)) != 2) {
        say("registration refused %s", code);
        wait_for_another_try(device);
        return;
    }
    coap_support_location(response, device->location, sizeof device->location);
    device->state = REGISTRATION_DONE;
    device->pause = PAUSE_OF_ACK_TIMEOUTS * device->facts.patience.ack_timeout;
    device->next = clock_milliseconds() + (uint64_t)REGISTRATION_REFRESH * 1000;
    char from[PLACE_TEXT_SIZE];
    say("registered %s %s from %s", device->facts.name,
        device->base[0] ? device->base : "without a mapping",
        place_text(&device->facts.local.address, device->facts.port, from));
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
                                   const coap_pdu_t *received, const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct coap_device *device = coap_session_get_app_data(session);
    if (!device || !coap_support_is(received, &device->token))
        return COAP_RESPONSE_OK;
    if (device->state == REGISTRATION_ASKING) {
        registration_answered(device, received);
    } else if (device->state == REGISTRATION_LEAVING) {
        device->state = REGISTRATION_NONE;
        say("deregistered %s", device->facts.name);
    }
    return COAP_RESPONSE_OK;
}

static void on_failure(coap_session_t *session, const coap_pdu_t *sent,
                       const coap_nack_reason_t reason, const coap_mid_t mid)
{
    (void)mid;
    struct coap_device *device = coap_session_get_app_data(session);
    if (!device || !sent || !coap_support_is(sent, &device->token))
        return;
    if (device->state == REGISTRATION_ASKING) {
        say("registration %s", reason == COAP_NACK_RST ? "reset" : "unanswered");
        wait_for_another_try(device);
    } else if (device->state == REGISTRATION_LEAVING) {
        device->state = REGISTRATION_NONE;
    }
}

void coap_device_register(struct coap_device *device, const char *base)
{
    if (!device->session)
        return;
    snprintf(device->base, sizeof device->base, "%s", base);
    device->pause = PAUSE_OF_ACK_TIMEOUTS * device->facts.patience.ack_timeout;
    send_registration(device);
}

void coap_device_leave(struct coap_device *device)
{
    if (device->state != REGISTRATION_DONE || !device->location[0])
        return;
    struct error error = {0};
    device->state = REGISTRATION_LEAVING;
    if (coap_support_request(device->session, COAP_REQUEST_CODE_DELETE, device->location, NULL,
                             &device->token, &error) < 0)
        device->state = REGISTRATION_NONE;
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_session(struct coap_device *device, const coap_address_t *from, struct error *error)
{
    const struct coap_device_facts *facts = &device->facts;
    coap_address_t to = coap_support_address(&facts->server, facts->server_port);
    device->session = coap_new_client_session(device->context, from, &to, COAP_PROTO_UDP);
    if (!device->session)
        return error_set(error, "libcoap could not reach for the server");
    coap_session_set_app_data(device->session, device);
    coap_session_set_nstart(device->session, REQUESTS_AT_ONCE);
    coap_support_set_patience(device->session, &facts->patience);
    return 0;
}

static int open_all(struct coap_device *device, struct error *error)
{
    coap_address_t from = coap_support_address(&device->facts.local, device->facts.port);
    device->context = coap_new_context(NULL);
    if (!device->context)
        return error_set(error, "libcoap made no context");
    if (!coap_new_endpoint(device->context, &from, COAP_PROTO_UDP))
        return error_set(error, "libcoap could not listen on the port");
    if (add_resources(device->context, error) < 0)
        return -1;
    coap_register_response_handler(device->context, on_response);
    coap_register_nack_handler(device->context, on_failure);
    return device->facts.has_server ? open_session(device, &from, error) : 0;
}

int coap_device_open(struct coap_device *device, const struct coap_device_facts *facts,
                     struct error *error)
{
    *device = (struct coap_device){.facts = *facts};
    if (coap_port_claim(&facts->local, facts->port, error) < 0)
        return -1;
    if (open_all(device, error) < 0) {
        coap_device_close(device);
        return -1;
    }
    coap_port_stop_sharing(&facts->local, facts->port);
    return 0;
}

void coap_device_close(struct coap_device *device)
{
    if (device->session) {
        coap_session_set_app_data(device->session, NULL);
        coap_session_release(device->session);
    }
    if (device->context)
        coap_free_context(device->context);
    device->session = NULL;
    device->context = NULL;
}

int coap_device_hush(struct coap_device *device, struct error *error)
{
    bool is_asking = device->state == REGISTRATION_ASKING || device->state == REGISTRATION_LEAVING;
    device->state = REGISTRATION_NONE;
    if (!is_asking)
        return 0;
    /* libcoap 4.3.1 can't be told to forget a message that is out, but by ending all it has. */
    const struct coap_device_facts facts = device->facts;
    coap_device_close(device);
    return coap_device_open(device, &facts, error);
}

int coap_device_handle(const struct coap_device *device)
{
    return coap_context_get_coap_fd(device->context);
}

uint32_t coap_device_process(struct coap_device *device)
{
    uint64_t now = clock_milliseconds();
    bool due = device->state == REGISTRATION_WAITING || device->state == REGISTRATION_DONE;
    if (due && now >= device->next)
        send_registration(device);
    uint32_t wait = coap_support_process(device->context);
    due = device->state == REGISTRATION_WAITING || device->state == REGISTRATION_DONE;
    if (due && device->next < now + wait)
        wait = device->next > now ? (uint32_t)(device->next - now) : 0;
    return wait;
}
