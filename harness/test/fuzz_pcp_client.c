/* A PCP client at the mercy of its server and its clock. The input is a script: time goes on, the
 * caller wants and drops mappings, the server answers honestly but for a few octets, or says anything.
 * Whatever comes, the client sends only what is well formed, keeps the distances it owes its server,
 * and always knows when to wake. */
#include "engine/pcp_client.h"
#include "wire/natpmp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { MAPPINGS = 3, FLOOD = 64, SHORTEST_GAP = 240 /* ms: NAT-PMP's first timeout is 250 */ };

struct script {
    const uint8_t *at;
    size_t left;
};

struct world {
    struct pcp_client client;
    struct pcp_mapping mappings[MAPPINGS];
    uint32_t now;
    uint8_t sent[PCP_MAXIMUM_LENGTH]; /* the last datagram */
    size_t sent_length;
};

static uint8_t next(struct script *script)
{
    if (script->left == 0)
        return 0;
    script->left--;
    return *script->at++;
}

static uint32_t next_number(struct script *script)
{
    uint32_t number = next(script);
    return number << 24 | (uint32_t)next(script) << 16 | (uint32_t)next(script) << 8 | next(script);
}

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_sent(const struct world *world)
{
    struct natpmp_message natpmp;
    struct pcp_message pcp;
    if (world->sent[0] == NATPMP_VERSION) {
        require(natpmp_decode(world->sent, world->sent_length, &natpmp) == NATPMP_FAULT_NONE);
        require(!natpmp.response);
    } else {
        require(pcp_decode(world->sent, world->sent_length, &pcp) == PCP_FAULT_NONE);
        require(!pcp.response && address_equal(&pcp.client, &world->client.address));
    }
}

static void drain(struct world *world, struct script *script)
{
    size_t length;
    int sends = 0;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    uint32_t random = next_number(script);
    while ((length = pcp_client_send(&world->client, world->now, random, octets, sizeof octets))) {
        memcpy(world->sent, octets, length);
        world->sent_length = length;
        check_sent(world);
        require(++sends <= MAPPINGS + 1); /* each mapping and the probe once */
    }
    require(pcp_client_wait(&world->client, world->now) > 0);
    struct pcp_event event;
    int events = 0;
    while (pcp_client_event(&world->client, &event))
        require(++events <= MAPPINGS + 1);
}

/* The last request back as an answer, with some octets exchanged. */
static void answer(struct world *world, struct script *script)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = world->sent_length;
    memcpy(octets, world->sent, length);
    if (length < 2)
        return;
    octets[1] |= 0x80;
    uint8_t changes = next(script) % 8;
    if (length >= 60) {
        memset(octets + 2, 0, 2);
        memset(octets + 12, 0, 12);
        octets[43] = octets[43] ? octets[43] : 7;
    }
    for (uint8_t i = 0; i < changes; i++) {
        uint8_t where = next(script);
        octets[where % length] = next(script);
    }
    pcp_client_receive(&world->client, world->now, next_number(script), &world->client.server,
                       PCP_SERVER_PORT, octets, length);
}

/* A copy of exactly its length: what lies behind it may not be read. */
static void say_anything(struct world *world, struct script *script)
{
    size_t length = next(script);
    if (length > script->left)
        length = script->left;
    uint8_t *octets = malloc(length ? length : 1);
    if (!octets)
        return;
    memcpy(octets, script->at, length);
    script->at += length;
    script->left -= length;
    pcp_client_receive(&world->client, world->now, 0, &world->client.server, PCP_SERVER_PORT,
                       octets, length);
    free(octets);
}

static void want(struct world *world, struct script *script, struct pcp_mapping *mapping)
{
    static const struct pcp_filter filter = {.prefix_length = 128};
    uint8_t what = next(script);
    memset(mapping, 0, sizeof *mapping);
    mapping->opcode = what & 1 ? PCP_PEER : PCP_MAP;
    mapping->third_party = what & 2;
    mapping->prefer_failure = what & 4;
    mapping->filters = &filter;
    mapping->filter_count = (what >> 3) & 1;
    mapping->data.map.protocol = what & 16 ? 6 : 17;
    mapping->data.map.internal_port = what & 32 ? 0 : 5683;
    mapping->data.map.nonce[0] = (uint8_t)(mapping - world->mappings);
    mapping->lifetime = next_number(script);
    pcp_mapping_request(mapping, world->now);
}

static void play(struct world *world, struct script *script)
{
    uint8_t step = next(script);
    struct pcp_mapping *mapping = &world->mappings[(step >> 4) % MAPPINGS];
    uint8_t fresh[PCP_NONCE_LENGTH] = {step};
    uint32_t wait = pcp_client_wait(&world->client, world->now);
    switch (step & 7) {
    case 0:
        world->now += wait < (uint32_t)1 << 30 ? wait : 1;
        break;
    case 1:
        world->now += next_number(script) >> 2;
        break;
    case 2:
        want(world, script, mapping);
        break;
    case 3:
        pcp_mapping_remove(mapping, world->now);
        break;
    case 4:
        say_anything(world, script);
        break;
    case 5:
        if (step & 128)
            pcp_client_probe(&world->client, world->now);
        else
            pcp_client_move(&world->client, &world->client.server, &world->client.address, fresh,
                            world->now);
        break;
    default:
        answer(world, script);
        break;
    }
}

/* Left to itself the client sends no faster than its fastest timeout allows. */
static void check_no_flood(struct world *world, struct script *script)
{
    uint32_t start = world->now;
    for (uint32_t sends = 0; sends < FLOOD; sends++) {
        uint32_t wait = pcp_client_wait(&world->client, world->now);
        if (wait > (uint32_t)1 << 20)
            return;
        world->now += wait;
        drain(world, script);
    }
    require(world->now - start > FLOOD / (MAPPINGS + 1) * SHORTEST_GAP / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct world world = {.now = UINT32_MAX - 5000};
    struct script script = {.at = octets, .left = length};
    const struct address server = address_from_ipv4((const uint8_t[]){192, 168, 1, 1});
    const struct address own = address_from_ipv4((const uint8_t[]){192, 168, 1, 10});
    pcp_client_init(&world.client, &server, &own, world.mappings, MAPPINGS, world.now);
    world.client.maximum_sends = next(&script) & 3;
    while (script.left) {
        play(&world, &script);
        drain(&world, &script);
    }
    check_no_flood(&world, &script);
    return 0;
}
