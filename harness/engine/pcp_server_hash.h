/* SipHash-1-3 over 64-bit words: a hash with a secret key, so that no host can choose addresses,
 * ports or nonces that collide and so make look-ups slow for all. */
#ifndef PINHOLE_ENGINE_PCP_SERVER_HASH_H
#define PINHOLE_ENGINE_PCP_SERVER_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t pcp_server_rotate(uint64_t value, unsigned int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void pcp_server_hash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = pcp_server_rotate(v[1], 13) ^ v[0];
    v[0] = pcp_server_rotate(v[0], 32);
    v[2] += v[3];
    v[3] = pcp_server_rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = pcp_server_rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = pcp_server_rotate(v[1], 17) ^ v[2];
    v[2] = pcp_server_rotate(v[2], 32);
}

static inline uint64_t pcp_server_hash(const uint64_t key[2], const uint64_t *words, size_t count)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    for (size_t i = 0; i <= count; i++) {
        uint64_t word = i < count ? words[i] : (uint64_t)count << 59; /* the length closes it */
        v[3] ^= word;
        pcp_server_hash_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        pcp_server_hash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
