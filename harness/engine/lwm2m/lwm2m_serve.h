/* A device's side of the interfaces Bootstrap (5.2 of LwM2M 1.0), Device Management and Service Enablement
 * (5.4) and Information Reporting (5.5): one request in, one response out. CoAP, blocks and tokens are the
 * caller's; observations are lwm2m_observe.h's, to which this hands what Observe asks for.
 */
#ifndef PINHOLE_ENGINE_LWM2M_SERVE_H
#define PINHOLE_ENGINE_LWM2M_SERVE_H

#include "engine/lwm2m/lwm2m_content.h"
#include "engine/lwm2m/lwm2m_observe.h"

enum lwm2m_method {
    LWM2M_GET = 1,
    LWM2M_POST = 2,
    LWM2M_PUT = 3,
    LWM2M_DELETE = 4,
    LWM2M_FETCH = 5, /* composite read, 1.1 */
    LWM2M_PATCH = 6, /* not used */
    LWM2M_IPATCH = 7 /* composite write, 1.1 */
};

struct lwm2m_request {
    enum lwm2m_method method;
    bool from_bootstrap; /* else from a management server: what each may do differs (5.2.7, 8.2) */
    struct lwm2m_path path;
    const char *const *queries; /* "pmin=10"; ended by NULL, or NULL */
    uint32_t content_format;    /* LWM2M_FORMAT_NONE: there is none */
    uint32_t accept;            /* likewise */
    const uint8_t *payload;
    size_t length;
};

struct lwm2m_response {
    enum lwm2m_code code;
    uint32_t format;  /* of the payload; LWM2M_FORMAT_NONE if there is none */
    uint8_t *payload; /* caller's memory, capacity octets */
    size_t capacity;
    size_t length;
    bool has_location; /* 2.01: where the new instance is */
    struct lwm2m_path location;
    /* What came to be or went: the caller's registrations tell of it (5.3.2). */
    bool instances_changed;
};

/* What a device needs of memory to serve. One at a time. */
struct lwm2m_server {
    struct lwm2m_model *model;
    struct lwm2m_observations *observations; /* attributes; may be NULL */
    struct lwm2m_content content;            /* scratch */
    bool is_1_1;             /* serves what is new in 1.1: composite operations, Bootstrap-Read */
    uint32_t default_format; /* of answers to a GET without Accept: LWM2M_FORMAT_TLV in 1.0 */
};

/* Serves a request; response->payload and capacity are set by the caller. Of a bad request nothing is done. */
void lwm2m_serve(struct lwm2m_server *server, const struct lwm2m_request *request,
                 struct lwm2m_response *response);

/* Writes what reading path gives, as format. LWM2M_CONTENT, or the refusal. For notifications and Send. */
enum lwm2m_code lwm2m_serve_read(struct lwm2m_server *server, const struct lwm2m_path *path,
                                 uint32_t accept, struct lwm2m_response *response);

/* The links of a registration (5.3.1): </>;rt="oma.lwm2m", each object and instance but those of object 0,
 * versions other than 1.0, and content formats. Returns the length, or -1 if there is no room. */
int lwm2m_serve_links(const struct lwm2m_model *model, bool is_1_1, char *text, size_t size);

#endif
