/* Who is registered at an LwM2M server (section 5.3 of 1.0): ten thousand devices and more, found by name and
 * by location in constant time, and forgotten in order of their lifetimes. Memory is allocated by the caller in
 * one piece. Time is passed in: ms of a counter that doesn't wrap.
 */
#ifndef PINHOLE_ENGINE_LWM2M_REGISTRY_H
#define PINHOLE_ENGINE_LWM2M_REGISTRY_H

#include "engine/lwm2m/lwm2m_registration.h"
#include "wire/address.h"

struct lwm2m_registration {
    uint64_t number; /* its location; 0: free */
    char endpoint[LWM2M_ENDPOINT_SIZE];
    struct address address; /* whence it came last */
    uint16_t port;
    uint32_t lifetime; /* s */
    uint64_t expiry;   /* ms */
    bool queue_mode;
    char binding[8];
    char version[8];
    bool has_pcp;
    uint16_t pcp_instance;
    uint32_t format; /* in which to manage it, as far as its links tell */
    void *session;   /* the caller's */

    /* Private: chains of the two tables, indices from 1 on; 0 ends them. */
    uint32_t next_by_name;
    uint32_t next_by_number;
};

struct lwm2m_registry;

/* Octets that a registry for capacity devices takes, and the registry in that memory, aligned as for any type
 * and zeroed by the caller. key is random, so that nobody can choose names that collide. */
size_t lwm2m_registry_size(uint32_t capacity);
struct lwm2m_registry *lwm2m_registry_place(void *memory, uint32_t capacity, uint64_t key);

/* Adds, or replaces that of the same endpoint (which gets a new number: 5.3.1). *replaced is a copy of what
 * went, its number 0 if nothing did. random becomes the number, the next that is free if it is taken or 0: a
 * location that nobody guesses, who may ask as often as a network lets through, for any of all registered. Address, port and session are for the caller to set. NULL if it is full. */
struct lwm2m_registration *lwm2m_registry_add(struct lwm2m_registry *registry, uint64_t now,
                                              const struct lwm2m_registration_wish *wish,
                                              uint64_t random, struct lwm2m_registration *replaced);
/* NULL if there is none. */
struct lwm2m_registration *lwm2m_registry_find(struct lwm2m_registry *registry, uint64_t number);
struct lwm2m_registration *lwm2m_registry_find_name(struct lwm2m_registry *registry,
                                                    const char *endpoint);
/* An update; its lifetime begins anew. */
void lwm2m_registry_update(struct lwm2m_registry *registry, struct lwm2m_registration *registration,
                           uint64_t now, const struct lwm2m_registration_wish *wish);
void lwm2m_registry_remove(struct lwm2m_registry *registry,
                           struct lwm2m_registration *registration);
/* One whose lifetime is over, copied out and removed; false if there is none. */
bool lwm2m_registry_expire(struct lwm2m_registry *registry, uint64_t now,
                           struct lwm2m_registration *expired);
/* ms until the next expires, UINT64_MAX if none is there. */
uint64_t lwm2m_registry_wait(const struct lwm2m_registry *registry, uint64_t now);
uint32_t lwm2m_registry_count(const struct lwm2m_registry *registry);
/* One after the other, in no order: index from 0 on; NULL at a gap, *end at the end. */
struct lwm2m_registration *lwm2m_registry_at(struct lwm2m_registry *registry, uint32_t index,
                                             bool *end);

#endif
