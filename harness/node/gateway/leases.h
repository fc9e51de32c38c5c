/* The leases of a DHCP server on the same machine, from the file in which dnsmasq keeps them, a line each:
 *
 *     EXPIRY HARDWARE-ADDRESS ADDRESS NAME CLIENT-ID
 *
 * An address that is in the file no longer is nobody's: its mappings end (RFC 6887 section 15).
 */
#ifndef PINHOLE_NODE_GATEWAY_LEASES_H
#define PINHOLE_NODE_GATEWAY_LEASES_H

#include "base/error.h"
#include "wire/address.h"

#include <stdint.h>

struct leases;

/* Watches a file, which need not be there yet; NULL with error. */
struct leases *leases_open(const char *file, struct error *error);
void leases_close(struct leases *leases);

/* Readable when the file has changed; -1 where there are no leases. */
int leases_descriptor(const struct leases *leases);
/* Reads the descriptor empty at `now`. */
void leases_changed(struct leases *leases, uint64_t now);
/* When leases_compare() has something to do: once the file has been left alone for a while, since the server
 * empties it before it writes it anew. UINT64_MAX: it has nothing. */
uint64_t leases_due(const struct leases *leases);
/* Calls ended for each address that was leased when the file was read last, and is no more. */
void leases_compare(struct leases *leases,
                    void (*ended)(void *context, const struct address *address), void *context);

#endif
