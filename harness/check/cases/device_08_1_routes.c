/* RFC 6887, section 8.1: the default router, on a host that has many routes. The kernel tells them in several
 * parts, table by table; clients that read the first part alone, or don't look at the table, have asked the
 * wrong router. */
#include "check/stage_server.h"

enum {
    ROUTES = 1500,     /* some 60 octets each: several parts of the 32 KiB that fit into one */
    TABLE = 77,        /* told before the main one */
    FIRST_REQUEST = 60 /* s, until the device has asked */
};

static void the_default_router_is_that_of_the_main_table(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct server router = server_open(stage, STAGE_GATEWAY);
    struct server other = server_open(stage, STAGE_ROUTER);
    const int sockets[] = {router.socket, other.socket};
    struct datagram datagram;
    struct address address = stage_address(stage, STAGE_ROUTER);
    stage_run(stage, STAGE_HOST,
              "for i in $(seq 0 %d); do echo route add 198.18.$((i / 250)).$((i %% 250))/32 via %s "
              "table %d; done | ip -batch - && ip route add default via %s table %d",
              ROUTES - 1, address_format(&address, text), TABLE, text, TABLE);
    address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
    int64_t patience = (int64_t)(FIRST_REQUEST / stage->scale * (double)SECOND) + SECOND;
    if (!stage_receive_any(stage, sockets, 2, patience, &datagram))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks neither of the routers");
    struct request request = server_read(&datagram);
    stage_expect(stage, R6887_8_1_03, datagram.socket == router.socket,
                 "a request to the default router of the main table, no rule leading to another",
                 "one to a router of table 77: %s", request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.8.1.the-default-router-is-found-among-many-routes",
     .sentence = "A client asks the default router of its host also where another table has many "
                 "routes and a default one.",
     .requirements = JUDGES(R6887_8_1_03),
     .run = the_default_router_is_that_of_the_main_table,
     .traits = CASE_UNSTARTED,
     .seconds = 10},
};

static const struct defect defects[] = {
    {.name = "reads-the-first-part-of-the-routes",
     .text = "reads the first datagram alone in which the kernel tells its routes",
     .requirements = JUDGES(R6887_8_1_03),
     .shown_by = "device.8.1.the-default-router-is-found-among-many-routes"},
};

CASE_FILE(device_08_1_routes, CASE_DEVICE, cases, defects);
