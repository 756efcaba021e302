/* surround_record: what referred to a focus at its event, as the log keeps it
 * with the change: for each topic that includes it (notificationShape,
 * revInclude) the resources with their versions.
 * Owns:   nothing; what is read borrows the record.
 * Thread: any; pure.
 * Bounds: the caller's buf; a damaged one ends where it does not go on.
 * Layout: for each topic a hash of its url (8 bytes) and a count (2), then so
 *         many times the lengths of type and id (1 each), the version (8), the
 *         type and the id; little-endian. */
#ifndef BELFRY_SERVER_ENGINE_SURROUND_RECORD_H
#define BELFRY_SERVER_ENGINE_SURROUND_RECORD_H

#include "storage/base/buf.h"

struct surround_item {
    struct bytes type;
    struct bytes id;
    uint64_t version;
};

void surround_record_topic(struct buf *out, const char *url, size_t count);
void surround_record_item(struct buf *out, const struct surround_item *item);

/* Moves *record to the topic's items; false when it has none. */
bool surround_record_find(struct bytes *record, const char *url, size_t *count);

/* The next item; false past the end. */
bool surround_record_next(struct bytes *record, struct surround_item *out);

#endif
