#include "node/lwm2m-server/errand.h"

#include <stdlib.h>
#include <string.h>

static size_t count_queries(const char *const *queries)
{
    size_t count = 0;
    while (queries && queries[count])
        count++;
    return count;
}

/* Copies size octets to *at, which goes behind them. */
static void *put(char **at, const void *octets, size_t size)
{
    void *copy = memcpy(*at, octets, size);
    *at += size;
    return copy;
}

struct errand *errand_make(const struct coap_question *question)
{
    size_t queries = count_queries(question->queries);
    size_t size = sizeof(struct errand) + (queries + 1) * sizeof(char *) + strlen(question->path) +
                  1 + question->length;
    for (size_t i = 0; i < queries; i++)
        size += strlen(question->queries[i]) + 1;
    struct errand *errand = calloc(1, size);
    if (!errand)
        return NULL;
    errand->question = *question;
    const char **list = (const char **)(errand + 1);
    char *at = (char *)(list + queries + 1);
    for (size_t i = 0; i < queries; i++)
        list[i] = put(&at, question->queries[i], strlen(question->queries[i]) + 1);
    errand->question.queries = list;
    errand->question.path = put(&at, question->path, strlen(question->path) + 1);
    errand->question.payload =
        question->length ? put(&at, question->payload, question->length) : NULL;
    return errand;
}
