#include "node/lwm2m-server/doubt.h"

#include "node/common/clock.h"
#include "node/lwm2m-server/contact.h"

/* Long enough for an update that was lost to come again: ACK_TIMEOUT times ACK_RANDOM_FACTOR (RFC 7252 section 4.8). */
static uint64_t while_of(const struct manager *manager)
{
    return clock_scaled((uint64_t)manager->patience.ack_timeout * 3 / 2);
}

/* All wait equally long, so the list is in order of their times. */
void doubt_begin(struct contact *contact)
{
    if (contact->doubted_until)
        return;
    contact->doubted_until = clock_milliseconds() + while_of(contact->manager);
    TAILQ_INSERT_TAIL(&contact->manager->doubted, contact, doubted);
}

void doubt_end(struct contact *contact)
{
    if (!contact->doubted_until)
        return;
    contact->doubted_until = 0;
    TAILQ_REMOVE(&contact->manager->doubted, contact, doubted);
}

struct contact *doubt_take(struct manager *manager)
{
    struct contact *first = TAILQ_FIRST(&manager->doubted);
    if (!first || clock_milliseconds() < first->doubted_until)
        return NULL;
    doubt_end(first);
    return first;
}

uint64_t doubt_wait(const struct manager *manager)
{
    const struct contact *first = TAILQ_FIRST(&manager->doubted);
    uint64_t now = clock_milliseconds();
    if (!first)
        return UINT64_MAX;
    return first->doubted_until > now ? first->doubted_until - now : 0;
}
