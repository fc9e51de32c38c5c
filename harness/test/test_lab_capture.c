/* Capture in a live lab:
 *
 *     device eth0 --- home --- eth0 router eth1 --- internet --- eth0 server
 *     192.168.1.10        192.168.1.1   11.0.0.1             11.0.0.2
 *
 * A datagram from the device to the server is seen four times.
 */
#include "lab/capture.h"

#include "lab/capture_queue.h"
#include "lab/prefix.h"
#include "lab/process.h"
#include "sealed.h"
#include "wire/capfile.h"
#include "wire/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { DEVICE, ROUTER, SERVER, NODES };
enum { HOME, INTERNET, NETWORKS };
enum { LINKS = 4, PORT = 40000, SOON = 10000, MOST = 40000 };

/* The ends of the links in the order in which a datagram to the server meets them. */
static const struct {
    size_t node;
    size_t network;
    const char *interface;
    const char *address;
    const char *name;
    enum capfile_direction direction;
} ends[LINKS] = {
    {DEVICE, HOME, "eth0", "192.168.1.10/24", "device:eth0", DIRECTION_OUT},
    {ROUTER, HOME, "eth0", "192.168.1.1/24", "router:eth0", DIRECTION_IN},
    {ROUTER, INTERNET, "eth1", "11.0.0.1/24", "router:eth1", DIRECTION_OUT},
    {SERVER, INTERNET, "eth0", "11.0.0.2/24", "server:eth0", DIRECTION_IN},
};

struct scene {
    struct sealed *sealed;
    struct topology_node nodes[NODES];
    struct topology_network networks[NETWORKS];
    struct topology_link links[LINKS];
    struct topology_route routes[2];
    struct topology topology;
    struct lab *lab;
    char path[128]; /* of the capture */
    struct error error;
};

static bool set_route(struct scene *scene, size_t node, const char *via)
{
    struct topology_route *route = &scene->routes[node == DEVICE ? 0 : 1];
    struct prefix gateway;
    if (!prefix_parse("0.0.0.0/0", &route->destination) || !prefix_parse(via, &gateway))
        return false;
    memcpy(route->via, gateway.octet, sizeof route->via);
    scene->nodes[node].routes = route;
    scene->nodes[node].route_count = 1;
    return true;
}

static bool scene_open(struct scene *scene, struct sealed *sealed)
{
    *scene = (struct scene){
        .sealed = sealed,
        .nodes = {{.name = "device"}, {.name = "router", .forward = true}, {.name = "server"}},
        .networks = {{.name = "home", .prefix_count = 1}, {.name = "internet", .prefix_count = 1}}};
    scene->topology = (struct topology){.nodes = scene->nodes,
                                        .node_count = NODES,
                                        .networks = scene->networks,
                                        .network_count = NETWORKS,
                                        .links = scene->links,
                                        .link_count = LINKS};
    bool good = prefix_parse("192.168.1.0/24", &scene->networks[HOME].prefixes[0]) &&
                prefix_parse("11.0.0.0/24", &scene->networks[INTERNET].prefixes[0]) &&
                set_route(scene, DEVICE, "192.168.1.1/32") &&
                set_route(scene, SERVER, "11.0.0.1/32");
    for (size_t i = 0; i < LINKS; i++) {
        struct topology_link *link = &scene->links[i];
        link->node = ends[i].node;
        link->network = ends[i].network;
        link->address_count = 1;
        snprintf(link->interface, sizeof link->interface, "%s", ends[i].interface);
        good = good && prefix_parse(ends[i].address, &link->addresses[0]);
    }
    snprintf(scene->path, sizeof scene->path, "%s/lab.pcapng", scene->sealed->folder);
    if (!good)
        error_set(&scene->error, "the test's own topology is wrong");
    else
        scene->lab = lab_create(&scene->topology, &scene->error);
    return scene->lab != NULL;
}

/* The test's own part. */
static void (*scene_body)(struct scene *scene);

static void scene_play(struct sealed *sealed)
{
    struct scene scene;
    EXPECT(sealed, scene_open(&scene, sealed), "%s", scene.error.text);
    scene_body(&scene);
    lab_destroy(scene.lab);
}

static void scene_run(void (*body)(struct scene *scene))
{
    scene_body = body;
    sealed_run(scene_play);
}

/* For what returns 0, or -1 with an error. */
#define EXPECT_DONE(call) EXPECT(scene->sealed, (call) == 0, "%s", scene->error.text)

/* An error is there, begins so, and is forgotten. */
#define EXPECT_ERROR(beginning)                                                                    \
    do {                                                                                           \
        EXPECT(scene->sealed, strncmp(scene->error.text, beginning, sizeof(beginning) - 1) == 0,   \
               "%s", scene->error.text);                                                           \
        scene->error.text[0] = '\0';                                                               \
    } while (0)

/* --- traffic --------------------------------------------------------------------------------- */

static int open_udp(const struct scene *scene, size_t node)
{
    if (lab_enter(scene->lab, node, NULL) != 0)
        return -1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) != 0) {
        close(fd);
        fd = -1;
    }
    return lab_leave(scene->lab, NULL) == 0 ? fd : -1;
}

/* Sends datagrams numbered from first, each of size octets, from the device to the server, and waits
 * until the server has the last one. */
static bool send_numbered(const struct scene *scene, uint32_t first, uint32_t count, size_t size)
{
    static uint8_t datagram[4000];
    const uint8_t server[4] = {11, 0, 0, 2};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    memcpy(&to.sin_addr, server, sizeof server);
    int device = open_udp(scene, DEVICE);
    int receiver = open_udp(scene, SERVER);
    bool good = device >= 0 && receiver >= 0;
    for (uint32_t i = first; good && i < first + count; i++) {
        memcpy(datagram, &i, sizeof i);
        good = sendto(device, datagram, size, 0, (const struct sockaddr *)&to, sizeof to) ==
               (ssize_t)size;
        /* Taken off as it comes, so that no buffer but the capture's can overflow. */
        struct pollfd readable = {.fd = receiver, .events = POLLIN};
        good = good && poll(&readable, 1, SOON) == 1 &&
               recv(receiver, datagram, sizeof datagram, 0) == (ssize_t)size;
    }
    close(device);
    close(receiver);
    return good;
}

/* --- reading what was captured --------------------------------------------------------------- */

struct captured {
    struct capfile_interface interfaces[LINKS];
    size_t interface_count;
    uint64_t frames;
    uint64_t disorder;      /* frames older than the one before */
    uint64_t bad_checksums; /* or wrong directions */
    uint32_t numbers[LINKS][MOST];
    int64_t times[LINKS][MOST];
    uint32_t count[LINKS]; /* numbered datagrams */
    uint32_t longest;
    uint32_t longest_captured;
    size_t left_over; /* octets behind the last whole block */
    char problem[200];
};

static struct captured captured;
static uint8_t file_octets[64 << 20];

static void note_packet(const struct capfile_packet *frame)
{
    struct packet packet;
    if (frame->original > captured.longest) {
        captured.longest = frame->original;
        captured.longest_captured = frame->captured;
    }
    if (packet_parse(LINK_ETHERNET, frame->octets, frame->captured, &packet) != PACKET_WHOLE ||
        packet.protocol != IPPROTO_UDP || packet.destination_port != PORT)
        return;
    uint32_t at = frame->interface;
    if (!packet.checksum_known || !packet.checksum_good || frame->direction != ends[at].direction)
        captured.bad_checksums++;
    if (captured.count[at] < MOST) {
        memcpy(&captured.numbers[at][captured.count[at]], packet.payload, sizeof(uint32_t));
        captured.times[at][captured.count[at]++] = frame->time;
    }
}

/* Fills captured; true if the file could be read to its last octet. */
static bool read_capture(const char *path)
{
    memset(&captured, 0, sizeof captured);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = fread(file_octets, 1, sizeof file_octets, file);
    fclose(file);
    struct capfile_reader reader;
    capfile_reader_init(&reader, captured.interfaces, LINKS);
    size_t at = 0;
    int64_t before = 0;
    enum capfile_status status = CAPFILE_SKIPPED;
    while (at < length && (status == CAPFILE_PACKET || status == CAPFILE_SKIPPED)) {
        struct capfile_packet frame;
        size_t used = 0;
        status = capfile_read(&reader, file_octets + at, length - at, &used, &frame);
        if (status == CAPFILE_PACKET) {
            captured.frames++;
            captured.disorder += frame.time < before;
            before = frame.time;
            note_packet(&frame);
        }
        at += used;
    }
    captured.interface_count = reader.interface_count;
    captured.left_over = length - at;
    snprintf(captured.problem, sizeof captured.problem, "%s", reader.problem);
    return captured.left_over == 0 && status != CAPFILE_BAD;
}

/* The last line that a shell's script prints with the capture as $0; in static memory. */
static const char *last_line(struct scene *scene, char *script)
{
    static char line[400];
    char log[128];
    snprintf(log, sizeof log, "%s/other.log", scene->sealed->folder);
    char *argv[] = {"/bin/sh", "-c", script, scene->path, NULL};
    char *environment[] = {"PATH=/usr/bin:/bin", "HOME=/run", NULL};
    const struct process_options options = {
        .name = "other", .argv = argv, .environment = environment, .log_path = log};
    struct supervisor *supervisor = supervisor_create(scene->lab, &scene->error);
    if (supervisor == NULL)
        return scene->error.text;
    struct process *process = process_start(supervisor, &options, &scene->error);
    if (process == NULL || process_await_end(process, 6 * SOON, NULL, &scene->error) != 0)
        snprintf(line, sizeof line, "%s", scene->error.text);
    else
        snprintf(line, sizeof line, "%s", process_last_line(process));
    supervisor_destroy(supervisor);
    return line;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void every_end(struct scene *scene)
{
    enum { COUNT = 500 };
    struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
    EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
    EXPECT(scene->sealed, send_numbered(scene, 0, COUNT, 100), "%s", strerror(errno));
    struct capture_counts counts;
    EXPECT_DONE(capture_stop(capture, &counts, &scene->error));
    EXPECT(scene->sealed, counts.dropped == 0 && counts.cut == 0, "%llu dropped, %llu cut",
           (unsigned long long)counts.dropped, (unsigned long long)counts.cut);

    EXPECT(scene->sealed, read_capture(scene->path), "%s", captured.problem);
    EXPECT(scene->sealed, captured.frames == counts.packets,
           "%llu frames in the file, %llu counted", (unsigned long long)captured.frames,
           (unsigned long long)counts.packets);
    EXPECT(scene->sealed, captured.interface_count == LINKS, "%zu interfaces",
           captured.interface_count);
    EXPECT(scene->sealed, captured.disorder == 0, "%llu out of order",
           (unsigned long long)captured.disorder);
    EXPECT(scene->sealed, captured.bad_checksums == 0, "%llu with a bad checksum or direction",
           (unsigned long long)captured.bad_checksums);
    for (size_t i = 0; i < LINKS; i++) {
        EXPECT(scene->sealed, strcmp(captured.interfaces[i].name, ends[i].name) == 0, "%s is no %s",
               captured.interfaces[i].name, ends[i].name);
        EXPECT(scene->sealed, captured.count[i] == COUNT, "%u datagrams at %s", captured.count[i],
               ends[i].name);
        for (uint32_t n = 0; n < COUNT; n++) {
            EXPECT(scene->sealed, captured.numbers[i][n] == n, "number %u of %s is %u", n,
                   ends[i].name, captured.numbers[i][n]);
            EXPECT(scene->sealed, i == 0 || captured.times[i][n] > captured.times[i - 1][n],
                   "number %u reached %s before it left %s", n, ends[i].name, ends[i - 1].name);
        }
    }

    /* What others make of the file. */
    const char *counted = last_line(
        scene, "tshark -r $0 -Y 'udp.port == 40000 && frame.interface_name == \"router:eth1\" && "
               "frame.packet_flags_direction == 2' | wc -l");
    EXPECT(scene->sealed, strcmp(counted, "500") == 0, "%s", counted);
    char frames[40];
    snprintf(frames, sizeof frames, "%llu", (unsigned long long)counts.packets);
    counted = last_line(scene, "capinfos -TrcM $0 | cut -f 2");
    EXPECT(scene->sealed, strcmp(counted, frames) == 0, "capinfos counts %s", counted);
}

static void every_end_of_every_link_sees_every_packet_in_order_of_time(void **state)
{
    (void)state;
    scene_run(every_end);
}

static void start_to_stop(struct scene *scene)
{
    for (uint32_t round = 0; round < 20; round++) {
        struct capture_counts counts;
        struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
        EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
        EXPECT(scene->sealed, send_numbered(scene, round, 1, 100), "%s", strerror(errno));
        EXPECT_DONE(capture_stop(capture, &counts, &scene->error));
        EXPECT(scene->sealed, read_capture(scene->path), "%s", captured.problem);
        for (size_t i = 0; i < LINKS; i++)
            EXPECT(scene->sealed, captured.count[i] == 1 && captured.numbers[i][0] == round,
                   "round %u: %u datagrams at %s", round, captured.count[i], ends[i].name);
    }
}

static void from_start_to_stop_no_packet_is_missed(void **state)
{
    (void)state;
    scene_run(start_to_stop);
}

static void as_it_goes(struct scene *scene)
{
    struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
    EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
    EXPECT(scene->sealed, send_numbered(scene, 0, 50, 100), "%s", strerror(errno));
    const struct timespec tick = {.tv_nsec = 1000000};
    bool whole = false;
    for (int i = 0; i < SOON && !(whole && captured.count[LINKS - 1] == 50); i++) {
        nanosleep(&tick, NULL);
        whole = read_capture(scene->path);
    }
    EXPECT(scene->sealed, whole && captured.count[LINKS - 1] == 50,
           "%u datagrams, %zu octets left over", captured.count[LINKS - 1], captured.left_over);
    /* And no stop: PID 1 ends, as if it were killed. */
}

static void the_file_is_whole_while_the_lab_lives(void **state)
{
    (void)state;
    scene_run(as_it_goes);
}

static void *copy_fifo(void *argument)
{
    const char *const *paths = argument;
    FILE *fifo = fopen(paths[0], "re");
    FILE *copy = fopen(paths[1], "we");
    static uint8_t octets[64 << 10];
    size_t count;
    while (fifo != NULL && copy != NULL && (count = fread(octets, 1, sizeof octets, fifo)) > 0)
        fwrite(octets, 1, count, copy);
    if (fifo != NULL)
        fclose(fifo);
    if (copy != NULL)
        fclose(copy);
    return NULL;
}

/* The file is a pipe that nobody reads: the thread stands still, and the rings fill up. */
static void overrun(struct scene *scene)
{
    enum { COUNT = 4000 };
    EXPECT(scene->sealed, mkfifo(scene->path, 0600) == 0, "%s", strerror(errno));
    int holder = open(scene->path, O_RDWR | O_CLOEXEC);
    struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
    EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
    EXPECT(scene->sealed, send_numbered(scene, 0, COUNT, 1000), "%s", strerror(errno));
    char copy[140];
    snprintf(copy, sizeof copy, "%s.copy", scene->path);
    const char *paths[] = {scene->path, copy};
    pthread_t reader;
    EXPECT(scene->sealed, pthread_create(&reader, NULL, copy_fifo, paths) == 0, "no thread");
    struct capture_counts counts;
    EXPECT_DONE(capture_stop(capture, &counts, &scene->error));
    close(holder);
    pthread_join(reader, NULL);
    EXPECT(scene->sealed, read_capture(copy), "%s", captured.problem);
    uint64_t seen = 0;
    for (size_t i = 0; i < LINKS; i++)
        seen += captured.count[i];
    EXPECT(scene->sealed, seen < (uint64_t)LINKS * COUNT,
           "nothing was lost: the test tests nothing");
    EXPECT(scene->sealed, captured.frames == counts.packets,
           "%llu frames in the file, %llu counted", (unsigned long long)captured.frames,
           (unsigned long long)counts.packets);
    EXPECT(scene->sealed, seen + counts.dropped >= (uint64_t)LINKS * COUNT,
           "of %d sent, %llu were seen and %llu counted as dropped", LINKS * COUNT,
           (unsigned long long)seen, (unsigned long long)counts.dropped);
    EXPECT(scene->sealed, captured.disorder == 0, "%llu out of order",
           (unsigned long long)captured.disorder);
}

static void packets_lost_for_want_of_room_are_counted(void **state)
{
    (void)state;
    scene_run(overrun);
}

static void full_disk(struct scene *scene)
{
    EXPECT(scene->sealed, capture_start(scene->lab, "/dev/full", &scene->error) == NULL,
           "it started");
    EXPECT_ERROR("cannot write /dev/full: No space left on device");

    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 20001; /* in the middle of some block */
    setrlimit(RLIMIT_FSIZE, &limit);
    struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
    EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
    EXPECT(scene->sealed, send_numbered(scene, 0, 100, 1000), "%s", strerror(errno));
    struct capture_counts counts;
    EXPECT(scene->sealed, capture_stop(capture, &counts, &scene->error) == -1, "nobody was told");
    EXPECT(scene->sealed, strstr(scene->error.text, "lab.pcapng: File too large") != NULL, "%s",
           scene->error.text);
    EXPECT(scene->sealed, read_capture(scene->path), "%zu octets left over: %s", captured.left_over,
           captured.problem);
    EXPECT(scene->sealed, captured.frames == counts.packets,
           "%llu frames in the file, %llu counted", (unsigned long long)captured.frames,
           (unsigned long long)counts.packets);
}

static void a_full_disk_is_told_and_leaves_whole_blocks(void **state)
{
    (void)state;
    scene_run(full_disk);
}

static void giant(struct scene *scene)
{
    EXPECT_DONE(lab_enter(scene->lab, DEVICE, &scene->error));
    struct ifreq request = {.ifr_name = "eth0", .ifr_mtu = 4000};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT(scene->sealed, ioctl(fd, SIOCSIFMTU, &request) == 0, "%s", strerror(errno));
    close(fd);
    EXPECT_DONE(lab_leave(scene->lab, &scene->error));
    struct capture *capture = capture_start(scene->lab, scene->path, &scene->error);
    EXPECT(scene->sealed, capture != NULL, "%s", scene->error.text);
    /* The next interface takes 1500 octets and no more: the datagram is seen once, then is gone. */
    EXPECT(scene->sealed, send_numbered(scene, 0, 1, 100), "%s", strerror(errno));
    int device = open_udp(scene, DEVICE);
    static const uint8_t datagram[3000];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    memcpy(&to.sin_addr, (const uint8_t[]){11, 0, 0, 2}, 4);
    EXPECT(scene->sealed,
           sendto(device, datagram, sizeof datagram, 0, (const struct sockaddr *)&to, sizeof to) ==
               sizeof datagram,
           "%s", strerror(errno));
    struct capture_counts counts;
    EXPECT_DONE(capture_stop(capture, &counts, &scene->error));
    EXPECT(scene->sealed, counts.cut == 1, "%llu are counted as cut",
           (unsigned long long)counts.cut);
    EXPECT(scene->sealed, read_capture(scene->path), "%s", captured.problem);
    EXPECT(scene->sealed, captured.longest == 14 + 20 + 8 + 3000, "original length %u",
           captured.longest);
    EXPECT(scene->sealed, captured.longest_captured == CAPTURE_SNAPSHOT, "captured length %u",
           captured.longest_captured);
    close(device);
}

static void a_packet_longer_than_the_snapshot_keeps_its_length_and_is_counted(void **state)
{
    (void)state;
    scene_run(giant);
}

static void add_block(struct capture_queue *queue, int64_t time, const char *text)
{
    const size_t length = strlen(text);
    uint8_t *room = capture_queue_room(queue, length);
    assert_non_null(room);
    for (size_t i = 0; i < length; i++)
        room[i] = (uint8_t)text[i];
    capture_queue_add(queue, time, length);
}

static void the_queue_sorts_by_time_and_keeps_what_is_not_yet_safe(void **state)
{
    (void)state;
    struct capture_queue queue = {0};
    struct capture_octets out = {0};
    add_block(&queue, 30, "three,");
    add_block(&queue, 10, "one,");
    add_block(&queue, 20, "two,");
    add_block(&queue, 20, "two again,");
    assert_int_equal(capture_queue_take(&queue, 10, &out), 0);
    assert_int_equal(capture_queue_take(&queue, 20, &out), 1);
    add_block(&queue, 20, "two at last,");
    add_block(&queue, 15, "one and a half,");
    assert_int_equal(capture_queue_take(&queue, 30, &out), 4);
    assert_int_equal(capture_queue_take(&queue, INT64_MAX, &out), 1);
    assert_int_equal(queue.count, 0);
    const char *expected = "one,one and a half,two,two again,two at last,three,";
    assert_int_equal(out.length, strlen(expected));
    assert_memory_equal(out.at, expected, out.length);
    capture_queue_free(&queue);
    free(out.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_sorts_by_time_and_keeps_what_is_not_yet_safe),
        cmocka_unit_test(every_end_of_every_link_sees_every_packet_in_order_of_time),
        cmocka_unit_test(from_start_to_stop_no_packet_is_missed),
        cmocka_unit_test(the_file_is_whole_while_the_lab_lives),
        cmocka_unit_test(packets_lost_for_want_of_room_are_counted),
        cmocka_unit_test(a_full_disk_is_told_and_leaves_whole_blocks),
        cmocka_unit_test(a_packet_longer_than_the_snapshot_keeps_its_length_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
