/* What the parts of the PCP client share:
 *   pcp_client_mapping.c  when one mapping sends, and what answers make of it
 *   pcp_client.c          the requests and responses of PCP
 *   pcp_client_natpmp.c   those of NAT-PMP, for servers that know nothing newer
 */
#ifndef PINHOLE_ENGINE_PCP_CLIENT_PRIVATE_H
#define PINHOLE_ENGINE_PCP_CLIENT_PRIVATE_H

#include "engine/pcp_client.h"

enum pcp_mapping_state {
    MAPPING_FREE = 0, /* the caller's; so a zeroed struct is free */
    MAPPING_WANTED,   /* asked for, granted and renewed, or waiting to be asked for */
    MAPPING_STOPPED,  /* an exchange failed; nothing more is sent */
    MAPPING_REMOVING, /* deletion requests go out until expiry */
    MAPPING_REMOVED   /* free once its event was read */
};

/* Times wrap: they are compared by their distance, which is under 2^31 ms. */
static inline bool pcp_time_reached(uint32_t time, uint32_t now)
{
    return (int32_t)(now - time) >= 0;
}

static inline uint32_t pcp_time_later(uint32_t a, uint32_t b)
{
    return pcp_time_reached(a, b) ? b : a;
}

/* Milliseconds until time; 0 if it has come. */
static inline uint32_t pcp_time_until(uint32_t time, uint32_t now)
{
    return pcp_time_reached(time, now) ? 0 : time - now;
}

/* The mapping may send. */
bool pcp_mapping_is_active(const struct pcp_mapping *mapping);

/* Begins an exchange of section 8.1.1 at the time `at`, but not too soon behind the last request. */
void pcp_mapping_begin(struct pcp_mapping *mapping, uint32_t at);

/* Begins at the time `at` as if nothing had ever been sent. */
void pcp_mapping_restart(struct pcp_mapping *mapping, uint32_t at);

/* When an active mapping wants to send, or to be told that it ran out. */
uint32_t pcp_mapping_wake_time(const struct pcp_client *client, const struct pcp_mapping *mapping);

/* Is a request due? If the mapping's expiry or the end of a fruitless exchange is due instead, does
 * what follows from it. */
bool pcp_mapping_is_ripe(const struct pcp_client *client, struct pcp_mapping *mapping,
                         uint32_t now);

/* A request went out now. In an exchange it is repeated after timeout ms. */
void pcp_mapping_sent(struct pcp_mapping *mapping, uint32_t now, uint32_t random, uint32_t timeout);

/* The server granted or deleted the mapping: see lifetime. */
void pcp_mapping_succeeded(struct pcp_mapping *mapping, uint32_t now, uint32_t random,
                           uint32_t lifetime, uint16_t port, const struct address *address);

/* The server refused the mapping with a result, or took it away, for lifetime seconds. */
void pcp_mapping_refused(struct pcp_client *client, struct pcp_mapping *mapping, uint32_t now,
                         uint8_t result, uint32_t lifetime);

/* The grant is over; PCP_EVENT_LOST. */
void pcp_mapping_lose(struct pcp_mapping *mapping);

/* The removal is over; PCP_EVENT_REMOVED. */
void pcp_mapping_finish_removal(struct pcp_mapping *mapping);

/* The server may have lost its state (8.5): asks anew, after wait ms, for all that is granted. An
 * answer that tells so and grants its mapping ends this for that one. */
void pcp_client_recover(struct pcp_client *client, uint32_t now, uint32_t wait);

/* Server and client share no version: the requests that are out are refused, and nothing is sent for
 * lifetime seconds, or for half an hour if that is shorter (section 9). The answer that says so has
 * no nonce: if no request is out it is a stranger's, and nothing happens. */
void pcp_client_unsupported(struct pcp_client *client, uint32_t now, uint32_t lifetime);

/* Speaks version, PCP_VERSION or NATPMP_VERSION, from now on. */
void pcp_client_speak(struct pcp_client *client, uint8_t version, uint32_t now);

#if PCP_CLIENT_NATPMP
uint32_t pcp_client_natpmp_wait(const struct pcp_client *client, uint32_t now);
size_t pcp_client_natpmp_send(struct pcp_client *client, uint32_t now, uint32_t random,
                              uint8_t *octets, size_t capacity);
void pcp_client_natpmp_receive(struct pcp_client *client, uint32_t now, uint32_t random,
                               const uint8_t *octets, size_t length);
#endif

#endif
