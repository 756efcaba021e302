/* bundle_post: batch and transaction (R4 http.html#transaction). The writes of
 * a transaction are one command: all or none; those of a batch go to the
 * engine together and are refused one by one. Reads are answered afterwards,
 * as of after the writes.
 * Thread: the loop of the connection; the command's completion on the writer
 *         thread, which only resumes the request.
 * Bounds: BUNDLE_ENTRIES_MAX entries, WRITE_TRIES preparations. */
#ifndef BELFRY_SERVER_REST_BUNDLE_POST_H
#define BELFRY_SERVER_REST_BUNDLE_POST_H

#include "server/rest/exchange.h"

enum http_next bundle_post(struct exchange *x);

/* Frees what the exchange has of a bundle; it may be NULL. */
void bundle_run_free(struct bundle_run *run);

#endif
