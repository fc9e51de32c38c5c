#include "check/stage_recovery.h"

#include "check/stage_private.h"

enum { FIRST_FREE = 40 /* host number on the outside network */ };

static const int64_t hearing = 5 * SECOND;

int stage_listen(struct stage *stage, enum stage_place place)
{
    const struct endpoint group = {stage_any(stage), PCP_CLIENT_PORT};
    return stage_open_kind(stage, SOCKET_UDP_MULTICAST, place, &group);
}

struct answer stage_hear_within(struct stage *stage, const int *sockets, size_t count,
                                uint8_t opcode, int64_t patience)
{
    struct answer heard = {0};
    int64_t until = stage_now(stage) + patience;
    for (int64_t left = patience;
         stage_receive_any(stage, sockets, count, left > 0 ? left : 0, &heard.datagram);
         left = until - stage_now(stage)) {
        const struct datagram *datagram = &heard.datagram;
        if (datagram->is_error || datagram->length < 4 || datagram->octets[0] != PCP_VERSION)
            continue;
        heard.fault = pcp_decode(datagram->octets, datagram->length, &heard.pcp);
        heard.pcp.options = NULL;
        if (!heard.pcp.response || heard.pcp.opcode != opcode)
            continue;
        heard.came = true;
        return heard;
    }
    return (struct answer){0};
}

struct answer stage_hear(struct stage *stage, const int *sockets, size_t count, uint8_t opcode)
{
    return stage_hear_within(stage, sockets, count, opcode, hearing);
}

struct address stage_renumber(struct stage *stage, unsigned which)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address;
    struct error error = {{0}};
    if (stage->over || !stage->operations->find(stage->world, STAGE_OUTSIDE, false, &address))
        return address_any_ipv4();
    stage_pass(stage, 2 * SECOND); /* so that an epoch of 0 is one that fell */
    address.octet[15] = (uint8_t)(FIRST_FREE + which);
    stage_run(stage, STAGE_OUTSIDE,
              "ip -4 address flush dev eth1 scope global && ip address add %s/24 dev eth1",
              address_format(&address, text));
    if (!stage->over && !stage->operations->renumbered(stage->world, &error))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer can't be told of it: %s", error.text);
    return address;
}
