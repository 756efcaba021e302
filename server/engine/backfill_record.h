/* backfill_record: the log's record of one slice of a backfill: the events
 * that were numbered for changes of long ago, and how far it came.
 * Owns:   nothing; a decoded one borrows the record.
 * Thread: any.
 * Errors: ERR_FORMAT for a damaged record. */
#ifndef BELFRY_SERVER_ENGINE_BACKFILL_RECORD_H
#define BELFRY_SERVER_ENGINE_BACKFILL_RECORD_H

#include "server/security/chain.h"
#include "storage/base/bytes.h"

struct backfill_event {
    uint64_t change;
    uint64_t number;
    struct chain_value chain; /* with this event */
};

struct backfill_record {
    uint64_t subscription;
    uint64_t next; /* the change to look at next */
    bool done;     /* from here on the events are numbered as they happen */
    size_t event_count;
    const char *events; /* backfill_record_event() */
};

size_t backfill_record_size(size_t event_count);
void backfill_record_write(const struct backfill_record *r,
                           const struct backfill_event *events, int64_t time_ms,
                           char *out);
MUST_CHECK enum err_code backfill_record_read(struct bytes record,
                                              struct backfill_record *out,
                                              struct err *e);
struct backfill_event backfill_record_event(const struct backfill_record *r,
                                            size_t index);

#endif
