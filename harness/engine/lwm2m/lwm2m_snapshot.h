/* A copy of a model's instances, to go back to when a bootstrap isn't finished. Memory is the caller's. */
#ifndef PINHOLE_ENGINE_LWM2M_SNAPSHOT_H
#define PINHOLE_ENGINE_LWM2M_SNAPSHOT_H

#include "engine/lwm2m/lwm2m_model.h"

/* snapshot has room for the capacities of the model's objects together. */
void lwm2m_snapshot_take(const struct lwm2m_model *model, struct lwm2m_instance *snapshot);

/* Puts back what others wrote, created or deleted since. What an object changes by itself, resources that
 * nobody may write, stays as it is in instances that nobody touched. Owners are told: removed() of each
 * instance that goes or is about to be replaced, then written() without entries, as created, of each that comes
 * back. The model must be the one of which the snapshot was taken, in its place. */
void lwm2m_snapshot_restore(struct lwm2m_model *model, const struct lwm2m_instance *snapshot);

#endif
