/* link: references between the entries of a transaction, replaced by where
 * the resources will be (R4 http.html#trules: "references ... SHALL be
 * replaced"; bundle.html#references).
 * Owns:   its table; keys and targets are borrowed.
 * Thread: one at a time.
 * Bounds: the output buffer's maximum.
 * A string that is exactly a link's URL counts wherever it stands (Reference,
 * uri, canonical), a relative "Type/id" where the entry's own fullUrl gives it
 * a base, and href and src in the narrative. All other bytes stay. */
#ifndef BELFRY_FHIR_BUNDLE_LINK_H
#define BELFRY_FHIR_BUNDLE_LINK_H

#include "fhir/json/span.h"
#include "storage/base/arena.h"
#include "storage/base/buf.h"
#include "storage/base/map.h"

struct link {
    struct bytes from; /* fullUrl */
    struct bytes to;   /* "Type/id" */
    struct link *next; /* in the order of adding */
};

struct link_table {
    struct map map;
    uint64_t seed[2];
    struct arena *arena;
    struct link *first;
};

void link_table_init(struct link_table *t, const uint64_t seed[2],
                     struct arena *arena);
void link_table_fini(struct link_table *t);

/* Empties it. */
void link_table_reset(struct link_table *t);

bool link_table_has(const struct link_table *t, struct bytes from);

/* False without memory; *repeated tells that from is there already. */
MUST_CHECK bool link_table_add(struct link_table *t, struct bytes from,
                               struct bytes to, bool *repeated);

/* Tells of each conditional reference ("Patient?identifier=1") in the value at
 * span, unescaped; until each returns false. */
typedef bool link_each(void *ctx, struct bytes reference);
bool link_conditionals(struct bytes text, struct json_span span,
                       link_each *each, void *ctx);

/* Writes the value at span with its links replaced; full_url is the entry's
 * own, or empty. Check out with buf_check(). */
void link_rewrite(const struct link_table *t, struct bytes text,
                  struct json_span span, struct bytes full_url,
                  struct buf *out);

#endif
