/* A run's own folder of results. Never are files lost that aren't a run's: a folder is used only if it is
 * new, empty, or that of an earlier run, and then only what a run writes is removed.
 */
#ifndef PINHOLE_CLI_FOLDER_H
#define PINHOLE_CLI_FOLDER_H

#include "base/error.h"

/* Makes it, empty and marked as a run's. Returns its absolute path, for free(); NULL and an error. */
char *folder_make(const char *path, struct error *error);
/* Makes, if it is not there, the folder of a suite, in which every case will have one as above, and removes the report
 * of an earlier suite. Returns a descriptor that keeps others out of it until it is closed; -1 and an error. */
int folder_claim(const char *path, struct error *error);
/* The programs of a lab can write into its folder, the caller may be root: once the lab has ended, removes
 * whatever stands where results will be written, links above all, and sees that the capture is a plain
 * file. 0; or -1 and an error, and then nothing there may be read, nor anything be written. */
int folder_take_back(const char *path, struct error *error);

#endif
