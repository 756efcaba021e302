/* topics: SubscriptionTopics from files, for `belfry serve` and `belfry
 * topics`.
 * Owns:   nothing; the set belongs to the caller.
 * Thread: main.
 * Bounds: TOPICS_FILE_BYTES a file, TOPIC_SET_MAX files in a directory.
 * Errors: ERR_UNPROCESSABLE when a topic was refused or a file could not be
 *         read (the reasons are in the report), ERR_NOMEM. */
#ifndef BELFRY_SERVER_CLI_TOPICS_H
#define BELFRY_SERVER_CLI_TOPICS_H

#include <stdio.h>

#include "fhir/topic/topic_set.h"

#define TOPICS_FILE_BYTES ((size_t)1 << 20)

/* profiles/topics below the current directory when it is there, else
 * /usr/share/belfry/topics. */
const char *topics_default_dir(void);

/* Loads files, and of directories each *.json in it (in byte order of their
 * names, hidden ones and sub-directories left out). Every problem is a line
 * `file: expression: reason` in the report, and any problem fails the load:
 * *out is then NULL and *e says how many there were. */
MUST_CHECK enum err_code topics_load(const char *const *paths, size_t n,
                                     const char *base_url,
                                     struct topic_set **out, FILE *report,
                                     struct err *e);

/* `belfry topics check FILE...` and `belfry topics list [--topics DIR]...
 * [--data DIR]`.
 * argv starts at the word topics, or behind it. The exit status: 0; 1 a topic
 * was refused; 2 wrong usage. */
int cli_topics(int argc, char **argv);

#endif
