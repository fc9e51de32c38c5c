#include "node/common/coap_asker_table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

static uint32_t slot_of(const struct coap_asker_table *table,
                        const struct coap_asked_question *question)
{
    return (uint32_t)(question - table->slots);
}

static struct coap_asked_question *at(const struct coap_asker_table *table, uint32_t slot)
{
    return slot ? &table->slots[slot] : NULL;
}

/* Numbers are random; addresses of sessions are not, in their lowest bits. */
static uint32_t *chain_of_number(const struct coap_asker_table *table, uint32_t number)
{
    return &table->by_number[number & (table->size - 1)];
}

static uint32_t *chain_of_session(const struct coap_asker_table *table,
                                  const coap_session_t *session)
{
    uint64_t mixed = (uint64_t)(uintptr_t)session * 0x9e3779b97f4a7c15;
    return &table->by_session[(mixed >> 32) & (table->size - 1)];
}

static void link_slot(struct coap_asker_table *table, uint32_t slot)
{
    struct coap_asked_question *question = &table->slots[slot];
    uint32_t *chain = chain_of_number(table, question->number);
    question->next_by_number = *chain;
    *chain = slot;
    chain = chain_of_session(table, question->session);
    question->next_by_session = *chain;
    *chain = slot;
}

static void free_texts(struct coap_asked_question *question)
{
    free(question->path);
    free(question->body);
}

/* Twice as many slots, so that chains stay short. */
static bool grow(struct coap_asker_table *table)
{
    uint32_t size = table->size ? table->size * 2 : FIRST_SIZE;
    struct coap_asked_question *slots =
        realloc(table->slots, (size_t)size * sizeof(struct coap_asked_question));
    if (!slots)
        return false;
    table->slots = slots;
    uint32_t *chains = calloc((size_t)size * 2, sizeof *chains);
    if (!chains)
        return false;
    free(table->by_number);
    table->by_number = chains;
    table->by_session = chains + size;
    uint32_t before = table->size ? table->size : 1;
    table->size = size;
    memset(slots + before, 0, (size_t)(size - before) * sizeof(struct coap_asked_question));
    for (uint32_t slot = 1; slot < before; slot++)
        link_slot(table, slot);
    for (uint32_t slot = before; slot < size; slot++) {
        slots[slot].next_by_number = table->free;
        table->free = slot;
    }
    return true;
}

bool coap_asker_table_open(struct coap_asker_table *table)
{
    *table = (struct coap_asker_table){0};
    return grow(table);
}

void coap_asker_table_close(struct coap_asker_table *table)
{
    for (uint32_t slot = 1; slot < table->size; slot++)
        free_texts(&table->slots[slot]);
    free(table->slots);
    free(table->by_number);
}

struct coap_asked_question *coap_asker_table_add(struct coap_asker_table *table, uint32_t number,
                                                 coap_session_t *session)
{
    if (!table->free && !grow(table))
        return NULL;
    uint32_t slot = table->free;
    struct coap_asked_question *question = &table->slots[slot];
    table->free = question->next_by_number;
    *question =
        (struct coap_asked_question){.number = number, .session = session, .older = table->newest};
    link_slot(table, slot);
    if (table->newest)
        table->slots[table->newest].newer = slot;
    else
        table->oldest = slot;
    table->newest = slot;
    return question;
}

struct coap_asked_question *coap_asker_table_find(const struct coap_asker_table *table,
                                                  uint32_t number)
{
    struct coap_asked_question *question = at(table, *chain_of_number(table, number));
    while (question && question->number != number)
        question = at(table, question->next_by_number);
    return question;
}

static struct coap_asked_question *of_session(const struct coap_asker_table *table, uint32_t slot,
                                              const coap_session_t *session)
{
    while (slot && table->slots[slot].session != session)
        slot = table->slots[slot].next_by_session;
    return at(table, slot);
}

struct coap_asked_question *coap_asker_table_first(const struct coap_asker_table *table,
                                                   const coap_session_t *session)
{
    return of_session(table, *chain_of_session(table, session), session);
}

struct coap_asked_question *coap_asker_table_next(const struct coap_asker_table *table,
                                                  const struct coap_asked_question *question)
{
    return of_session(table, question->next_by_session, question->session);
}

struct coap_asked_question *coap_asker_table_oldest(const struct coap_asker_table *table)
{
    return at(table, table->oldest);
}

void coap_asker_table_settle(struct coap_asker_table *table, struct coap_asked_question *question)
{
    if (question->is_observed)
        return;
    question->is_observed = true;
    if (question->older)
        table->slots[question->older].newer = question->newer;
    else
        table->oldest = question->newer;
    if (question->newer)
        table->slots[question->newer].older = question->older;
    else
        table->newest = question->older;
}

void coap_asker_table_remove(struct coap_asker_table *table, struct coap_asked_question *question)
{
    uint32_t slot = slot_of(table, question);
    coap_asker_table_settle(table, question);
    uint32_t *chain = chain_of_number(table, question->number);
    while (*chain != slot)
        chain = &table->slots[*chain].next_by_number;
    *chain = question->next_by_number;
    chain = chain_of_session(table, question->session);
    while (*chain != slot)
        chain = &table->slots[*chain].next_by_session;
    *chain = question->next_by_session;
    free_texts(question);
    *question = (struct coap_asked_question){.next_by_number = table->free};
    table->free = slot;
}
