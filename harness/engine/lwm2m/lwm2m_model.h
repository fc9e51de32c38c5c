/* The objects of one LwM2M device, as data: instances, and the values of their resources.
 *
 * Memory is the caller's. Whoever owns an object puts values in, and is told what others wrote or
 * executed; everything between, who may do what to which path, is lwm2m_serve.h's.
 *
 *   model -> objects (a definition each) -> instances -> cells (resource, resource instance) -> value
 *
 * Octets of strings and opaques live in the arena of their instance, which is compacted as they come and
 * go, so that a device needs no heap.
 */
#ifndef PINHOLE_ENGINE_LWM2M_MODEL_H
#define PINHOLE_ENGINE_LWM2M_MODEL_H

#include "engine/lwm2m/lwm2m_definition.h"

enum { LWM2M_CELLS = 40, LWM2M_ARENA = 768 };

/* CoAP codes, as the octet on the wire (class << 5 | detail). */
enum lwm2m_code {
    LWM2M_CREATED = 0x41,        /* 2.01 */
    LWM2M_DELETED = 0x42,        /* 2.02 */
    LWM2M_CHANGED = 0x44,        /* 2.04 */
    LWM2M_CONTENT = 0x45,        /* 2.05 */
    LWM2M_BAD_REQUEST = 0x80,    /* 4.00 */
    LWM2M_UNAUTHORIZED = 0x81,   /* 4.01 */
    LWM2M_BAD_OPTION = 0x82,     /* 4.02 */
    LWM2M_NOT_FOUND = 0x84,      /* 4.04 */
    LWM2M_NOT_ALLOWED = 0x85,    /* 4.05 */
    LWM2M_NOT_ACCEPTABLE = 0x86, /* 4.06 */
    LWM2M_PRECONDITION = 0x8c,   /* 4.12 */
    LWM2M_TOO_LARGE = 0x8d,      /* 4.13 */
    LWM2M_UNSUPPORTED = 0x8f,    /* 4.15 */
    LWM2M_INTERNAL_ERROR = 0xa0, /* 5.00 */
    LWM2M_NOT_IMPLEMENTED = 0xa1 /* 5.01 */
};

struct lwm2m_cell {
    uint16_t resource;
    uint16_t instance; /* of a multiple resource; 0 for others */
    /* data.octets points into the arena of the instance. */
    struct lwm2m_value value;
};

struct lwm2m_instance {
    bool used;
    uint16_t id;
    uint16_t count;
    uint16_t arena_used;
    struct lwm2m_cell cells[LWM2M_CELLS]; /* ascending */
    uint8_t arena[LWM2M_ARENA];
};

struct lwm2m_model;

/* An object of the device. Every function may be NULL. They are called while a request is served, and may
 * put values, but add and remove no instances. */
struct lwm2m_object {
    const struct lwm2m_object_definition *definition;
    struct lwm2m_instance *instances; /* capacity of them, in no order */
    uint16_t capacity;
    void *context;

    /* Beyond type and range: may entry be written? LWM2M_CHANGED, or an error code. Nothing is changed yet:
     * a write is done whole or not at all. */
    enum lwm2m_code (*check)(void *context, const struct lwm2m_entry *entry);
    /* An instance has been created, or written to; entries tells what. created: since its last reading all
     * values are those it was created with. */
    void (*written)(void *context, struct lwm2m_instance *instance,
                    const struct lwm2m_entry *entries, size_t count, bool created);
    /* It is about to go. */
    void (*removed)(void *context, struct lwm2m_instance *instance);
    /* LWM2M_CHANGED, or an error code. arguments: the payload as it came ("0='text',1"), form not checked. */
    enum lwm2m_code (*execute)(void *context, struct lwm2m_instance *instance, uint16_t resource,
                               const char *arguments, size_t length);
    /* Its values are about to be read: time to put those that change by themselves. */
    void (*refresh)(void *context, struct lwm2m_instance *instance);
    /* A new instance gets its defaults, before what it was created with is put. */
    void (*initialise)(void *context, struct lwm2m_instance *instance);
};

struct lwm2m_model {
    struct lwm2m_object *objects; /* ascending ids */
    size_t count;
    /* A value was put that differs from the one before (observations ask for it); NULL: nobody listens. */
    void (*changed)(void *context, const struct lwm2m_path *path);
    void *context;
};

struct lwm2m_object *lwm2m_model_object(const struct lwm2m_model *model, uint16_t id);
/* NULL if there is none. */
struct lwm2m_instance *lwm2m_model_instance(const struct lwm2m_object *object, uint16_t id);
/* The instance with the next higher id; id -1 is the first. NULL at the end. */
struct lwm2m_instance *lwm2m_model_next(const struct lwm2m_object *object, int32_t id);
/* A new, empty instance; id LWM2M_ID_RESERVED: the lowest that is free. NULL if the id is taken, or there
 * is no room. It calls none of the object's functions, nor does the removal: who serves a request does. */
struct lwm2m_instance *lwm2m_model_add(struct lwm2m_object *object, uint16_t id);
void lwm2m_model_remove(struct lwm2m_object *object, struct lwm2m_instance *instance);

/* Puts a value at path (depth 3, or 4 for a multiple resource), which it copies, and tells model->changed if it
 * is another than before. Its octets may not stand in the model itself, where they move. The type must be the
 * definition's (INTEGER for UNSIGNED and TIME is accepted). False if there is no such instance or resource, the
 * type is another, or there is no room. */
bool lwm2m_model_put(struct lwm2m_model *model, const struct lwm2m_path *path,
                     const struct lwm2m_value *value);
/* The same by ids, for owners; of a multiple resource the instance 0. */
bool lwm2m_model_put_integer(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                             uint16_t resource, int64_t value);
bool lwm2m_model_put_text(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                          uint16_t resource, const char *text);
bool lwm2m_model_put_real(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                          uint16_t resource, double value);
bool lwm2m_model_put_boolean(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                             uint16_t resource, bool value);
/* Takes a value away, and tells model->changed if there was one; a path of depth 3 all instances of a
 * multiple resource. */
void lwm2m_model_drop(struct lwm2m_model *model, const struct lwm2m_path *path);

/* Octets of an arena that a value takes: those of strings and opaques. */
size_t lwm2m_model_octets(const struct lwm2m_value *value);

/* NULL if there is none. */
const struct lwm2m_value *lwm2m_model_get(const struct lwm2m_instance *instance, uint16_t resource,
                                          uint16_t resource_instance);
/* With a value for where there is none. */
int64_t lwm2m_model_integer(const struct lwm2m_instance *instance, uint16_t resource,
                            int64_t otherwise);
bool lwm2m_model_boolean(const struct lwm2m_instance *instance, uint16_t resource, bool otherwise);
/* Copies a string with a NUL; "" if there is none or it doesn't fit. Returns text. */
const char *lwm2m_model_text(const struct lwm2m_instance *instance, uint16_t resource, char *text,
                             size_t size);

/* Typing by the definitions of a model. */
struct lwm2m_typing lwm2m_model_typing(const struct lwm2m_model *model);

#endif
