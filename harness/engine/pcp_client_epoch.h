/* Has the server lost its state? Epoch Time as section 8.5 of RFC 6887 validates it. */
#ifndef PINHOLE_ENGINE_PCP_CLIENT_EPOCH_H
#define PINHOLE_ENGINE_PCP_CLIENT_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

struct pcp_epoch {
    bool known;           /* a response has come from this server */
    uint32_t server_time; /* its Epoch Time, seconds */
    uint32_t client_time; /* when it came by our own clock, milliseconds */
};

/* True if server_time (s), received at client_time (ms, may wrap), fits what came before; the first is
 * always valid. It becomes the reference for the next one whether it is valid or not. */
bool pcp_epoch_validate(struct pcp_epoch *epoch, uint32_t client_time, uint32_t server_time);

/* As RFC 6886 section 3.6 has it for NAT-PMP, where only a clock behind the expected one counts. */
bool natpmp_epoch_validate(struct pcp_epoch *epoch, uint32_t client_time, uint32_t server_time);

#endif
