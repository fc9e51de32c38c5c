/* A PCP client in virtual time, and the server's answers to it, for the tests of the engine. */
#ifndef PINHOLE_TEST_CLIENT_WORLD_H
#define PINHOLE_TEST_CLIENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/pcp_client.h"
#include "wire/pcp.h"

enum { WORLD_MAPPINGS = 4, UDP = 17, TCP = 6, HALF = 0x80000000, ONE_PORT = 5683 };

struct world {
    struct pcp_client client;
    struct pcp_mapping mappings[WORLD_MAPPINGS];
    uint32_t now;    /* ms */
    uint32_t random; /* what the engine gets next */
    uint32_t epoch;  /* the server's Epoch Time at virtual time 0 */
    uint32_t start;

    uint8_t octets[PCP_MAXIMUM_LENGTH]; /* the last datagram sent */
    size_t length;
    struct pcp_message sent; /* the same, decoded */
};

static inline struct address an_address(const char *text)
{
    struct address address;
    assert_true(address_parse(text, &address));
    return address;
}

static inline void world_begin_at(struct world *world, uint32_t start)
{
    memset(world, 0, sizeof *world);
    struct address server = an_address("192.168.1.1");
    struct address own = an_address("192.168.1.10");
    world->now = start;
    world->start = start;
    world->random = HALF; /* RAND of 8.1.1 is 0 then */
    pcp_client_init(&world->client, &server, &own, world->mappings, WORLD_MAPPINGS, start);
}

static inline void world_begin(struct world *world)
{
    /* Just before the clock wraps, so that every test crosses the seam. */
    world_begin_at(world, UINT32_MAX - 1000);
}

/* Mapping number, asked for: MAP of a UDP port for an hour. */
static inline struct pcp_mapping *world_map(struct world *world, int number)
{
    struct pcp_mapping *mapping = &world->mappings[number];
    mapping->opcode = PCP_MAP;
    mapping->lifetime = 3600;
    mapping->data.map.protocol = UDP;
    mapping->data.map.internal_port = (uint16_t)(ONE_PORT + number);
    mapping->data.map.external_address = address_any_ipv4();
    memset(mapping->data.map.nonce, 0x10 + number, PCP_NONCE_LENGTH);
    pcp_mapping_request(mapping, world->now);
    return mapping;
}

/* What the client sends now; false if nothing. */
static inline bool world_sends(struct world *world)
{
    world->length = pcp_client_send(&world->client, world->now, world->random, world->octets,
                                    sizeof world->octets);
    if (world->length)
        pcp_decode(world->octets, world->length, &world->sent);
    return world->length > 0;
}

/* Lets time go on to the client's next sending, `limit` ms at most; returns the ms that passed, or
 * PCP_NEVER if it sent nothing. */
static inline uint32_t world_until_sent(struct world *world, uint32_t limit)
{
    uint32_t passed = 0;
    for (;;) {
        if (world_sends(world))
            return passed;
        uint32_t wait = pcp_client_wait(&world->client, world->now);
        assert_true(wait > 0); /* or the client would spin */
        if (wait > limit - passed) {
            world->now += limit - passed;
            return PCP_NEVER;
        }
        world->now += wait;
        passed += wait;
    }
}

/* The answer that an honest server gives to the last request: external address and port granted. */
static inline struct pcp_message world_answer(const struct world *world, uint32_t lifetime)
{
    struct pcp_message answer = world->sent;
    answer.response = true;
    answer.result = PCP_SUCCESS;
    answer.lifetime = lifetime;
    answer.epoch = world->epoch + (world->now - world->start) / 1000;
    if (world->sent.lifetime) {
        answer.data.map.external_address = an_address("11.0.0.1");
        answer.data.map.external_port = 40000;
    }
    return answer;
}

static inline void world_receive_octets(struct world *world, const uint8_t *octets, size_t length)
{
    pcp_client_receive(&world->client, world->now, world->random, &world->client.server,
                       PCP_SERVER_PORT, octets, length);
}

static inline void world_receive(struct world *world, const struct pcp_message *answer)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = pcp_encode(answer, octets, sizeof octets);
    assert_true(length > 0);
    world_receive_octets(world, octets, length);
}

static inline void world_grant(struct world *world, uint32_t lifetime)
{
    struct pcp_message answer = world_answer(world, lifetime);
    world_receive(world, &answer);
}

static inline void world_refuse(struct world *world, uint8_t result, uint32_t lifetime)
{
    struct pcp_message answer = world_answer(world, lifetime);
    answer.data = world->sent.data;
    answer.result = result;
    world_receive(world, &answer);
}

static inline void world_announce(struct world *world, uint32_t epoch)
{
    const struct pcp_message announcement = {
        .version = PCP_VERSION, .response = true, .opcode = PCP_ANNOUNCE, .epoch = epoch};
    world_receive(world, &announcement);
}

/* The next event's kind; PCP_EVENT_NONE if there is none. */
static inline enum pcp_event_kind world_event(struct world *world)
{
    struct pcp_event event;
    return pcp_client_event(&world->client, &event) ? event.kind : PCP_EVENT_NONE;
}

/* One mapping, asked for and granted for lifetime seconds. */
static inline struct pcp_mapping *world_mapped(struct world *world, uint32_t lifetime)
{
    struct pcp_mapping *mapping = world_map(world, 0);
    assert_true(world_sends(world));
    world_grant(world, lifetime);
    assert_int_equal(world_event(world), PCP_EVENT_GRANTED);
    return mapping;
}

#endif
