/* Captures and events for the tests of harness/check, made octet by octet. */
#ifndef PINHOLE_TEST_CHECK_SUPPORT_H
#define PINHOLE_TEST_CHECK_SUPPORT_H

#include "wire/capfile.h"
#include "wire/packet.h"
#include "wire/pcp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these in front of it. */
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { MILLISECOND = 1000000, SECOND = 1000 };

#define AT_MS(ms) (INT64_C(1700000000000000000) + (int64_t)(ms)*MILLISECOND)

struct udp_spec {
    const char *source;
    const char *destination;
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t hop_limit; /* 0: 64 */
};

/* Writes a raw IP datagram (LINKTYPE_RAW); returns its length. */
static inline size_t make_udp(const struct udp_spec *spec, const uint8_t *payload, size_t length,
                              uint8_t *out)
{
    struct address source;
    struct address destination;
    assert_true(address_parse(spec->source, &source));
    assert_true(address_parse(spec->destination, &destination));
    bool v4 = address_is_ipv4(&source);
    size_t header = v4 ? 20 : 40;
    size_t udp = 8 + length;
    uint8_t hop_limit = spec->hop_limit ? spec->hop_limit : 64;
    memset(out, 0, header + 8);
    if (v4) {
        out[0] = 0x45;
        out[2] = (uint8_t)((header + udp) >> 8);
        out[3] = (uint8_t)(header + udp);
        out[8] = hop_limit;
        out[9] = 17;
        memcpy(out + 12, source.octet + 12, 4);
        memcpy(out + 16, destination.octet + 12, 4);
    } else {
        out[0] = 0x60;
        out[4] = (uint8_t)(udp >> 8);
        out[5] = (uint8_t)udp;
        out[6] = 17;
        out[7] = hop_limit;
        memcpy(out + 8, source.octet, 16);
        memcpy(out + 24, destination.octet, 16);
    }
    uint8_t *at = out + header;
    at[0] = (uint8_t)(spec->source_port >> 8);
    at[1] = (uint8_t)spec->source_port;
    at[2] = (uint8_t)(spec->destination_port >> 8);
    at[3] = (uint8_t)spec->destination_port;
    at[4] = (uint8_t)(udp >> 8);
    at[5] = (uint8_t)udp;
    memcpy(at + 8, payload, length);
    return header + udp;
}

/* A pcapng file in the making. */
struct capture_file {
    char path[64];
    FILE *file;
    uint8_t block[4096];
};

static inline void capture_open(struct capture_file *capture, const char *const *interfaces)
{
    (void)snprintf(capture->path, sizeof capture->path, "/tmp/pinhole-test-XXXXXX");
    int descriptor = mkstemp(capture->path);
    assert_true(descriptor >= 0);
    capture->file = fdopen(descriptor, "wb");
    assert_non_null(capture->file);
    size_t length = capfile_write_section(capture->block, sizeof capture->block, "test");
    assert_int_equal(fwrite(capture->block, 1, length, capture->file), length);
    for (; *interfaces; interfaces++) {
        struct capfile_interface itf = {
            .link_type = LINK_RAW, .snapshot_length = 65535, .ticks_per_second = 1000000000};
        (void)snprintf(itf.name, sizeof itf.name, "%s", *interfaces);
        length = capfile_write_interface(capture->block, sizeof capture->block, &itf);
        assert_int_equal(fwrite(capture->block, 1, length, capture->file), length);
    }
}

static inline void capture_frame(struct capture_file *capture, int64_t time, uint32_t interface,
                                 enum capfile_direction direction, const uint8_t *frame,
                                 size_t length)
{
    struct capfile_packet packet = {.interface = interface,
                                    .time = time,
                                    .direction = direction,
                                    .captured = (uint32_t)length,
                                    .original = (uint32_t)length,
                                    .octets = frame};
    size_t block = capfile_write_packet(capture->block, sizeof capture->block, &packet, NULL);
    assert_true(block > 0);
    assert_int_equal(fwrite(capture->block, 1, block, capture->file), block);
}

static inline void capture_udp(struct capture_file *capture, int64_t time, uint32_t interface,
                               enum capfile_direction direction, const struct udp_spec *spec,
                               const uint8_t *payload, size_t length)
{
    uint8_t frame[2048];
    size_t octets = make_udp(spec, payload, length, frame);
    capture_frame(capture, time, interface, direction, frame, octets);
}

static inline void capture_close(struct capture_file *capture)
{
    assert_int_equal(fclose(capture->file), 0);
}

#endif
