/* What a device that registers says of itself: the queries and links of POST /rd (5.3.1, 5.3.2 of LwM2M 1.0;
 * 6.2.1 of 1.1). */
#ifndef PINHOLE_ENGINE_LWM2M_REGISTRATION_H
#define PINHOLE_ENGINE_LWM2M_REGISTRATION_H

#include "base/error.h"
#include "engine/lwm2m/lwm2m_client.h"

enum { LWM2M_REGISTRATION_OBJECTS = 16, LWM2M_MANAGEMENT_FORMATS = 3 };

/* The formats in which a server can write and read many values of a device, the one to try first in front. Clients of
 * 1.0 must have TLV (6.4 there); those of 1.1 may have any of these, and say which by the root link's ct (7.4, 6.2.1). */
extern const uint32_t lwm2m_management_formats[LWM2M_MANAGEMENT_FORMATS];

/* Copies text to out if it can be an endpoint's name, else returns false: 1 to 63 octets of UTF-8 without blanks and control
 * characters, as names stand in lines of logs and commands. */
bool lwm2m_endpoint_take(const char *text, char out[LWM2M_ENDPOINT_SIZE]);

/* A registration or update as it came; what an update doesn't tell is as it was. */
struct lwm2m_registration_wish {
    char endpoint[LWM2M_ENDPOINT_SIZE]; /* ep=; "" in updates, and where one of 1.1 tells none */
    bool has_lifetime;
    uint32_t lifetime; /* s; 86400 unless lt= says another */
    bool has_binding;
    char binding[8]; /* b=: "U", "UQ", "T", ... */
    bool queue_mode; /* Q, or UQ of 1.0 */
    char version[8]; /* lwm2m=: "1.0", "1.1"; also of 1.0.2 */
    bool has_links;
    /* The first of the management formats that the root link's ct has; TLV if that has none. */
    uint32_t format;
    uint16_t object_count; /* of the objects below: the lowest of those of the links */
    uint16_t objects[LWM2M_REGISTRATION_OBJECTS]; /* ids, ascending, each once */
    bool has_pcp;                                 /* an instance of object PCP-context is there: */
    uint16_t pcp_instances;                       /* links to such instances */
    uint16_t pcp_instance;                        /* the lowest */
};

/* Reads the queries of POST /rd (update: /rd/ID), ended by NULL, and the links behind it. LWM2M_CREATED (update:
 * LWM2M_CHANGED), or
 *   4.00  for what is malformed: an ep that is no name, or none with 1.0 (whoever gets a registration of 1.1 without must
 *         know the name from elsewhere, or refuse it, too: section 6.2.1 there); an lt that is none of
 *         1..2^32-1; a binding that isn't known; links that are none, or none at all in a registration; an
 *         update that names an endpoint; a query that is there twice;
 *   4.12  for a version of LwM2M other than 1.0 and 1.1.
 * and error says what was expected, for a diagnostic payload (RFC 7252 section 5.5.2): it repeats nothing that came.
 * Other queries, and links to what is no object or instance, are passed over. */
enum lwm2m_code lwm2m_registration_read(const char *const *queries, const uint8_t *payload,
                                        size_t length, bool is_update,
                                        struct lwm2m_registration_wish *out, struct error *error);

#endif
