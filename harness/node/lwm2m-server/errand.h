/* One request to a device, with copies of all that it is made of: it may have to wait until the device wakes
 * up, and an observation has to begin anew when the device has moved. */
#ifndef PINHOLE_LWM2M_SERVER_ERRAND_H
#define PINHOLE_LWM2M_SERVER_ERRAND_H

#include "node/lwm2m-server/contact.h"

struct errand {
    struct errand *next; /* of the contact, in the order in which they were given */
    struct contact *contact;
    contact_asked *asked;
    void *context;
    uint32_t number;  /* of the asker; 0: it waits */
    bool is_observed; /* answered once, more may come */
    struct coap_question question;
};

/* A copy of question, in one piece; free() it. NULL without memory. */
struct errand *errand_make(const struct coap_question *question);

#endif
