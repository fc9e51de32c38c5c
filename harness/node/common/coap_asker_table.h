/* The questions of a coap_asker that are out: found by their number, by their session, and the oldest first. */
#ifndef PINHOLE_NODE_COAP_ASKER_TABLE_H
#define PINHOLE_NODE_COAP_ASKER_TABLE_H

#include "node/common/coap_asker.h"

struct coap_asked_question {
    uint32_t number; /* the token, big endian */
    coap_session_t *session;
    coap_asked *asked;
    void *context;
    coap_tick_t since;
    bool begins_observation;
    bool is_lost;           /* its session is */
    bool is_observed;       /* answered once, and more may come */
    uint32_t sequence;      /* Observe of the last notification, */
    coap_tick_t sequenced;  /* which came then */
    bool has_sequence;      /* the answer that comes in has Observe, */
    uint32_t next_sequence; /* this */
    uint8_t *body;          /* what has come of it; NULL: nothing, or all in one */
    size_t body_length;
    char *path;              /* of an observation, to be found when it is taken back */
    uint32_t next_by_number; /* slots; 0: the end */
    uint32_t next_by_session;
    uint32_t older, newer; /* in the order of their asking, without those that are observed */
};

struct coap_asker_table {
    struct coap_asked_question *slots; /* 0 stays free */
    uint32_t *by_number;               /* as many chains as slots, a power of two */
    uint32_t *by_session;
    uint32_t size;
    uint32_t free; /* chained by next_by_number */
    uint32_t oldest, newest;
};

/* False without memory. */
bool coap_asker_table_open(struct coap_asker_table *table);
void coap_asker_table_close(struct coap_asker_table *table);

/* A new one, number and session set, and the last in order. NULL without memory. Others move. */
struct coap_asked_question *coap_asker_table_add(struct coap_asker_table *table, uint32_t number,
                                                 coap_session_t *session);
/* NULL if there is none. */
struct coap_asked_question *coap_asker_table_find(const struct coap_asker_table *table,
                                                  uint32_t number);
/* The first of a session, and the one after it. */
struct coap_asked_question *coap_asker_table_first(const struct coap_asker_table *table,
                                                   const coap_session_t *session);
struct coap_asked_question *coap_asker_table_next(const struct coap_asker_table *table,
                                                  const struct coap_asked_question *question);
/* The one that has waited longest for its first answer; NULL if none does. */
struct coap_asked_question *coap_asker_table_oldest(const struct coap_asker_table *table);
/* It has had its first answer. */
void coap_asker_table_settle(struct coap_asker_table *table, struct coap_asked_question *question);
void coap_asker_table_remove(struct coap_asker_table *table, struct coap_asked_question *question);

#endif
