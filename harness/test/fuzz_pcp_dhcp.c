/* DHCP options of either version, from anyone: what is read of them can be written, and reads as the
 * same again. */
#include "wire/pcp_dhcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { ROOM = 1024 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void require_same(const struct pcp_dhcp_servers *a, const struct pcp_dhcp_servers *b)
{
    require(a->count == b->count);
    for (uint8_t s = 0; s < a->count; s++) {
        const struct pcp_dhcp_server *left = &a->servers[s];
        const struct pcp_dhcp_server *right = &b->servers[s];
        require(left->count > 0 && left->count == right->count);
        require(!memcmp(left->addresses, right->addresses, left->count * sizeof(struct address)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    uint8_t written[ROOM];
    struct pcp_dhcp_servers found = {0};
    struct pcp_dhcp_servers again = {0};
    if (pcp_dhcp_read_v4(octets, length, &found)) {
        size_t used = pcp_dhcp_write_v4(&found, written, sizeof written);
        require(pcp_dhcp_read_v4(written, used, &again));
        require_same(&found, &again);
    }
    memset(&found, 0, sizeof found);
    memset(&again, 0, sizeof again);
    if (pcp_dhcp_read_v6(octets, length, &found)) {
        size_t used = pcp_dhcp_write_v6(&found, written, sizeof written);
        require(pcp_dhcp_read_v6(written, used, &again));
        require_same(&found, &again);
    }
    return 0;
}
