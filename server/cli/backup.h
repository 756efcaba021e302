/* backup: `belfry backup`, which copies a data folder while a server may be
 * running on it.
 * Owns:   nothing.
 * Thread: main; the only one.
 * Returns an exit status: 0, 1 (failed), 2 (usage). */
#ifndef BELFRY_SERVER_CLI_BACKUP_H
#define BELFRY_SERVER_CLI_BACKUP_H

/* argv holds what follows the sub-command's name. */
int cli_backup(int argc, char **argv);

#endif
