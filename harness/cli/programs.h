/* The programs of a scenario: what each is told before anything starts, and, inside the sandbox, how
 * it is started and known to be ready.
 */
#ifndef PINHOLE_CLI_PROGRAMS_H
#define PINHOLE_CLI_PROGRAMS_H

#include "base/error.h"
#include "cli/scenario.h"
#include "lab/process.h"

#include <stddef.h>
#include <stdint.h>

/* Fills program->facts: where things lie (PINHOLE_BUILD, PINHOLE_LIBRARIES, PINHOLE_PEERS,
 * PINHOLE_RUNTIME), who it is (PINHOLE_NODE, PINHOLE_PROGRAM, PINHOLE_SEED), then the maps of
 * environments (each may be NULL), then what its peer says. Sees that the peer's files are there. */
int program_tell(struct scenario_program *program, const char *node, uint64_t seed,
                 const struct yaml_value *const *environments, size_t count, struct error *error);

/* Paths of the files that the programs can't do without, ended by a NULL; for programs_forget_files(). */
char **programs_list_files(const struct scenario *scenario);
void programs_forget_files(char **files);

/* From here on: inside the sandbox. */

/* Writes the peer's files and starts it. NULL and an error. */
struct process *program_start(struct supervisor *supervisor, const struct scenario_program *program,
                              const char *log_folder, struct error *error);
/* Waits until the peer is ready, as its file says. 0 or -1. */
int program_await_ready(struct process *process, const struct scenario_program *program,
                        struct error *error);
/* Asks the program for its version, before any supervisor stands. out is empty if it has none to tell. */
void program_read_version(const struct scenario_program *program, char *out, size_t size);
/* Absolute path of a command that a step runs, found as a shell would; for free(). NULL and an error. */
char *program_find_command(const char *name, struct error *error);
/* Environment of such commands on a node. They share PINHOLE_RUNTIME with its program, the first if there are several.
 * facts is all zero before. */
void program_tell_command(struct facts *facts, const struct scenario *scenario, size_t node);

#endif
