/* When a device notifies (section 5.1.2, 5.5 of LwM2M 1.0): observed paths, and the attributes pmin, pmax,
 * gt, lt, st of paths. CoAP's side, tokens, retransmissions and cancelling resets, is the caller's. Time is
 * passed in: milliseconds of a counter that starts anywhere and doesn't wrap.
 *
 * Attributes hold for the path they were written to and all below it, the deepest that says one winning
 * (5.1.1). pmin holds back what changed too soon; pmax repeats what did not change for long; gt, lt and st
 * let a number pass only when it crosses, or has moved by a step since the last that was told. One of them
 * suffices. A change that came within pmin is told when that has passed, even if the value has gone back by then,
 * since it had to be notified (5.1.2); what is told is the value of that moment. An observed object or
 * instance is told of every change inside, whatever attributes hold deeper than it.
 */
#ifndef PINHOLE_ENGINE_LWM2M_OBSERVE_H
#define PINHOLE_ENGINE_LWM2M_OBSERVE_H

#include "engine/lwm2m/lwm2m_model.h"

enum { LWM2M_OBSERVATIONS = 32, LWM2M_ATTRIBUTE_SETS = 32 };

enum lwm2m_attribute { LWM2M_PMIN = 1, LWM2M_PMAX = 2, LWM2M_GT = 4, LWM2M_LT = 8, LWM2M_ST = 16 };

struct lwm2m_attributes {
    bool used;
    struct lwm2m_path path;
    uint8_t given; /* enum lwm2m_attribute, or'ed */
    uint32_t pmin; /* s */
    uint32_t pmax; /* s */
    double gt, lt, st;
};

struct lwm2m_observation {
    bool used;
    struct lwm2m_path path;
    uint64_t told;   /* ms: when it was notified last, or answered */
    bool changed;    /* something worth telling since then */
    bool has_number; /* what was told is one number: */
    double number;   /* as it was told last */
};

struct lwm2m_observations {
    struct lwm2m_attributes attributes[LWM2M_ATTRIBUTE_SETS];
    struct lwm2m_observation observations[LWM2M_OBSERVATIONS];
    uint32_t default_pmin; /* s; of the Server object, resources 2 and 3; 0: none */
    uint32_t default_pmax;
};

/* Write-Attributes: queries as "pmin=10", "gt" alone to take one away; path of depth 1 to 4. All are written or
 * none: LWM2M_CHANGED, or 4.00 for a name that isn't known, a value that is none, gt, lt or st on what is no
 * single number, pmin over pmax, lt not under gt, or lt + 2 st not under gt (5.1.2); 5.00 without room. */
enum lwm2m_code lwm2m_observe_write(struct lwm2m_observations *observations,
                                    const struct lwm2m_model *model, const struct lwm2m_path *path,
                                    const char *const *queries);

/* The attributes that hold at path, inherited ones too, but not the defaults of the Server object. */
struct lwm2m_attributes lwm2m_observe_attributes(const struct lwm2m_observations *observations,
                                                 const struct lwm2m_path *path);

/* Begins, or begins anew, to observe path. False if there is no room. */
bool lwm2m_observe_begin(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                         const struct lwm2m_path *path, uint64_t now);
bool lwm2m_observe_is_begun(const struct lwm2m_observations *observations,
                            const struct lwm2m_path *path);
void lwm2m_observe_end(struct lwm2m_observations *observations, const struct lwm2m_path *path);
/* All observations and attributes of path and below go, as what they are about has gone. */
void lwm2m_observe_forget(struct lwm2m_observations *observations, const struct lwm2m_path *path);

/* A value changed: for lwm2m_model.changed. */
void lwm2m_observe_changed(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                           const struct lwm2m_path *path);

/* The next path whose notification is due now, which counts as told from here on; false if none is. */
bool lwm2m_observe_due(struct lwm2m_observations *observations, const struct lwm2m_model *model,
                       uint64_t now, struct lwm2m_path *out);

/* ms until lwm2m_observe_due() has one, UINT64_MAX if none is planned. */
uint64_t lwm2m_observe_wait(const struct lwm2m_observations *observations, uint64_t now);

#endif
