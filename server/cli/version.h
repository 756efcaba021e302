/* version: `belfry version`, the program's version and its libraries'.
 * Owns:   nothing.
 * Thread: main. */
#ifndef BELFRY_SERVER_CLI_VERSION_H
#define BELFRY_SERVER_CLI_VERSION_H

/* argv is what follows the word version. The exit status. */
int cli_version(int argc, char **argv);

#endif
