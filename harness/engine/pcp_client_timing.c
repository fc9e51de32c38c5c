#include "engine/pcp_client_timing.h"

/* a fifth, and the largest previous timeout that doubled and spread stays under 2^31 ms, as far as times
 * that wrap can be compared: without MRT it grows to 12 days */
enum { FIFTH_OF_65536 = 13107, DOUBLING_LIMIT = 1 << 29 };

/* span * fraction / 65536, exactly, in 32 bits; fraction is under 65536 */
static uint32_t scale(uint32_t span, uint32_t fraction)
{
    return (span >> 16) * fraction + ((span & 0xffff) * fraction >> 16);
}

uint32_t pcp_uniform(uint32_t span, uint32_t random)
{
    return scale(span, random >> 16);
}

uint32_t pcp_retransmission_timeout(uint32_t previous, uint32_t initial, uint32_t maximum,
                                    uint32_t random)
{
    uint32_t middle = initial;
    if (previous)
        middle = 2 * (previous < DOUBLING_LIMIT ? previous : DOUBLING_LIMIT);
    if (previous && maximum && middle > maximum)
        middle = maximum;
    uint32_t spread = scale(middle, FIFTH_OF_65536);
    return middle - spread / 2 + pcp_uniform(spread, random);
}

uint32_t pcp_renewal_time(uint32_t lifetime, uint32_t elapsed, uint32_t random)
{
    uint32_t left = lifetime / 2; /* at the start of the range */
    while (left && lifetime - left <= elapsed)
        left /= 2;
    return lifetime - left + pcp_uniform(left / 4, random);
}
