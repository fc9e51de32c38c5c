/* What the operations of lwm2m_serve.h share: one file each, joined by a table in lwm2m_serve.c. */
#ifndef PINHOLE_ENGINE_LWM2M_SERVE_PRIVATE_H
#define PINHOLE_ENGINE_LWM2M_SERVE_PRIVATE_H

#include "engine/lwm2m/lwm2m_serve.h"

enum { LWM2M_OBJECT_SECURITY = 0, LWM2M_OBJECT_SERVER = 1, LWM2M_OBJECT_DEVICE = 3 };

/* Resources of objects 0 and 1 that decide what is served. */
enum {
    LWM2M_SECURITY_URI = 0,
    LWM2M_SECURITY_IS_BOOTSTRAP = 1,
    LWM2M_SECURITY_SHORT_ID = 10,
    LWM2M_SERVER_SHORT_ID = 0
};

/* An operation: what it answers is in the response, but for the code, which it returns. */
typedef enum lwm2m_code lwm2m_operation_function(struct lwm2m_server *server,
                                                 const struct lwm2m_request *request,
                                                 struct lwm2m_response *response);

lwm2m_operation_function lwm2m_serve_get, lwm2m_serve_fetch, lwm2m_serve_discover,
    lwm2m_serve_bootstrap_discover, lwm2m_serve_write, lwm2m_serve_write_composite,
    lwm2m_serve_bootstrap_write, lwm2m_serve_execute, lwm2m_serve_create, lwm2m_serve_delete,
    lwm2m_serve_bootstrap_delete;

/* What a path leads to; NULL behind where it ends, or where nothing is. */
struct lwm2m_target {
    struct lwm2m_object *object;
    struct lwm2m_instance *instance;
    const struct lwm2m_resource_definition *resource;
    bool has_value; /* the resource is instantiated; of depth 4 that instance of it */
};

struct lwm2m_target lwm2m_serve_find(const struct lwm2m_model *model,
                                     const struct lwm2m_path *path);

/* Can the resource hold values, or is it executable alone? */
bool lwm2m_serve_has_values(const struct lwm2m_resource_definition *resource);

/* --- changes, whole or not at all ----------------------------------------------------------- */

enum lwm2m_write_to { LWM2M_TO_EXISTING, LWM2M_TO_EITHER, LWM2M_TO_NEW };

/* What a write may do beyond what its entries say. */
struct lwm2m_write_rules {
    enum lwm2m_write_to
        instances;        /* those that aren't there come to be, or may even not be there */
    bool is_replacing;    /* what the entries don't name goes, of what may be written within base */
    bool needs_mandatory; /* mandatory resources that can be written are there afterwards */
    bool writes_everything; /* the bootstrap server does: what is read-only, or has no operations */
    bool skips_read_only;   /* resources that may not be written are passed over, not refused */
    bool skips_unknown;     /* likewise those that the device hasn't */
};

/* Checks all entries that were read at base, drops those that are passed over, and sorts the others. An instance stays
 * known, by an entry of depth 2, even if nothing that is written for it does. LWM2M_CHANGED, or the refusal. */
enum lwm2m_code lwm2m_serve_prepare(const struct lwm2m_model *model, const struct lwm2m_path *base,
                                    const struct lwm2m_write_rules *rules,
                                    struct lwm2m_content *content);

/* Writes the entries of server->content, which were read at base. LWM2M_CHANGED, or a refusal after which
 * nothing has changed. Entries for instance LWM2M_ID_RESERVED go to a new one with the lowest free id. Sets
 * response->instances_changed, and the location to the last instance that came to be. */
enum lwm2m_code lwm2m_serve_apply(struct lwm2m_server *server, const struct lwm2m_path *base,
                                  const struct lwm2m_write_rules *rules,
                                  struct lwm2m_response *response);

/* May entry's value be the resource's, by type and range? LWM2M_CHANGED, or the refusal. */
enum lwm2m_code lwm2m_serve_check_value(const struct lwm2m_model *model,
                                        const struct lwm2m_resource_definition *resource,
                                        const struct lwm2m_value *value);

#endif
