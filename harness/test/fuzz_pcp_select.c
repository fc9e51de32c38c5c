/* A PCP client that chooses among addresses, at the mercy of all of them, of ICMP errors and of its
 * clock. Whatever comes, it asks only addresses of its list, by their nonces, sends no faster than its
 * timeouts allow but for one round of ICMP errors, and always knows when to wake. */
#include "engine/pcp_client_select.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum {
    MAPPINGS = 2,
    ADDRESSES = 3,
    STEPS = 400,
    SENDS_A_CALL = 2 * (MAPPINGS + 1) /* to the address left, and to the next */
};

struct script {
    const uint8_t *at;
    size_t left;
};

struct world {
    struct pcp_client client;
    struct pcp_selection selection;
    struct pcp_select_address list[ADDRESSES];
    struct pcp_mapping mappings[MAPPINGS];
    uint32_t now;
    uint8_t sent[PCP_MAXIMUM_LENGTH];
    size_t sent_length;
};

static uint8_t next(struct script *script)
{
    if (script->left == 0)
        return 0;
    script->left--;
    return *script->at++;
}

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void drain(struct world *world)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length;
    int sends = 0;
    while ((length = pcp_select_send(&world->selection, world->now, 0x80000000, octets,
                                     sizeof octets)) > 0) {
        const struct pcp_select_address *to = &world->list[world->selection.current];
        require(address_equal(&world->client.server, &to->server));
        if (octets[0] == PCP_VERSION && octets[1] == PCP_MAP)
            require(memcmp(octets + PCP_HEADER_LENGTH, to->nonce, PCP_NONCE_LENGTH) == 0);
        memcpy(world->sent, octets, length);
        world->sent_length = length;
        require(++sends <= SENDS_A_CALL);
    }
    require(pcp_client_wait(&world->client, world->now) > 0);
    struct pcp_event event;
    int events = 0;
    while (pcp_client_event(&world->client, &event))
        require(event.kind != PCP_EVENT_UNANSWERED && ++events <= SENDS_A_CALL);
}

/* The last request back as an answer, with some octets exchanged, from any address of the list. */
static void answer(struct world *world, struct script *script)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = world->sent_length;
    if (length < 2)
        return;
    memcpy(octets, world->sent, length);
    octets[1] |= 0x80;
    if (length >= PCP_HEADER_LENGTH) {
        memset(octets + 2, 0, 2);
        memset(octets + 12, 0, 12);
    }
    uint8_t from = next(script);
    for (uint8_t changes = from >> 5; changes; changes--) {
        uint8_t where = next(script);
        octets[where % length] = next(script);
    }
    pcp_select_receive(&world->selection, world->now, 0, &world->list[from % ADDRESSES].server,
                       PCP_SERVER_PORT, octets, length);
}

static void play(struct world *world, struct script *script)
{
    uint8_t step = next(script);
    uint32_t wait = pcp_client_wait(&world->client, world->now);
    switch (step % 8) {
    case 0:
    case 1:
        world->now += wait < (uint32_t)1 << 30 ? wait : 1;
        break;
    case 2:
        world->now += (uint32_t)next(script) << (step >> 4);
        break;
    case 3:
        pcp_select_unreachable(&world->selection, world->now);
        break;
    case 4:
        pcp_mapping_remove(&world->mappings[step >> 7], world->now);
        break;
    case 5:
        pcp_client_probe(&world->client, world->now);
        break;
    default:
        answer(world, script);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct world world = {.now = UINT32_MAX - 5000};
    struct script script = {.at = octets, .left = length};
    uint8_t servers = next(&script);
    for (int i = 0; i < ADDRESSES; i++) {
        world.list[i].server = address_from_ipv4((const uint8_t[]){192, 168, 1, (uint8_t)i});
        world.list[i].source = address_from_ipv4((const uint8_t[]){192, 168, 1, 10});
        world.list[i].nonce[0] = servers & 1 ? (uint8_t)i : 0;
    }
    pcp_select_init(&world.selection, &world.client, world.list, ADDRESSES, world.mappings,
                    MAPPINGS, world.now);
    for (int i = 0; i < MAPPINGS; i++) {
        world.mappings[i].opcode = PCP_MAP;
        world.mappings[i].lifetime = 3600;
        world.mappings[i].data.map.protocol = 17;
        world.mappings[i].data.map.internal_port = (uint16_t)(5683 + i);
        world.mappings[i].data.map.external_address = address_any_ipv4();
        pcp_mapping_request(&world.mappings[i], world.now);
    }
    drain(&world);
    for (int step = 0; step < STEPS && script.left; step++) {
        play(&world, &script);
        drain(&world);
    }
    return 0;
}
