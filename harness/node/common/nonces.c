#include "node/common/nonces.h"

#include "node/common/chance.h"
#include "node/common/hex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 160 };

/* "SERVER SOURCE HEX" */
static bool parse_line(struct nonces *nonces, const char *line)
{
    char server[ADDRESS_TEXT_SIZE];
    char source[ADDRESS_TEXT_SIZE];
    char hex[2 * PCP_NONCE_LENGTH + 2];
    char more;
    if (nonces->count == NONCES_ROOM ||
        sscanf(line, "%45s %45s %25s %c", server, source, hex, &more) != 3 ||
        hex_read(hex, nonces->entries[nonces->count].nonce, PCP_NONCE_LENGTH) != PCP_NONCE_LENGTH ||
        !address_parse(server, &nonces->entries[nonces->count].server) ||
        !address_parse(source, &nonces->entries[nonces->count].source))
        return false;
    nonces->entries[nonces->count++].kept = true;
    return true;
}

int nonces_open(struct nonces *nonces, const char *path, struct error *error)
{
    memset(nonces, 0, sizeof *nonces);
    nonces->path = path;
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return !path || errno == ENOENT
                   ? 0
                   : error_set_errno(error, errno, "could not read the nonces of %s", path);
    char line[LINE_SIZE];
    int number = 0;
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, file)) {
        number++;
        if (!parse_line(nonces, line))
            status = error_set(error, "%s:%d: expected 'SERVER SOURCE NONCE' and no more than %d",
                               path, number, NONCES_ROOM);
    }
    fclose(file);
    return status;
}

static bool write_entries(const struct nonces *nonces, FILE *file)
{
    for (uint8_t n = 0; n < nonces->count; n++) {
        char server[ADDRESS_TEXT_SIZE];
        char source[ADDRESS_TEXT_SIZE];
        fprintf(file, "%s %s ", address_format(&nonces->entries[n].server, server),
                address_format(&nonces->entries[n].source, source));
        for (int i = 0; i < PCP_NONCE_LENGTH; i++)
            fprintf(file, "%02x", nonces->entries[n].nonce[i]);
        fputc('\n', file);
    }
    return fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
}

/* Whole or not at all: a new file takes the place of the old one. */
static int keep(const struct nonces *nonces, struct error *error)
{
    if (!nonces->path)
        return 0;
    char path[4096];
    if (snprintf(path, sizeof path, "%s.new", nonces->path) >= (int)sizeof path)
        return error_set(error, "the path of the nonces is too long");
    FILE *file = fopen(path, "we");
    bool written = file && write_entries(nonces, file);
    int problem = errno;
    if (file && fclose(file) != 0 && written) {
        written = false;
        problem = errno;
    }
    if (written && rename(path, nonces->path) == 0)
        return 0;
    problem = written ? errno : problem;
    return error_set_errno(error, problem, "could not keep the nonces in %s", nonces->path);
}

int nonces_get(struct nonces *nonces, const struct address *server, const struct address *source,
               uint8_t nonce[PCP_NONCE_LENGTH], struct error *error)
{
    for (uint8_t n = 0; n < nonces->count; n++) {
        if (address_equal(&nonces->entries[n].server, server) &&
            address_equal(&nonces->entries[n].source, source)) {
            memcpy(nonce, nonces->entries[n].nonce, PCP_NONCE_LENGTH);
            return 0;
        }
    }
    if (chance_fill(nonce, PCP_NONCE_LENGTH, error) < 0)
        return -1;
    if (nonces->count == NONCES_ROOM) {
        nonces->count--;
        memmove(&nonces->entries[0], &nonces->entries[1],
                nonces->count * sizeof nonces->entries[0]);
    }
    uint8_t at = nonces->count++;
    nonces->entries[at].server = *server;
    nonces->entries[at].source = *source;
    memcpy(nonces->entries[at].nonce, nonce, PCP_NONCE_LENGTH);
    nonces->entries[at].kept = false;
    return keep(nonces, error) < 0 ? 1 : 0;
}

bool nonces_is_kept(const struct nonces *nonces, const uint8_t nonce[PCP_NONCE_LENGTH])
{
    for (uint8_t n = 0; n < nonces->count; n++) {
        if (memcmp(nonces->entries[n].nonce, nonce, PCP_NONCE_LENGTH) == 0)
            return nonces->entries[n].kept;
    }
    return false;
}
