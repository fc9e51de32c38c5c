/* What is measured of a run, from captures that each test writes packet by packet. */
#include "check/event.h"
#include "measure/messages.h"
#include "measure/protocol.h"
#include "measure/traffic.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

static const int64_t second = 1000000000;
static const int64_t start = 1700000000000000000; /* nanoseconds since 1970 */

/* --- a capture being written --------------------------------------------------------------- */

struct recording {
    char folder[32];
    char capture[64];
    char json[64];
    uint8_t octets[65536];
    size_t length;
};

static void begin(struct recording *recording, const char *const *names)
{
    memset(recording, 0, sizeof *recording);
    (void)snprintf(recording->folder, sizeof recording->folder, "/tmp/test_measure.XXXXXX");
    assert_non_null(mkdtemp(recording->folder));
    (void)snprintf(recording->capture, sizeof recording->capture, "%s/lab.pcapng",
                   recording->folder);
    (void)snprintf(recording->json, sizeof recording->json, "%s/out.json", recording->folder);
    recording->length =
        capfile_write_section(recording->octets, sizeof recording->octets, "test_measure");
    for (; *names; names++) {
        struct capfile_interface itf = {
            .link_type = LINK_ETHERNET, .snapshot_length = 2048, .ticks_per_second = 1000000000};
        (void)snprintf(itf.name, sizeof itf.name, "%s", *names);
        recording->length +=
            capfile_write_interface(recording->octets + recording->length,
                                    sizeof recording->octets - recording->length, &itf);
    }
}

static void store(const struct recording *recording)
{
    FILE *file = fopen(recording->capture, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(recording->octets, 1, recording->length, file), recording->length);
    assert_int_equal(fclose(file), 0);
}

static void end(struct recording *recording)
{
    (void)unlink(recording->capture);
    (void)unlink(recording->json);
    assert_int_equal(rmdir(recording->folder), 0);
}

static void put_frame(struct recording *recording, uint32_t interface, int64_t time,
                      enum capfile_direction direction, const uint8_t *frame, size_t length)
{
    struct capfile_packet packet = {.interface = interface,
                                    .time = start + time,
                                    .direction = direction,
                                    .captured = (uint32_t)length,
                                    .original = (uint32_t)length,
                                    .octets = frame};
    size_t written =
        capfile_write_packet(recording->octets + recording->length,
                             sizeof recording->octets - recording->length, &packet, NULL);
    assert_true(written > 0);
    recording->length += written;
}

struct flow {
    const char *source;
    uint16_t source_port;
    const char *destination;
    uint16_t destination_port;
};

/* Builds an Ethernet frame with IPv4 and length octets of a transport; returns its length. */
static size_t build_ip(uint8_t *frame, const char *source, const char *destination,
                       uint8_t protocol, const uint8_t *body, size_t length)
{
    struct address from;
    struct address to;
    assert_true(address_parse(source, &from) && address_parse(destination, &to));
    size_t total = 20 + length;
    const uint8_t header[34] = {[12] = 0x08,           [14] = 0x45, [16] = (uint8_t)(total >> 8),
                                [17] = (uint8_t)total, [22] = 64,   [23] = protocol};
    memcpy(frame, header, sizeof header);
    memcpy(frame + 26, from.octet + 12, 4);
    memcpy(frame + 30, to.octet + 12, 4);
    memcpy(frame + sizeof header, body, length);
    return sizeof header + length;
}

static size_t build_udp(uint8_t *frame, const struct flow *flow, const void *payload, size_t length)
{
    uint8_t body[1500];
    size_t total = 8 + length;
    const uint8_t header[8] = {(uint8_t)(flow->source_port >> 8),
                               (uint8_t)flow->source_port,
                               (uint8_t)(flow->destination_port >> 8),
                               (uint8_t)flow->destination_port,
                               (uint8_t)(total >> 8),
                               (uint8_t)total};
    assert_true(total <= sizeof body);
    memcpy(body, header, sizeof header);
    memcpy(body + sizeof header, payload, length);
    return build_ip(frame, flow->source, flow->destination, 17, body, total);
}

static void put_udp(struct recording *recording, uint32_t interface, int64_t time,
                    enum capfile_direction direction, const struct flow *flow, const void *payload,
                    size_t length)
{
    uint8_t frame[1600];
    size_t used = build_udp(frame, flow, payload, length);
    put_frame(recording, interface, time, direction, frame, used);
}

static const struct flow pcp = {"192.168.1.10", 50000, "192.168.1.1", 5351};
static const struct flow probe = {"11.0.0.2", 9000, "11.0.0.1", 40000};
static const uint8_t announce_request[24] = {2, 0};
static const uint8_t nat_pmp_request[2] = {0, 0};
static const uint8_t coap_get[4] = {0x40, 0x01, 0x12, 0x34};

static const char *const one_interface[] = {"device:eth0", NULL};
static const char *const two_interfaces[] = {"device:eth0", "gateway:eth1", NULL};

/* --- protocols ----------------------------------------------------------------------------- */

static enum protocol protocol_of_udp(struct protocol_memory *memory, const struct flow *flow,
                                     const void *payload, size_t length)
{
    uint8_t frame[1600];
    struct packet packet;
    size_t used = build_udp(frame, flow, payload, length);
    (void)packet_parse(LINK_ETHERNET, frame, used, &packet);
    return protocol_of(memory, &packet);
}

static void pcp_and_nat_pmp_are_told_apart_by_their_version(void **state)
{
    (void)state;
    struct protocol_memory memory = {0};
    assert_int_equal(protocol_of_udp(&memory, &pcp, announce_request, sizeof announce_request),
                     PROTOCOL_PCP);
    assert_int_equal(protocol_of_udp(&memory, &pcp, nat_pmp_request, sizeof nat_pmp_request),
                     PROTOCOL_NAT_PMP);
    const struct flow multicast = {"192.168.1.1", 5351, "224.0.0.1", 5350};
    assert_int_equal(
        protocol_of_udp(&memory, &multicast, announce_request, sizeof announce_request),
        PROTOCOL_PCP);
}

static void coap_to_an_external_port_is_known_by_the_registration_before(void **state)
{
    (void)state;
    struct protocol_memory memory = {0};
    const struct flow call = {"11.0.0.2", 61000, "11.0.0.1", 40000};
    const struct flow registration = {"11.0.0.1", 40000, "11.0.0.2", 5683};
    assert_int_equal(protocol_of_udp(&memory, &call, coap_get, sizeof coap_get), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &registration, coap_get, sizeof coap_get),
                     PROTOCOL_COAP);
    assert_int_equal(protocol_of_udp(&memory, &call, coap_get, sizeof coap_get), PROTOCOL_COAP);
    assert_int_equal(protocol_of_udp(&memory, &call, "hello", 5), PROTOCOL_UDP);
}

static void what_is_no_coap_at_its_port_is_a_probe(void **state)
{
    (void)state;
    struct protocol_memory memory = {0};
    const struct flow flow = {"11.0.0.2", 9000, "11.0.0.1", 5683};
    const uint8_t long_token[4] = {0x49, 0x01};
    const uint8_t reserved_class[4] = {0x40, 0x21};
    const uint8_t other_version[4] = {0x80, 0x01};
    assert_int_equal(protocol_of_udp(&memory, &flow, long_token, 4), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &flow, reserved_class, 4), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &flow, other_version, 4), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &flow, coap_get, 3), PROTOCOL_UDP);
    assert_int_equal(memory.count, 0);
}

static void as_many_endpoints_are_learnt_as_fit(void **state)
{
    (void)state;
    static struct protocol_memory memory;
    memset(&memory, 0, sizeof memory);
    struct flow flow = {"11.0.0.1", 10000, "11.0.0.2", 5683};
    while (flow.source_port < 10000 + 2 * PROTOCOL_ENDPOINTS) {
        assert_int_equal(protocol_of_udp(&memory, &flow, coap_get, sizeof coap_get), PROTOCOL_COAP);
        flow.source_port++;
        /* The first packet brought the server's endpoint with it. */
        uint32_t met = flow.source_port - 10000U + 1;
        assert_int_equal(memory.count, met < PROTOCOL_ENDPOINTS ? met : PROTOCOL_ENDPOINTS);
    }
    assert_int_equal(memory.count, PROTOCOL_ENDPOINTS);
}

/* 45 octets that nobody but the ends can read, in epoch 1. */
static const uint8_t dtls_data[13 + 45] = {23, 0xfe, 0xfd, 0, 1, [12] = 45};

static void dtls_is_told_by_its_form_at_any_port(void **state)
{
    (void)state;
    struct protocol_memory memory = {0};
    const struct flow secure = {"11.0.0.2", 5684, "11.0.0.1", 40000};
    const struct flow coap = {"11.0.0.1", 40000, "11.0.0.2", 5683};
    assert_int_equal(protocol_of_udp(&memory, &probe, dtls_data, sizeof dtls_data), PROTOCOL_DTLS);
    assert_int_equal(protocol_of_udp(&memory, &coap, dtls_data, sizeof dtls_data), PROTOCOL_DTLS);
    assert_int_equal(memory.count, 0); /* which tells nothing about CoAP */
    assert_int_equal(protocol_of_udp(&memory, &secure, dtls_data, sizeof dtls_data - 1),
                     PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &secure, "hello", 5), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &secure, coap_get, sizeof coap_get), PROTOCOL_UDP);
    assert_int_equal(protocol_of_udp(&memory, &pcp, dtls_data, sizeof dtls_data), PROTOCOL_PCP);
}

static void neighbour_discovery_is_no_icmp_traffic(void **state)
{
    (void)state;
    struct protocol_memory memory = {0};
    struct packet packet = {.ip_version = 6, .protocol = 58, .icmp_type = 135};
    assert_int_equal(protocol_of(&memory, &packet), PROTOCOL_NEIGHBOUR);
    packet.icmp_type = 143; /* multicast listener report */
    assert_int_equal(protocol_of(&memory, &packet), PROTOCOL_NEIGHBOUR);
    packet.icmp_type = 128; /* echo request */
    assert_int_equal(protocol_of(&memory, &packet), PROTOCOL_ICMP);
    packet.ip_version = 0; /* ARP */
    assert_int_equal(protocol_of(&memory, &packet), PROTOCOL_NEIGHBOUR);
}

/* --- traffic ------------------------------------------------------------------------------- */

static void octets_are_those_of_the_ip_datagram_in_each_direction(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, announce_request, 24);
    put_udp(&recording, 0, 1, DIRECTION_OUT, &pcp, announce_request, 24);
    const struct flow back = {"192.168.1.1", 5351, "192.168.1.10", 50000};
    put_udp(&recording, 0, 2, DIRECTION_IN, &back, announce_request, 24);
    const uint8_t arp[42] = {[12] = 0x08, [13] = 0x06};
    put_frame(&recording, 0, 3, DIRECTION_OUT, arp, sizeof arp);
    store(&recording);

    struct traffic traffic;
    struct error error = {""};
    assert_int_equal(traffic_measure(recording.capture, &traffic, &error), 0);
    assert_int_equal(traffic.count, 1);
    const struct traffic_interface *device = &traffic.interfaces[0];
    assert_string_equal(device->name, "device:eth0");
    assert_int_equal(device->counts[PROTOCOL_PCP][DIRECTION_OUT].packets, 2);
    assert_int_equal(device->counts[PROTOCOL_PCP][DIRECTION_OUT].octets, 2 * (20 + 8 + 24));
    assert_int_equal(device->counts[PROTOCOL_PCP][DIRECTION_IN].packets, 1);
    assert_int_equal(device->counts[PROTOCOL_PCP][DIRECTION_IN].octets, 20 + 8 + 24);
    assert_int_equal(device->counts[PROTOCOL_NEIGHBOUR][DIRECTION_OUT].packets, 1);
    assert_int_equal(device->counts[PROTOCOL_NEIGHBOUR][DIRECTION_OUT].octets, 0);
    traffic_free(&traffic);
    end(&recording);
}

static void dtls_is_counted_apart_from_udp(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    put_udp(&recording, 0, 0, DIRECTION_IN, &probe, dtls_data, sizeof dtls_data);
    put_udp(&recording, 0, 1, DIRECTION_IN, &probe, "x", 1);
    store(&recording);

    struct traffic traffic;
    assert_int_equal(traffic_measure(recording.capture, &traffic, NULL), 0);
    const struct traffic_interface *device = &traffic.interfaces[0];
    assert_int_equal(device->counts[PROTOCOL_DTLS][DIRECTION_IN].packets, 1);
    assert_int_equal(device->counts[PROTOCOL_DTLS][DIRECTION_IN].octets, 20 + 8 + 13 + 45);
    assert_int_equal(device->counts[PROTOCOL_UDP][DIRECTION_IN].packets, 1);
    traffic_free(&traffic);
    end(&recording);
}

static void a_packet_after_more_than_a_second_of_silence_is_a_wake_up(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, two_interfaces);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, announce_request, 24);
    put_udp(&recording, 0, second, DIRECTION_OUT, &pcp, announce_request, 24);
    /* Another interface neither keeps the first one awake nor shares its silence. */
    put_udp(&recording, 1, 2 * second, DIRECTION_IN, &pcp, announce_request, 24);
    put_udp(&recording, 0, 2 * second + 1, DIRECTION_IN, &probe, "x", 1);
    put_udp(&recording, 1, 3 * second, DIRECTION_OUT, &probe, "x", 1);
    store(&recording);

    struct traffic traffic;
    assert_int_equal(traffic_measure(recording.capture, &traffic, NULL), 0);
    assert_int_equal(traffic.count, 2);
    const struct traffic_interface *device = &traffic.interfaces[0];
    assert_int_equal(device->counts[PROTOCOL_PCP][DIRECTION_OUT].wakeups, 1);
    assert_int_equal(device->counts[PROTOCOL_UDP][DIRECTION_IN].wakeups, 1);
    const struct traffic_interface *gateway = &traffic.interfaces[1];
    assert_int_equal(gateway->counts[PROTOCOL_PCP][DIRECTION_IN].wakeups, 1);
    assert_int_equal(gateway->counts[PROTOCOL_UDP][DIRECTION_OUT].wakeups, 0);
    traffic_free(&traffic);
    end(&recording);
}

static void traffic_is_written_by_interface_and_protocol(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, announce_request, 24);
    put_udp(&recording, 0, 1, DIRECTION_UNKNOWN, &probe, "x", 1);
    store(&recording);

    struct traffic traffic;
    struct error error = {""};
    assert_int_equal(traffic_measure(recording.capture, &traffic, &error), 0);
    assert_int_equal(traffic_write(&traffic, recording.json, &error), 0);
    traffic_free(&traffic);

    json_t *written = json_load_file(recording.json, 0, NULL);
    json_t *expected = json_pack(
        "[{s:s,s:s,s:{s:i,s:i,s:i},s:{s:i,s:i,s:i}},"
        " {s:s,s:s,s:{s:i,s:i,s:i},s:{s:i,s:i,s:i},s:{s:i,s:i,s:i}}]",
        "interface", "device:eth0", "protocol", "PCP", "in", "packets", 0, "octets", 0, "wakeups",
        0, "out", "packets", 1, "octets", 52, "wakeups", 1, "interface", "device:eth0", "protocol",
        "UDP", "in", "packets", 0, "octets", 0, "wakeups", 0, "out", "packets", 0, "octets", 0,
        "wakeups", 0, "unknown", "packets", 1, "octets", 29, "wakeups", 0);
    assert_true(json_equal(written, expected));
    json_decref(expected);
    json_decref(written);
    end(&recording);
}

static void what_stands_before_the_damage_of_a_capture_is_counted(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, announce_request, 24);
    put_udp(&recording, 0, 1, DIRECTION_OUT, &pcp, announce_request, 24);
    recording.length -= 10;
    store(&recording);

    struct traffic traffic;
    struct error error = {""};
    assert_int_equal(traffic_measure(recording.capture, &traffic, &error), -1);
    assert_non_null(strstr(error.text, recording.capture));
    assert_int_equal(traffic.count, 1);
    assert_int_equal(traffic.interfaces[0].counts[PROTOCOL_PCP][DIRECTION_OUT].packets, 1);
    traffic_free(&traffic);

    uint64_t count = 0;
    error.text[0] = '\0';
    assert_int_equal(messages_write(recording.capture, recording.json, &count, &error), -1);
    assert_int_equal(count, 1);
    json_t *written = json_load_file(recording.json, 0, NULL);
    assert_int_equal(json_array_size(written), 1);
    json_decref(written);
    end(&recording);
}

static void a_missing_capture_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct traffic traffic;
    struct error error = {""};
    assert_int_equal(traffic_measure("/nonexistent/lab.pcapng", &traffic, &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent/lab.pcapng"));
    traffic_free(&traffic);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct traffic_interface entry = {.name = "device:eth0"};
    entry.counts[PROTOCOL_PCP][DIRECTION_IN].packets = 1;
    struct traffic traffic = {.interfaces = &entry, .count = 1};
    struct error error = {""};
    assert_int_equal(traffic_write(&traffic, "/dev/full", &error), -1);
    assert_non_null(strstr(error.text, "No space left"));
}

/* --- messages ------------------------------------------------------------------------------ */

static json_t *messages_of(struct recording *recording)
{
    struct error error = {""};
    uint64_t count = 0;
    store(recording);
    int status = messages_write(recording->capture, recording->json, &count, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(status, 0);
    json_t *written = json_load_file(recording->json, 0, NULL);
    assert_true(json_is_array(written));
    assert_int_equal(json_array_size(written), count);
    end(recording);
    return written;
}

static const char *text(const json_t *messages, size_t index, const char *key)
{
    const char *value = json_string_value(json_object_get(json_array_get(messages, index), key));
    assert_non_null(value);
    return value;
}

static void a_message_tells_where_when_and_what(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, two_interfaces);
    const uint8_t arp[42] = {[12] = 0x08, [13] = 0x06};
    put_frame(&recording, 0, 0, DIRECTION_OUT, arp, sizeof arp);
    put_udp(&recording, 1, second / 4, DIRECTION_IN, &probe, "are you there", 13);
    json_t *messages = messages_of(&recording);
    assert_int_equal(json_array_size(messages), 1);
    const json_t *message = json_array_get(messages, 0);
    assert_int_equal(json_integer_value(json_object_get(message, "frame")), 2);
    assert_true(json_real_value(json_object_get(message, "time")) == 0.25);
    assert_string_equal(text(messages, 0, "interface"), "gateway:eth1");
    assert_string_equal(text(messages, 0, "direction"), "in");
    assert_string_equal(text(messages, 0, "source"), "11.0.0.2:9000");
    assert_string_equal(text(messages, 0, "destination"), "11.0.0.1:40000");
    assert_string_equal(text(messages, 0, "protocol"), "UDP");
    assert_string_equal(text(messages, 0, "summary"), "\"are you there\"");
    json_decref(messages);
}

static void pcp_nat_pmp_coap_and_dtls_are_told_in_their_own_words(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    const struct flow coap = {"192.168.1.10", 5683, "11.0.0.2", 5683};
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, announce_request, sizeof announce_request);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &pcp, nat_pmp_request, sizeof nat_pmp_request);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &coap, coap_get, sizeof coap_get);
    put_udp(&recording, 0, 0, DIRECTION_IN, &probe, dtls_data, sizeof dtls_data);
    json_t *messages = messages_of(&recording);
    assert_string_equal(text(messages, 0, "protocol"), "PCP");
    assert_non_null(strstr(text(messages, 0, "summary"), "ANNOUNCE request"));
    assert_string_equal(text(messages, 1, "protocol"), "NAT-PMP");
    assert_non_null(strstr(text(messages, 1, "summary"), "NAT-PMP"));
    assert_string_equal(text(messages, 2, "protocol"), "CoAP");
    assert_non_null(strstr(text(messages, 2, "summary"), "CON GET"));
    assert_string_equal(text(messages, 3, "protocol"), "DTLS");
    assert_string_equal(text(messages, 3, "summary"),
                        "DTLS Application Data 45 octets [epoch 1 sequence 0]");
    json_decref(messages);
}

static void what_nobody_asked_for_is_no_message(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    const struct flow ssdp = {"192.168.1.1", 1900, "239.255.255.250", 1900};
    const struct flow dns = {"192.168.1.10", 50000, "192.168.1.1", 53};
    put_udp(&recording, 0, 0, DIRECTION_IN, &ssdp, "NOTIFY", 6);
    put_udp(&recording, 0, 0, DIRECTION_OUT, &dns, "?", 1);
    uint8_t frame[100];
    const uint8_t echo[8] = {8};
    size_t length = build_ip(frame, "192.168.1.10", "192.168.1.1", 1, echo, sizeof echo);
    put_frame(&recording, 0, 0, DIRECTION_OUT, frame, length);
    json_t *messages = messages_of(&recording);
    assert_int_equal(json_array_size(messages), 0);
    json_decref(messages);
}

static void a_digest_stays_the_same_through_a_nat_and_differs_between_payloads(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, two_interfaces);
    const struct flow inside = {"192.168.1.10", 9000, "11.0.0.2", 7};
    const struct flow outside = {"11.0.0.1", 30000, "11.0.0.2", 7};
    put_udp(&recording, 0, 0, DIRECTION_OUT, &inside, "one", 3);
    put_udp(&recording, 1, 0, DIRECTION_OUT, &outside, "one", 3);
    put_udp(&recording, 1, 0, DIRECTION_OUT, &outside, "two", 3);
    json_t *messages = messages_of(&recording);
    assert_string_equal(text(messages, 0, "payload"), text(messages, 1, "payload"));
    assert_string_not_equal(text(messages, 1, "payload"), text(messages, 2, "payload"));
    json_decref(messages);
}

/* An ICMP error about a probe, as a NAT sends it on with the quoted packet rewritten. */
static size_t build_error(uint8_t *frame, const char *to, const struct flow *about,
                          const char *payload)
{
    uint8_t quoted[200];
    uint8_t body[200] = {3, 3};
    size_t length = build_udp(quoted, about, payload, strlen(payload));
    memcpy(body + 8, quoted + 14, length - 14);
    return build_ip(frame, "11.0.0.2", to, 1, body, length - 14 + 8);
}

static void an_icmp_error_tells_what_it_is_about_and_keeps_its_digest(void **state)
{
    (void)state;
    struct recording recording;
    uint8_t frame[300];
    begin(&recording, two_interfaces);
    const struct flow outside = {"11.0.0.1", 30000, "11.0.0.2", 7};
    const struct flow inside = {"192.168.1.10", 9000, "11.0.0.2", 7};
    put_frame(&recording, 1, 0, DIRECTION_IN, frame, build_error(frame, "11.0.0.1", &outside, "a"));
    put_frame(&recording, 0, 0, DIRECTION_IN, frame,
              build_error(frame, "192.168.1.10", &inside, "a"));
    put_frame(&recording, 0, 0, DIRECTION_IN, frame,
              build_error(frame, "192.168.1.10", &inside, "b"));
    json_t *messages = messages_of(&recording);
    assert_int_equal(json_array_size(messages), 3);
    assert_string_equal(text(messages, 0, "protocol"), "ICMP");
    assert_string_equal(text(messages, 0, "source"), "11.0.0.2");
    assert_string_equal(text(messages, 0, "summary"),
                        "port unreachable, about 11.0.0.1 port 30000 to 11.0.0.2 port 7");
    assert_string_equal(text(messages, 0, "payload"), text(messages, 1, "payload"));
    assert_string_not_equal(text(messages, 1, "payload"), text(messages, 2, "payload"));
    json_decref(messages);
}

static void octets_that_are_no_text_are_only_counted(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    put_udp(&recording, 0, 0, DIRECTION_IN, &probe, "\xff\x1b[2J", 5);
    put_udp(&recording, 0, 0, DIRECTION_IN, &probe, "", 0);
    json_t *messages = messages_of(&recording);
    assert_string_equal(text(messages, 0, "summary"), "5 octets");
    assert_string_equal(text(messages, 1, "summary"), "0 octets");
    json_decref(messages);
}

static void an_interface_name_that_is_no_utf_8_stays_valid_json(void **state)
{
    (void)state;
    struct recording recording;
    static const char *const strange[] = {"a\xff:eth0", NULL};
    begin(&recording, strange);
    put_udp(&recording, 0, 0, DIRECTION_IN, &probe, "x", 1);
    json_t *messages = messages_of(&recording);
    assert_string_equal(text(messages, 0, "interface"), "a?:eth0");
    json_decref(messages);
}

static void frames_of_any_octets_are_measured(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20; round++) {
        struct recording recording;
        begin(&recording, one_interface);
        for (int i = 0; i < 100; i++) {
            uint8_t frame[1600];
            size_t length = build_udp(frame, i % 2 ? &pcp : &probe, announce_request, 24);
            for (int change = 0; change < 4; change++) {
                random = random * 1664525 + 1013904223; /* Numerical Recipes' generator */
                frame[(random >> 8) % length] = (uint8_t)(random >> 24);
            }
            put_frame(&recording, 0, i, DIRECTION_IN, frame, (random >> 16) % (length + 1));
        }
        store(&recording);
        struct traffic traffic;
        assert_int_equal(traffic_measure(recording.capture, &traffic, NULL), 0);
        uint64_t packets = 0;
        for (int p = 0; p < PROTOCOL_COUNT; p++)
            packets += traffic.interfaces[0].counts[p][DIRECTION_IN].packets;
        assert_int_equal(packets, 100);
        traffic_free(&traffic);
        json_decref(messages_of(&recording));
    }
}

/* Hostile ones among them: whatever can be read is counted, once. */
static void every_golden_capture_is_measured(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    glob_t found;
    assert_int_equal(glob(SOURCE_ROOT "/captures/golden/*.pcap*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct traffic traffic;
        struct error error = {""};
        int status = traffic_measure(found.gl_pathv[i], &traffic, &error);
        assert_int_equal(status, error.text[0] ? -1 : 0);
        uint64_t counted = 0;
        for (size_t t = 0; t < traffic.count; t++)
            for (int p = 0; p < PROTOCOL_COUNT; p++)
                for (int d = 0; d < TRAFFIC_DIRECTIONS; d++)
                    counted += traffic.interfaces[t].counts[p][d].packets;
        traffic_free(&traffic);

        uint64_t packets = 0;
        struct event event;
        struct event_source *source = event_open(found.gl_pathv[i], NULL);
        while (source && event_next(source, &event, NULL) > 0)
            packets++;
        event_close(source);
        assert_int_equal(counted, packets);

        uint64_t messages = 0;
        assert_int_equal(messages_write(found.gl_pathv[i], recording.json, &messages, NULL),
                         status);
        if (source) {
            json_t *written = json_load_file(recording.json, 0, NULL);
            assert_int_equal(json_array_size(written), messages);
            json_decref(written);
        }
    }
    globfree(&found);
    end(&recording);
}

static void a_capture_without_packets_has_no_messages(void **state)
{
    (void)state;
    struct recording recording;
    begin(&recording, one_interface);
    json_t *messages = messages_of(&recording);
    assert_int_equal(json_array_size(messages), 0);
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcp_and_nat_pmp_are_told_apart_by_their_version),
        cmocka_unit_test(coap_to_an_external_port_is_known_by_the_registration_before),
        cmocka_unit_test(what_is_no_coap_at_its_port_is_a_probe),
        cmocka_unit_test(as_many_endpoints_are_learnt_as_fit),
        cmocka_unit_test(dtls_is_told_by_its_form_at_any_port),
        cmocka_unit_test(neighbour_discovery_is_no_icmp_traffic),
        cmocka_unit_test(octets_are_those_of_the_ip_datagram_in_each_direction),
        cmocka_unit_test(dtls_is_counted_apart_from_udp),
        cmocka_unit_test(a_packet_after_more_than_a_second_of_silence_is_a_wake_up),
        cmocka_unit_test(traffic_is_written_by_interface_and_protocol),
        cmocka_unit_test(what_stands_before_the_damage_of_a_capture_is_counted),
        cmocka_unit_test(a_missing_capture_is_an_error_that_names_it),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_message_tells_where_when_and_what),
        cmocka_unit_test(pcp_nat_pmp_coap_and_dtls_are_told_in_their_own_words),
        cmocka_unit_test(what_nobody_asked_for_is_no_message),
        cmocka_unit_test(a_digest_stays_the_same_through_a_nat_and_differs_between_payloads),
        cmocka_unit_test(an_icmp_error_tells_what_it_is_about_and_keeps_its_digest),
        cmocka_unit_test(octets_that_are_no_text_are_only_counted),
        cmocka_unit_test(an_interface_name_that_is_no_utf_8_stays_valid_json),
        cmocka_unit_test(frames_of_any_octets_are_measured),
        cmocka_unit_test(every_golden_capture_is_measured),
        cmocka_unit_test(a_capture_without_packets_has_no_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
