/* index: keeps the search index in step with the log: which keys a change
 * adds and which of the version before it removes.
 * Owns:   nothing.
 * Thread: index_prepare() any; index_stage() writer; index_rebuild() before
 *         the writer runs.
 * Bounds: the keys of one resource (fhir/search/index_key.h).
 * Errors: ERR_NOMEM, ERR_FORMAT, those of the store. */
#ifndef BELFRY_SERVER_ENGINE_INDEX_H
#define BELFRY_SERVER_ENGINE_INDEX_H

#include "server/engine/batch.h"
#include "server/engine/command.h"

struct engine;

/* A command's keys, worked out before it is ordered. */
struct index_change {
    uint64_t upon;       /* the change that it follows, 0 for none */
    struct bytes *added; /* not in the version before */
    size_t added_count;
    struct bytes *removed; /* not in this version */
    size_t removed_count;
};

/* Works out what the command and its parts do to the index, so that the writer
 * need not. */
MUST_CHECK enum err_code index_prepare(struct engine *g, struct command *c,
                                       struct err *e);

/* The keys of a change of the log. What was prepared (may be NULL) is used
 * when it is about the version before. */
struct index_source {
    struct store_txn *txn;
    const struct record_change *change;
    const struct index_change *prepared;
    const struct search_values *values; /* NULL: from the record's text */
    const struct search_values *before; /* stamped; NULL: from the log */
};
MUST_CHECK enum err_code
index_stage(struct batch *b, const struct index_source *source, struct err *e);

/* True when what was prepared is about the version before, which could be read
 * then. */
bool index_is_prepared(const struct index_source *source);

/* True when index_stage() needs the version before. */
bool index_looks_back(const struct batch *b, const struct index_source *source);

/* All keys of a version of the log, that of _lastUpdated included; none of a
 * deletion. */
struct index_list {
    struct bytes *items;
    size_t n;
};
MUST_CHECK enum err_code index_of_record(const struct state *s,
                                         const struct record_change *c,
                                         struct arena *arena,
                                         struct index_list *out, struct err *e);

/* Makes the index anew when it was made in another way, from what the view
 * current holds. */
MUST_CHECK enum err_code index_rebuild(struct state *s, struct err *e);

#endif
