/* verify: is a data folder sound? Reads the whole log and judges the views by
 * it, with code of its own: nothing that writes them is used, so that a fault
 * of the writer shows as well as one of the disk.
 * Owns:   nothing.
 * Thread: one; beside a server, which it does not disturb: it reads in one
 *         transaction.
 * Bounds: memory for each Subscription; VERIFY_TOLD_MAX problems are told.
 * Errors: ERR_IO, ERR_NOMEM. A folder that is not sound is no error here. */
#ifndef BELFRY_SERVER_ENGINE_VERIFY_H
#define BELFRY_SERVER_ENGINE_VERIFY_H

#include "storage/store/store.h"

#define VERIFY_TOLD_MAX 100

struct verify_counts {
    uint64_t changes;
    uint64_t other_records; /* of deliveries and what steers them */
    uint64_t resources;     /* those that are not deleted */
    uint64_t subscriptions; /* the same of them */
    uint64_t events;
    uint64_t views_at;
    uint64_t problems;
};

/* One line a problem, without the newline and without patient data. */
typedef void verify_tell(void *ctx, const char *problem);

MUST_CHECK enum err_code verify_store(struct store *s, verify_tell *tell,
                                      void *ctx, struct verify_counts *out,
                                      struct err *e);

#endif
