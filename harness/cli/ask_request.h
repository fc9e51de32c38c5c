/* The octets of the request that the options describe. */
#ifndef PINHOLE_CLI_ASK_REQUEST_H
#define PINHOLE_CLI_ASK_REQUEST_H

#include "base/error.h"
#include "cli/ask_options.h"

/* source is what the request is sent from: PCP Client's IP Address, and the family of an external
 * address that isn't suggested. 0; or -1 and an error if the parts don't fit together. */
int ask_compose(const struct ask_options *options, const struct address *source,
                struct ask_octets *out, struct error *error);

#endif
