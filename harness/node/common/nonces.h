/* The mapping nonces, one for each server (RFC 6887 section 11.2), fresh at each start or, if there is
 * a file, those of the last time: only with them can a device that starts again renew or delete what it
 * had before. A server is told by its address and ours, so the file suits devices that don't roam. */
#ifndef PINHOLE_NODE_NONCES_H
#define PINHOLE_NODE_NONCES_H

#include "base/error.h"
#include "wire/address.h"
#include "wire/pcp.h"

enum { NONCES_ROOM = 32 };

struct nonces {
    const char *path; /* or NULL; outlives this */
    uint8_t count;
    struct {
        struct address server;
        struct address source;
        uint8_t nonce[PCP_NONCE_LENGTH];
        bool kept; /* from an earlier start */
    } entries[NONCES_ROOM];
};

/* Reads the file, if path isn't NULL. One that isn't there is empty; one that can't be read or
 * understood is an error: returns -1 with error then, else 0. */
int nonces_open(struct nonces *nonces, const char *path, struct error *error);

/* The nonce for server when asked from source. A new one is written to the file at once; the oldest
 * gives way if there is no room. Returns 0, or -1 with error if the kernel gives no random octets, or
 * 1 with error if it is good but could not be kept. */
int nonces_get(struct nonces *nonces, const struct address *server, const struct address *source,
               uint8_t nonce[PCP_NONCE_LENGTH], struct error *error);

/* Whether a nonce is that of an earlier start: what was asked for then may be there still. */
bool nonces_is_kept(const struct nonces *nonces, const uint8_t nonce[PCP_NONCE_LENGTH]);

#endif
