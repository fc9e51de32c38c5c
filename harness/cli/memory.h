/* Memory of the command line. A command that has run out of it can only say so: these end the process
 * with one line and EXIT_HARNESS, so that no caller has to look for NULL.
 */
#ifndef PINHOLE_CLI_MEMORY_H
#define PINHOLE_CLI_MEMORY_H

#include <stddef.h>

/* count zeroed items of size octets; for free(). */
void *memory_new(size_t count, size_t size);
/* Resizes; new octets are not zeroed. */
void *memory_grow(void *old, size_t count, size_t size);
char *memory_copy(const char *text);
/* printf into memory of its own; for free(). */
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
