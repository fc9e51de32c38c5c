/* A device's instance of PCP-context, as the server asks for it and reads what is answered. It is spoken of in the format
 * that the device's registration told; a device that refuses it is asked in the others. */
#ifndef PINHOLE_LWM2M_SERVER_PCP_INSTANCE_H
#define PINHOLE_LWM2M_SERVER_PCP_INSTANCE_H

#include "node/lwm2m-server/contact.h"

/* An integer or boolean of the instance. */
struct pcp_setting {
    uint16_t resource;
    struct lwm2m_value value;
};

/* All: the contact is asked once the response to it is out, and asked is told. Where too much waits for it already that is
 * complained of, and PCP is off for it. */
void pcp_instance_read(struct contact *contact, contact_asked *asked);
void pcp_instance_read_one(struct contact *contact, uint16_t resource,
                           enum coap_observing observing, contact_asked *asked);
/* Those settings and no others: a partial write. */
void pcp_instance_write(struct contact *contact, const struct pcp_setting *settings, size_t count,
                        contact_asked *asked);
void pcp_instance_request(struct contact *contact, contact_asked *asked);

/* Was the format refused (4.06, 4.15), and is there another to say the same in? The contact speaks that from then on. */
bool pcp_instance_speak_otherwise(struct contact *contact, const struct coap_answer *answer);

/* What an answer says: an integer; where the mapping is outside. False if it doesn't. */
bool pcp_instance_integer(const struct contact *contact, uint16_t resource,
                          const struct coap_answer *answer, int64_t *out);
bool pcp_instance_place(const struct contact *contact, const struct coap_answer *answer,
                        struct address *address, uint16_t *port);

#endif
