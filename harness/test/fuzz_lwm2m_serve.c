/* libFuzzer target: a device that serves a series of requests, of a management and of a bootstrap server.
 *
 * The input is cut into steps: eight octets of what is asked, and then the payload. Ids are few, so that
 * requests meet what is there. However they go, the model must be sound, the answer within its room, and a
 * request that was refused must have changed nothing.
 */
#include "test/lwm2m_device.h"

#include <stdio.h>

enum { STEP_HEAD = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static const uint16_t objects[] = {0, 1, 3, 4, 3303, LWM2M_OBJECT_PCP_CONTEXT, 2, 65534};
static const uint16_t instances[] = {0, 1, 2, 65534};
static const uint16_t resources[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 16, 5700, 5701, 65534};
static const uint16_t places[] = {0, 1, 7, 65534};
static const uint32_t formats[] = {
    LWM2M_FORMAT_TEXT,       LWM2M_FORMAT_LINK,       LWM2M_FORMAT_JSON, LWM2M_FORMAT_CBOR,
    LWM2M_FORMAT_SENML_JSON, LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_TLV,  LWM2M_FORMAT_NONE};
static const char *const queries[][3] = {
    {NULL},           {"pmin=10", NULL}, {"pmax=5", "gt=1.5", NULL},
    {"st=0.1", NULL}, {"lt=", NULL},     {"gt", "pmin=4294967296", NULL},
    {"", NULL},       {"x=1", NULL}};

/* One of eight octets a step: method, four of the path, formats, length, and what else there is. */
static struct lwm2m_request read_step(const uint8_t *step)
{
    return (struct lwm2m_request){.method = (enum lwm2m_method)(step[0] & 7),
                                  .from_bootstrap = step[0] >> 7,
                                  .path = {.depth = (uint8_t)((step[0] >> 3) % 5),
                                           .id = {objects[step[1] & 7], instances[step[2] & 3],
                                                  resources[step[3] & 15], places[step[4] & 3]}},
                                  .queries = queries[(step[4] >> 4) & 7],
                                  .content_format = formats[step[5] & 7],
                                  .accept = formats[step[5] >> 3 & 7],
                                  .length = step[6]};
}

static bool is_same(const struct lwm2m_instance *was, const struct lwm2m_instance *is)
{
    if (was->used != is->used)
        return false;
    return !is->used ||
           (was->id == is->id && was->count == is->count && was->arena_used == is->arena_used &&
            !memcmp(was->cells, is->cells, is->count * sizeof is->cells[0]) &&
            !memcmp(was->arena, is->arena, is->arena_used));
}

static void check_answer(const struct lwm2m_device *device,
                         const struct lwm2m_instance before[DEVICE_OBJECTS][DEVICE_INSTANCES])
{
    const struct lwm2m_response *response = &device->response;
    demand(response->length <= response->capacity);
    demand(response->code >> 5 == 2 || response->code >> 5 == 4 || response->code >> 5 == 5);
    demand((response->format == LWM2M_FORMAT_NONE) == (response->code != LWM2M_CONTENT));
    demand(device_is_sound(device));
    if (response->code < LWM2M_BAD_REQUEST)
        return;
    demand(!response->length && !response->has_location && !response->instances_changed);
    for (size_t o = 0; o < DEVICE_OBJECTS; o++)
        for (size_t i = 0; i < DEVICE_INSTANCES; i++)
            demand(is_same(&before[o][i], &device->instances[o][i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lwm2m_instance before[DEVICE_OBJECTS][DEVICE_INSTANCES];
    struct lwm2m_device *device = device_make();
    while (size >= STEP_HEAD) {
        struct lwm2m_request request = read_step(data);
        device->server.is_1_1 = data[7] & 1;
        device->response.capacity = data[7] & 2 ? DEVICE_PAYLOAD : data[7] >> 2;
        data += STEP_HEAD;
        size -= STEP_HEAD;
        if (request.length > size)
            request.length = size;
        uint8_t *payload = malloc(request.length ? request.length : 1);
        demand(payload);
        memcpy(payload, data, request.length);
        request.payload = payload;
        data += request.length;
        size -= request.length;

        memcpy(before, device->instances, sizeof before);
        device->response.payload = malloc(device->response.capacity + 1);
        demand(device->response.payload);
        lwm2m_serve(&device->server, &request, &device->response);
        check_answer(device, before);
        free(device->response.payload);
        free(payload);
    }
    free(device);
    return 0;
}
