/* The bootstrap interface's server side (section 5.2 of LwM2M 1.0), for several devices at a time:
 *
 *   device                         server
 *     POST /bs?ep=NAME  ------------>
 *     <------------  2.04
 *     <------------  DELETE /               all but the account that it uses now
 *     <------------  GET /  (Discover)      what is there: which instance of object 0 that account has
 *     <------------  PUT /0/N, /1/0, /26887/0...
 *     <------------  POST /bs               finish
 *
 * A device that asks again in the middle starts over; one that answers with an error, or not at all, is given up. Where
 * many ask, one that has not answered yet makes room for others.
 */
#ifndef PINHOLE_LWM2M_BOOTSTRAP_BOOTSTRAP_H
#define PINHOLE_LWM2M_BOOTSTRAP_BOOTSTRAP_H

#include "node/common/coap_asker.h"
#include "node/common/coap_listener.h"
#include "node/lwm2m-bootstrap/gift.h"

enum { BOOTSTRAPS = 256 /* at a time */ };

struct bootstrap; /* of one device */

struct bootstrap_server {
    struct gift gift;
    bool is_secure; /* devices have keys: the account's is given through DTLS alone */
    struct coap_patience patience;
    struct coap_listener listener;
    struct coap_asker *asker;
    size_t count;
    struct bootstrap *first;
};

/* POST /bs; -1 with error. */
int bootstrap_serve(struct bootstrap_server *server, struct error *error);

/* Begins those that were asked for since, now that their requests have been answered. */
void bootstrap_begin_due(struct bootstrap_server *server);

/* A session is no more. */
void bootstrap_lose_session(coap_session_t *session);

#endif
