/* serve: `belfry serve`, which puts the parts together and takes them apart.
 * Owns:   every part of the running server, in the order of struct serve.
 * Thread: main; it waits for signals while the parts' threads work. */
#ifndef BELFRY_SERVER_CLI_SERVE_H
#define BELFRY_SERVER_CLI_SERVE_H

/* argv is what follows the word serve. The exit status: 0 after a drain; 1
 * when a part failed; 2 for wrong options. */
int cli_serve(int argc, char **argv);

#endif
