#include "node/common/coap_body.h"

#include <string.h>

enum { CONTINUE = 0x5f /* 2.31 */, INCOMPLETE = 0x88 /* 4.08 */, TOO_LARGE = 0x8d /* 4.13 */ };

static void release(struct coap_body *body)
{
    coap_delete_str_const(body->path);
    body->path = NULL;
    body->session = NULL;
}

static coap_str_const_t *path_of(const coap_pdu_t *request)
{
    coap_string_t *path = coap_get_uri_path(request);
    coap_str_const_t *copy = path ? coap_new_str_const(path->s, path->length) : NULL;
    coap_delete_string(path);
    return copy;
}

/* That of the same session, method and path; NULL: there is none. */
static struct coap_body *find(struct coap_bodies *bodies, const coap_session_t *session,
                              const coap_pdu_t *request, const coap_str_const_t *path)
{
    for (size_t i = 0; i < COAP_BODIES; i++) {
        struct coap_body *body = &bodies->bodies[i];
        if (body->session == session && body->method == coap_pdu_get_code(request) &&
            body->path->length == path->length && memcmp(body->path->s, path->s, path->length) == 0)
            return body;
    }
    return NULL;
}

static struct coap_body *longest_unused(struct coap_bodies *bodies)
{
    struct coap_body *oldest = &bodies->bodies[0];
    for (size_t i = 0; i < COAP_BODIES; i++) {
        struct coap_body *body = &bodies->bodies[i];
        if (!body->session)
            return body;
        if (body->used < oldest->used)
            oldest = body;
    }
    return oldest;
}

/* Takes path. */
static struct coap_body *begin(struct coap_bodies *bodies, const coap_session_t *session,
                               const coap_pdu_t *request, coap_str_const_t *path)
{
    struct coap_body *body = find(bodies, session, request, path);
    if (!body)
        body = longest_unused(bodies);
    release(body);
    body->session = session;
    body->method = coap_pdu_get_code(request);
    body->path = path;
    body->length = 0;
    return body;
}

uint8_t coap_body_take(struct coap_bodies *bodies, const coap_session_t *session,
                       const coap_pdu_t *request, const uint8_t **octets, size_t *length)
{
    coap_block_t block;
    *length = 0;
    *octets = (const uint8_t *)"";
    (void)coap_get_data(request, length, octets);
    if (!coap_get_block(request, COAP_OPTION_BLOCK1, &block) || (block.num == 0 && !block.m))
        return 0;
    coap_str_const_t *path = path_of(request);
    if (!path)
        return TOO_LARGE;
    struct coap_body *body = NULL;
    if (block.num == 0) {
        body = begin(bodies, session, request, path);
    } else {
        body = find(bodies, session, request, path);
        coap_delete_str_const(path);
    }
    if (!body || body->length != (size_t)block.num << (block.szx + 4))
        return INCOMPLETE;
    body->used = ++bodies->uses;
    if (*length > sizeof body->octets - body->length) {
        release(body);
        return TOO_LARGE;
    }
    if (*length)
        memcpy(body->octets + body->length, *octets, *length);
    body->length += *length;
    if (block.m)
        return CONTINUE;
    *octets = body->octets;
    *length = body->length;
    release(body);
    return 0;
}

void coap_body_acknowledge(const coap_pdu_t *request, coap_pdu_t *response)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *block = coap_check_option(request, COAP_OPTION_BLOCK1, &iterator);
    if (block && coap_pdu_get_code(response) != COAP_RESPONSE_CODE_CONTINUE)
        coap_add_option(response, COAP_OPTION_BLOCK1, coap_opt_length(block),
                        coap_opt_value(block));
}

void coap_body_forget(struct coap_bodies *bodies, const coap_session_t *session)
{
    for (size_t i = 0; i < COAP_BODIES; i++) {
        if (bodies->bodies[i].session && (!session || bodies->bodies[i].session == session))
            release(&bodies->bodies[i]);
    }
}
