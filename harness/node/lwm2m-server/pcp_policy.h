/* When and how the server has a device map its LwM2M port by PCP: it writes into the device's PCP-context and
 * executes its request. Step by step, each answer leading to the next:
 *
 *   Observe status -> Write lifetime, enabled -> Read version -> Execute request -> ... status is mapped
 *        |  it is mapped already                                                         |
 *        +---------------------------------> Read the external place <------------------+
 *
 * Then the server compares that place with whence the device's next Registration Update (or registration) comes.
 * Where they differ, the flow through the NAT is older than the mapping, or the NAT maps by destination: once, the
 * device is asked for a fresh port. Section 10.2 of RFC 6887 would have had it map before it sent anything.
 *
 * An update says nothing of whether it was sent before the mapping was granted or behind it, nor is it told which comes
 * first, the update or the notification. So a difference counts only if it still is there after a while (doubt.h).
 */
#ifndef PINHOLE_LWM2M_SERVER_PCP_POLICY_H
#define PINHOLE_LWM2M_SERVER_PCP_POLICY_H

#include "wire/address.h"

#include <stdbool.h>
#include <stdint.h>

struct contact;
struct manager;

struct pcp_policy {
    bool is_on;
    bool is_enabled; /* it was written so: not again when an observation begins anew */
    bool is_mapped;  /* the status is so, as told last */
    bool is_reading; /* the external place is being read */
    bool is_certain; /* a difference from what is read now counts */
    bool
        is_heard_since; /* an update came since the request was executed, or it registered mapped */
    bool has_place;
    struct address address; /* the external place */
    uint16_t port;
    bool is_seen;     /* the device was seen from there, and it has been said */
    bool asked_fresh; /* a fresh port was asked for; outlives a registration */
    uint32_t format;  /* in which it is spoken of */
    uint8_t refused;  /* those of lwm2m_management_formats that the device refused, a bit each */
};

/* The device registered; before: what was known of its former registration, NULL if nothing. */
void pcp_policy_registered(struct contact *contact, const struct pcp_policy *before);
/* It updated its registration. */
void pcp_policy_updated(struct contact *contact);
/* Looks again at those in doubt whose time has come. Returns the ms of the clock until the next one's has. */
uint64_t pcp_policy_look_again(struct manager *manager);

#endif
