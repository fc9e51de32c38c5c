#include "node/common/coap_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WAIT = 3600000 /* ms */ };

void coap_support_start(void)
{
    coap_startup();
    /* A flood of resets, alerts or bad messages must not flood our output. */
    coap_set_log_level(LOG_EMERG);
    coap_dtls_set_log_level(LOG_CRIT);
}

const struct coap_patience coap_patience_default = {.ack_timeout = 2000, .max_retransmit = 4};

void coap_support_set_patience(coap_session_t *session, const struct coap_patience *patience)
{
    coap_fixed_point_t timeout = {(uint16_t)(patience->ack_timeout / 1000),
                                  (uint16_t)(patience->ack_timeout % 1000)};
    coap_session_set_ack_timeout(session, timeout);
    coap_session_set_max_retransmit(session, (uint16_t)patience->max_retransmit);
}

coap_address_t coap_support_address(const struct place *place, uint16_t port)
{
    coap_address_t out;
    coap_address_init(&out);
    union socket_address address;
    out.size = place_to_socket(place, port, &address);
    memcpy(&out.addr, &address, out.size);
    return out;
}

void coap_support_place(const coap_address_t *from, struct place *place, uint16_t *port)
{
    union socket_address address;
    memset(&address, 0, sizeof address);
    memcpy(&address, &from->addr, from->size < sizeof address ? from->size : sizeof address);
    place_from_socket(&address, place, port);
}

const char *coap_support_code(int code, char text[8])
{
    snprintf(text, 8, "%d.%02d", (code >> 5) & 7, code & 31);
    return text;
}

bool coap_support_add_path(coap_pdu_t *pdu, const char *path)
{
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length && !coap_add_option(pdu, COAP_OPTION_URI_PATH, length, (const uint8_t *)path))
            return false;
        path += length + (path[length] == '/');
    }
    return true;
}

bool coap_support_add_queries(coap_pdu_t *pdu, const char *const *queries)
{
    for (; queries && *queries; queries++) {
        if (!coap_add_option(pdu, COAP_OPTION_URI_QUERY, strlen(*queries),
                             (const uint8_t *)*queries))
            return false;
    }
    return true;
}

void coap_support_options(const coap_pdu_t *pdu, coap_option_num_t number,
                          coap_opt_iterator_t *iterator)
{
    coap_opt_filter_t filter;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, number);
    coap_option_iterator_init(pdu, iterator, &filter);
}

bool coap_support_queries(const coap_pdu_t *request, struct coap_queries *out)
{
    const size_t most = sizeof out->list / sizeof out->list[0] - 1;
    coap_opt_iterator_t iterator;
    coap_support_options(request, COAP_OPTION_URI_QUERY, &iterator);
    size_t count = 0;
    size_t used = 0;
    const coap_opt_t *option;
    while ((option = coap_option_next(&iterator))) {
        size_t length = coap_opt_length(option);
        const uint8_t *value = coap_opt_value(option);
        if (count == most || used + length + 1 > sizeof out->octets || memchr(value, '\0', length))
            return false;
        out->list[count++] = memcpy(out->octets + used, value, length);
        out->octets[used + length] = '\0';
        used += length + 1;
    }
    out->list[count] = NULL;
    return true;
}

void coap_support_location(const coap_pdu_t *response, char *out, size_t size)
{
    coap_opt_iterator_t iterator;
    coap_support_options(response, COAP_OPTION_LOCATION_PATH, &iterator);
    size_t used = 0;
    const coap_opt_t *option;
    out[0] = '\0';
    while ((option = coap_option_next(&iterator))) {
        size_t length = coap_opt_length(option);
        if (used + length + 2 > size) {
            out[0] = '\0'; /* too long to be asked for again */
            return;
        }
        if (used)
            out[used++] = '/';
        memcpy(out + used, coap_opt_value(option), length);
        used += length;
        out[used] = '\0';
    }
}

int coap_support_request(coap_session_t *session, coap_pdu_code_t method, const char *path,
                         const char *const *queries, struct coap_token *token, struct error *error)
{
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, method, session);
    if (!pdu)
        return error_set(error, "libcoap made no message");
    coap_session_new_token(session, &token->length, token->octet);
    if (!coap_add_token(pdu, token->length, token->octet) || !coap_support_add_path(pdu, path) ||
        !coap_support_add_queries(pdu, queries)) {
        coap_delete_pdu(pdu);
        return error_set(error, "the request to %s does not fit a CoAP message", path);
    }
    if (coap_send(session, pdu) == COAP_INVALID_MID)
        return error_set(error, "libcoap could not send the request to %s", path);
    return 0;
}

uint32_t coap_support_process(coap_context_t *context)
{
    coap_io_process(context, COAP_IO_NO_WAIT);
    coap_tick_t ticks;
    coap_ticks(&ticks);
    uint32_t wait = coap_io_prepare_epoll(context, ticks);
    return wait == 0 || wait > LONGEST_WAIT ? LONGEST_WAIT : wait;
}

uint32_t coap_support_number(const coap_pdu_t *pdu, coap_option_num_t number, uint32_t otherwise)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option = coap_check_option(pdu, number, &iterator);
    return option ? coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option))
                  : otherwise;
}

uint8_t *coap_support_copy(const uint8_t *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    if (copy && length)
        memcpy(copy, octets, length);
    return copy;
}

void coap_support_free(coap_session_t *session, void *memory)
{
    (void)session;
    free(memory);
}

bool coap_support_is(const coap_pdu_t *pdu, const struct coap_token *token)
{
    coap_bin_const_t theirs = coap_pdu_get_token(pdu);
    return theirs.length == token->length && memcmp(theirs.s, token->octet, token->length) == 0;
}

int coap_support_serve(coap_context_t *context, coap_resource_t *resource, void *owner,
                       coap_request_t method, coap_method_handler_t handler, struct error *error)
{
    if (!resource)
        return error_set(error, "libcoap made no resource");
    coap_resource_set_userdata(resource, owner);
    coap_register_request_handler(resource, method, handler);
    coap_add_resource(context, resource);
    return 0;
}
