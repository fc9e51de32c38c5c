#include "lab/capture.h"

#include "lab/capture_queue.h"
#include "wire/capfile.h"
#include "wire/link.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    NANOSECONDS = 1000000000,
    SAFETY = 1000000,    /* ns from a packet's time stamp to its place in the ring, at most */
    PACE = 1,            /* ms between rounds under load: a round has a cost, too */
    AT_ONCE = 256,       /* packets taken from one handle before the next has its turn */
    RING_SIZE = 2 << 20, /* octets of one handle */
    RING_SMALLEST = 128 << 10,
    RINGS_SIZE = 256 << 20, /* octets of all handles, where a large lab has many */
    SIDE_BY_SIDE = 16,      /* threads that open and close handles */
    BLOCK_OVERHEAD = 128    /* octets of a pcapng block around its contents */
};

struct handle {
    struct capture *capture;
    pcap_t *pcap;
    uint32_t interface; /* in the file */
    uint8_t address[6];
    int64_t last_time; /* of the packet last read */
    char name[CAPFILE_NAME_SIZE];
    struct error problem; /* with its opening */
};

/* The thread's own from its start until it is joined; but stop, which is shared. */
struct capture {
    const struct lab *lab; /* while handles are opened */
    pthread_t thread;
    int stop;  /* eventfd */
    int ready; /* epoll over stop and all handles */
    int file;
    char *path;
    struct handle *handles;
    size_t handle_count;
    struct capture_queue queue;
    struct capture_octets out;
    uint64_t written; /* octets of whole blocks in the file */
    struct capture_counts counts;
    struct error problem; /* the first */
};

static int64_t now_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

/* --- the file -------------------------------------------------------------------------------- */

/* Writes what stands in out. A file that took only a part is cut back to its last whole block. */
static int write_out(struct capture *capture)
{
    size_t done = 0;
    while (done < capture->out.length) {
        ssize_t count = write(capture->file, capture->out.at + done, capture->out.length - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            int cause = errno;
            (void)!ftruncate(capture->file, (off_t)capture->written);
            return error_set_errno(&capture->problem, cause, "cannot write %s", capture->path);
        }
        done += (size_t)count;
    }
    capture->written += done;
    capture->out.length = 0;
    return 0;
}

static int write_header(struct capture *capture)
{
    size_t room = (capture->handle_count + 1) * (BLOCK_OVERHEAD + CAPFILE_NAME_SIZE);
    if (capture_octets_room(&capture->out, room) == NULL)
        return error_set_errno(&capture->problem, ENOMEM, "capture");
    struct capture_octets *out = &capture->out;
    out->length = capfile_write_section(out->at, room, "pinhole");
    for (size_t i = 0; i < capture->handle_count; i++) {
        struct capfile_interface interface = {.link_type = LINK_ETHERNET,
                                              .snapshot_length = CAPTURE_SNAPSHOT,
                                              .ticks_per_second = NANOSECONDS};
        memcpy(interface.name, capture->handles[i].name, sizeof interface.name);
        out->length +=
            capfile_write_interface(out->at + out->length, room - out->length, &interface);
    }
    return write_out(capture);
}

/* One Interface Statistics Block a handle; sums up what was dropped. */
static void write_statistics(struct capture *capture)
{
    int64_t now = now_nanoseconds();
    for (size_t i = 0; i < capture->handle_count; i++) {
        struct handle *handle = &capture->handles[i];
        struct pcap_stat counted;
        if (pcap_stats(handle->pcap, &counted) != 0) {
            error_set(&capture->problem, "%s: no count of lost packets: %s", handle->name,
                      pcap_geterr(handle->pcap));
            continue;
        }
        capture->counts.dropped += counted.ps_drop;
        if (capture_octets_room(&capture->out, BLOCK_OVERHEAD) == NULL) {
            error_set_errno(&capture->problem, ENOMEM, "capture");
            return;
        }
        capture->out.length +=
            capfile_write_statistics(capture->out.at + capture->out.length, BLOCK_OVERHEAD,
                                     handle->interface, now, counted.ps_recv, counted.ps_drop);
    }
    if (capture->problem.text[0] == '\0')
        write_out(capture);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void packet_read(uint8_t *context, const struct pcap_pkthdr *header, const uint8_t *octets)
{
    struct handle *handle = (struct handle *)context;
    struct capture *capture = handle->capture;
    /* tv_usec counts nanoseconds: the handle was opened so. */
    handle->last_time = (int64_t)header->ts.tv_sec * NANOSECONDS + header->ts.tv_usec;
    struct capfile_packet packet = {.interface = handle->interface,
                                    .time = handle->last_time,
                                    .direction = DIRECTION_IN,
                                    .captured = header->caplen,
                                    .original = header->len,
                                    .octets = octets};
    /* Ethernet: six octets of destination, six of source. */
    if (header->caplen >= 12 && memcmp(octets + 6, handle->address, 6) == 0)
        packet.direction = DIRECTION_OUT;
    size_t room = header->caplen + BLOCK_OVERHEAD;
    uint8_t *block = capture_queue_room(&capture->queue, room);
    size_t length = block != NULL ? capfile_write_packet(block, room, &packet, NULL) : 0;
    if (length == 0) {
        error_set_errno(&capture->problem, ENOMEM, "%s: a packet was lost", handle->name);
        return;
    }
    capture_queue_add(&capture->queue, packet.time, length);
    capture->counts.cut += header->caplen < header->len;
}

/* Takes what is in every handle's ring. Returns the time before which no packet is still to come;
 * *drained is false if some ring held more than a turn's worth. */
static int64_t drain(struct capture *capture, bool *drained)
{
    int64_t horizon = now_nanoseconds();
    *drained = true;
    for (size_t i = 0; i < capture->handle_count; i++) {
        struct handle *handle = &capture->handles[i];
        int count = pcap_dispatch(handle->pcap, AT_ONCE, packet_read, (uint8_t *)handle);
        if (count < 0) {
            /* Never ready again, so that the others go on. */
            error_set(&capture->problem, "%s: cannot capture: %s", handle->name,
                      pcap_geterr(handle->pcap));
            epoll_ctl(capture->ready, EPOLL_CTL_DEL, pcap_get_selectable_fd(handle->pcap), NULL);
        } else if (count == AT_ONCE) {
            *drained = false;
            if (handle->last_time < horizon)
                horizon = handle->last_time; /* what is left in the ring is not older */
        }
    }
    return horizon - SAFETY;
}

/* After a problem packets are still taken off the rings, and lost: the problem is what is told. */
static void write_before(struct capture *capture, int64_t horizon)
{
    int64_t taken = capture_queue_take(&capture->queue, horizon, &capture->out);
    if (taken < 0)
        error_set_errno(&capture->problem, ENOMEM, "capture");
    else if (capture->problem.text[0] != '\0')
        capture->out.length = 0;
    else if (write_out(capture) == 0)
        capture->counts.packets += (uint64_t)taken;
}

static bool stop_asked(const struct capture *capture, int milliseconds)
{
    struct pollfd stop = {.fd = capture->stop, .events = POLLIN};
    return poll(&stop, 1, milliseconds) > 0;
}

static void *capture_thread(void *argument)
{
    struct capture *capture = argument;
    int64_t safe = 0;        /* every packet before it has been drained */
    int64_t end = INT64_MAX; /* when the stop was asked for */

    while (safe < end) {
        bool hurry = capture->queue.count > 0 || end != INT64_MAX;
        struct epoll_event event;
        epoll_wait(capture->ready, &event, 1, hurry ? PACE : -1);
        if (end == INT64_MAX && stop_asked(capture, 0)) {
            /* What was sent before now is captured whole: the rounds go on until they are past it. */
            end = now_nanoseconds();
            epoll_ctl(capture->ready, EPOLL_CTL_DEL, capture->stop, NULL);
        }
        bool drained;
        int64_t next = drain(capture, &drained);
        write_before(capture, safe);
        safe = next;
        if (end == INT64_MAX && drained)
            stop_asked(capture, PACE);
    }
    write_before(capture, INT64_MAX);
    return NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

static pcap_t *open_interface(const char *interface, int ring_size, char reason[PCAP_ERRBUF_SIZE])
{
    pcap_t *pcap = pcap_create(interface, reason);
    if (pcap == NULL)
        return NULL;
    int status = pcap_set_snaplen(pcap, CAPTURE_SNAPSHOT);
    if (status == 0)
        status = pcap_set_immediate_mode(pcap, 1);
    if (status == 0)
        status = pcap_set_buffer_size(pcap, ring_size);
    if (status == 0)
        status = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (status == 0)
        status = pcap_activate(pcap);
    if (status < 0) /* above 0 are warnings */
        snprintf(reason, PCAP_ERRBUF_SIZE, "%s %s", pcap_statustostr(status), pcap_geterr(pcap));
    else if (pcap_datalink(pcap) != DLT_EN10MB)
        snprintf(reason, PCAP_ERRBUF_SIZE, "no Ethernet interface");
    else if (pcap_setnonblock(pcap, 1, reason) == 0)
        return pcap;
    pcap_close(pcap);
    return NULL;
}

/* --- side by side ----------------------------------------------------------------------------- */

/* To make a ring, and to close its socket, the kernel waits until no processor can still see what was there
 * before: 10 to 40 ms, whether one waits for it or many. So handles are opened, and closed, by as many threads. */
struct side_by_side {
    void (*work)(struct capture *capture, size_t handle);
    struct capture *capture;
    size_t first;
};

static void *work_on_some(void *argument)
{
    const struct side_by_side *share = argument;
    for (size_t i = share->first; i < share->capture->handle_count; i += SIDE_BY_SIDE)
        share->work(share->capture, i);
    return NULL;
}

/* Does the work for every handle. Where there is no thread to be had this one does its share. */
static void side_by_side(struct capture *capture,
                         void (*work)(struct capture *capture, size_t handle))
{
    struct side_by_side shares[SIDE_BY_SIDE];
    pthread_t threads[SIDE_BY_SIDE];
    bool started[SIDE_BY_SIDE] = {false};
    sigset_t all;
    sigset_t former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    for (size_t i = 0; i < SIDE_BY_SIDE && i < capture->handle_count; i++) {
        shares[i] = (struct side_by_side){work, capture, i};
        started[i] = pthread_create(&threads[i], NULL, work_on_some, &shares[i]) == 0;
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    for (size_t i = 0; i < SIDE_BY_SIDE && i < capture->handle_count; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        else
            work_on_some(&shares[i]);
    }
}

/* The socket belongs to the node's namespace for good; only its making needs the thread there. */
static void open_handle(struct capture *capture, size_t link)
{
    const struct lab *lab = capture->lab;
    const struct topology *topology = lab_topology(lab);
    const char *interface = topology->links[link].interface;
    size_t node = topology->links[link].node;
    struct handle *handle = &capture->handles[link];
    handle->capture = capture;
    handle->interface = (uint32_t)link;
    lab_link_address(lab, link, handle->address);
    snprintf(handle->name, sizeof handle->name, "%s:%s", topology->nodes[node].name, interface);

    int ring_size = RINGS_SIZE / (int)topology->link_count;
    if (ring_size > RING_SIZE)
        ring_size = RING_SIZE;
    else if (ring_size < RING_SMALLEST)
        ring_size = RING_SMALLEST;
    char reason[PCAP_ERRBUF_SIZE] = "";
    if (lab_enter(lab, node, &handle->problem) != 0)
        return;
    handle->pcap = open_interface(interface, ring_size, reason);
    if (lab_leave(lab, &handle->problem) == 0 && handle->pcap == NULL)
        error_set(&handle->problem, "cannot capture on %s: %s", handle->name, reason);
}

static int open_handles(struct capture *capture, struct error *error)
{
    side_by_side(capture, open_handle);
    for (size_t i = 0; i < capture->handle_count; i++) {
        const struct handle *handle = &capture->handles[i];
        struct epoll_event readable = {.events = EPOLLIN};
        if (handle->problem.text[0])
            return error_set(error, "%s", handle->problem.text);
        if (epoll_ctl(capture->ready, EPOLL_CTL_ADD, pcap_get_selectable_fd(handle->pcap),
                      &readable) != 0)
            return error_set_errno(error, errno, "cannot wait for %s", handle->name);
    }
    return 0;
}

static void close_handle(struct capture *capture, size_t handle)
{
    if (capture->handles[handle].pcap)
        pcap_close(capture->handles[handle].pcap);
}

static int open_all(struct capture *capture, const struct lab *lab, const char *path,
                    struct error *error)
{
    size_t links = lab_topology(lab)->link_count;
    if (links == 0 || links > CAPFILE_INTERFACES)
        return error_set(error, "cannot capture %zu links: 1 to %d are possible", links,
                         CAPFILE_INTERFACES);
    capture->path = strdup(path);
    capture->handles = calloc(links, sizeof *capture->handles);
    if (capture->path == NULL || capture->handles == NULL)
        return error_set_errno(error, errno, "capture");
    capture->stop = eventfd(0, EFD_CLOEXEC);
    capture->ready = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event stop = {.events = EPOLLIN};
    if (capture->stop < 0 || capture->ready < 0 ||
        epoll_ctl(capture->ready, EPOLL_CTL_ADD, capture->stop, &stop) != 0)
        return error_set_errno(error, errno, "capture");
    capture->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (capture->file < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    capture->lab = lab;
    capture->handle_count = links;
    return open_handles(capture, error);
}

static int start_thread(struct capture *capture, struct error *error)
{
    /* Signals are the business of the thread that supervises programs. */
    sigset_t all;
    sigset_t former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int cause = pthread_create(&capture->thread, NULL, capture_thread, capture);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (cause != 0)
        return error_set_errno(error, cause, "cannot start the capture's thread");
    return 0;
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

static void capture_free(struct capture *capture)
{
    side_by_side(capture, close_handle);
    close_if_open(capture->stop);
    close_if_open(capture->ready);
    close_if_open(capture->file);
    capture_queue_free(&capture->queue);
    free(capture->out.at);
    free(capture->handles);
    free(capture->path);
    free(capture);
}

struct capture *capture_start(const struct lab *lab, const char *path, struct error *error)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        error_set_errno(error, errno, "capture");
        return NULL;
    }
    capture->stop = capture->ready = capture->file = -1;
    if (open_all(capture, lab, path, error) == 0) {
        if (write_header(capture) != 0)
            error_set(error, "%s", capture->problem.text);
        else if (start_thread(capture, error) == 0)
            return capture;
    }
    capture_free(capture);
    return NULL;
}

int capture_stop(struct capture *capture, struct capture_counts *counts, struct error *error)
{
    const uint64_t asked = 1;
    (void)!write(capture->stop, &asked, sizeof asked);
    pthread_join(capture->thread, NULL);
    write_statistics(capture);
    /* Some file systems tell only now that there was no room. */
    if (close(capture->file) != 0)
        error_set_errno(&capture->problem, errno, "cannot write %s", capture->path);
    capture->file = -1;
    *counts = capture->counts;
    int result = 0;
    if (capture->problem.text[0] != '\0')
        result = error_set(error, "%s", capture->problem.text);
    capture_free(capture);
    return result;
}
