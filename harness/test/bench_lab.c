/* How long a star of nodes takes to be up, to be reaped after kill -9, and to be freed by the kernel.
 *
 *   bench_lab NODES RUNS    prints {"up": [...], "reap": [...], "freed": [...]}, seconds
 *
 * A star as mininet's `--topo single,NODES`: one network, each node with an IPv4 and an IPv6 address. From
 * the call of sandbox_run to the return of lab_create; then from SIGKILL of the caller of sandbox_run.
 */
#include "enclosure.h"
#include "lab/lab.h"
#include "lab/prefix.h"
#include "lab/sandbox.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

struct bench {
    struct topology topology;
    size_t runs;
    uint64_t *up; /* shared with the processes of the lab; 0 until it is up */
};

static int make_star(struct topology *topology, size_t nodes)
{
    topology->nodes = calloc(nodes, sizeof *topology->nodes);
    topology->node_count = topology->nodes ? nodes : 0;
    topology->links = calloc(nodes, sizeof *topology->links);
    topology->link_count = topology->links ? nodes : 0;
    topology->networks = calloc(1, sizeof *topology->networks);
    topology->network_count = topology->networks ? 1 : 0;
    if (!topology->nodes || !topology->links || !topology->networks)
        return -1;
    struct topology_network *network = topology->networks;
    (void)snprintf(network->name, sizeof network->name, "star");
    if (!prefix_parse("10.0.0.0/16", &network->prefixes[0]) ||
        !prefix_parse("2001:db8::/64", &network->prefixes[1]))
        return -1;
    network->prefix_count = 2;
    for (size_t i = 0; i < nodes; i++) {
        struct topology_link *link = &topology->links[i];
        (void)snprintf(topology->nodes[i].name, TOPOLOGY_NAME_SIZE, "h%zu", i + 1);
        (void)snprintf(link->interface, sizeof link->interface, "eth0");
        link->node = i;
        link->address_count = 2;
        for (size_t family = 0; family < 2; family++) {
            link->addresses[family] = network->prefixes[family];
            link->addresses[family].octet[14] = (uint8_t)((i + 1) >> 8);
            link->addresses[family].octet[15] = (uint8_t)(i + 1);
        }
    }
    struct error error = {""};
    if (topology_validate(topology, "star", &error) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", error.text);
    return -1;
}

static int live(void *argument)
{
    struct bench *bench = argument;
    struct error error = {""};
    if (!lab_create(&bench->topology, &error)) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    __atomic_store_n(bench->up, 1, __ATOMIC_RELEASE);
    for (;;)
        (void)pause();
}

/* In a process of its own, to be killed. */
static _Noreturn void call_sandbox(struct bench *bench)
{
    struct error error = {""};
    const struct sandbox sandbox = {0};
    (void)sandbox_run(&sandbox, live, bench, &error);
    (void)fprintf(stderr, "%s\n", error.text);
    _exit(1);
}

struct times {
    double up;
    double reap;
    double freed;
};

static int measure(struct bench *bench, struct times *times)
{
    uint64_t *flag = bench->up;
    *flag = 0;
    double start = enclosure_now();
    pid_t caller = fork();
    if (caller == 0)
        call_sandbox(bench);
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
        const struct timespec tick = {.tv_nsec = 100000};
        (void)nanosleep(&tick, NULL);
        if (enclosure_now() > start + 60)
            return -1;
    }
    double up = enclosure_now();
    (void)kill(caller, SIGKILL);
    if (!enclosure_reap(60))
        return -1;
    double reaped = enclosure_now();
    if (!enclosure_await_empty(60))
        return -1;
    *times = (struct times){up - start, reaped - up, enclosure_now() - up};
    return 0;
}

static void print(const char *name, const struct times *times, size_t count, size_t offset)
{
    (void)printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++)
        (void)printf("%s%.5f", i ? ", " : "", *(const double *)((const char *)&times[i] + offset));
    (void)printf("]");
}

static int run(void *argument)
{
    struct bench *bench = argument;
    struct times *times = calloc(bench->runs, sizeof *times);
    if (!times)
        return 1;
    for (size_t i = 0; i < bench->runs; i++)
        if (measure(bench, &times[i]) != 0) {
            free(times);
            return 1;
        }
    (void)printf("{");
    print("up", times, bench->runs, offsetof(struct times, up));
    (void)printf(", ");
    print("reap", times, bench->runs, offsetof(struct times, reap));
    (void)printf(", ");
    print("freed", times, bench->runs, offsetof(struct times, freed));
    (void)printf("}\n");
    free(times);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {.runs = argc == 3 ? strtoul(argv[2], NULL, 10) : 0};
    size_t nodes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (nodes == 0 || nodes > TOPOLOGY_NODES || bench.runs == 0) {
        (void)fprintf(stderr, "usage: bench_lab NODES RUNS\n");
        return 2;
    }
    bench.up =
        mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bench.up == MAP_FAILED)
        return 1;
    int result = make_star(&bench.topology, nodes);
    if (result == 0)
        result = enclosure_run(run, &bench);
    topology_free(&bench.topology);
    return result == 0 ? 0 : 1;
}
