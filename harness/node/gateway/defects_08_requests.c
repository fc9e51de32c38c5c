/* Defects in what RFC 6887 section 8.2 has a server do with a request before its opcode. */
#include "node/gateway/defect.h"

#include <string.h>

/* The engine reads the client address that it would have to find. */
static void forge_the_client_address(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->came.length >= PCP_HEADER_LENGTH)
        memcpy(exchange->octets + 8, exchange->came.source.octet, sizeof(struct address));
}

static void answer_from_another_port(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    (void)defect;
    defect_send("", NULL, 0, &exchange->came.source, exchange->came.source_port, octets, *length);
    *length = 0;
}

const struct defect_hooks defects_08_requests[] = {
    {.name = "ignores-the-client-address", .request = forge_the_client_address},
    {.name = "answers-from-another-port", .answer = answer_from_another_port},
    {.name = "serves-the-outside",
     .hears_outside = true,
     .ruleset = "flush chain ip pinhole input\nflush chain ip6 pinhole input\n"},
    {.name = NULL},
};
