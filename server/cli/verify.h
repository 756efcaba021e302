/* verify: `belfry verify`, which says whether a data folder is sound and makes
 * its views anew.
 * Owns:   nothing.
 * Thread: main; the only one.
 * Returns an exit status: 0 (sound), 1 (not, or failed), 2 (usage). */
#ifndef BELFRY_SERVER_CLI_VERIFY_H
#define BELFRY_SERVER_CLI_VERIFY_H

/* argv holds what follows the sub-command's name. */
int cli_verify(int argc, char **argv);

#endif
