/* search_bundle: a searchset Bundle as it is put together from stored texts.
 * Owns:   its buffer, which goes to the response.
 * Thread: one at a time.
 * Bounds: SEARCH_BUNDLE_BYTES_MAX; the buffer's failure is sticky. */
#ifndef BELFRY_SERVER_REST_SEARCH_BUNDLE_H
#define BELFRY_SERVER_REST_SEARCH_BUNDLE_H

#include "server/rest/exchange.h"
#include "storage/base/buf.h"

#define SEARCH_BUNDLE_BYTES_MAX ((size_t)256 << 20)

struct search_bundle {
    const struct exchange *x;
    struct buf out;
    size_t entries;
    uint64_t total;
    bool total_known;
};

void search_bundle_begin(struct search_bundle *b, const struct exchange *x);

/* True while the page takes another entry. */
bool search_bundle_has_room(const struct search_bundle *b, size_t count);

/* The resource's text is added to the buffer that is returned. */
struct buf *search_bundle_begin_entry(struct search_bundle *b, struct bytes id);
void search_bundle_end_entry(struct search_bundle *b);

/* A resource that comes along with the matches; it does not count. */
void search_bundle_add_included(struct search_bundle *b, struct bytes type,
                                struct bytes id, struct bytes text);

/* The links; next is the _page of the page behind this one, {NULL, 0} when
 * there is none. */
void search_bundle_end(struct search_bundle *b, struct bytes next);

#endif
