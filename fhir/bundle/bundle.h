/* bundle: a batch or transaction taken apart into the interactions that it
 * asks for (R4 http.html#transaction, bundle.html).
 * Owns:   nothing; entries borrow the text, what was unescaped is in the
 *         arena.
 * Thread: any.
 * Bounds: BUNDLE_ENTRIES_MAX entries.
 * Errors: ERR_INVALID, ERR_NOT_SUPPORTED, ERR_TOO_LARGE, each with the
 *         element; ERR_NOMEM. Of a batch an entry's own error stands in the
 *         entry, for the others are answered all the same. */
#ifndef BELFRY_FHIR_BUNDLE_BUNDLE_H
#define BELFRY_FHIR_BUNDLE_BUNDLE_H

#include "fhir/json/span.h"
#include "storage/base/arena.h"
#include "storage/base/err.h"

#define BUNDLE_ENTRIES_MAX 1000

enum bundle_kind { BUNDLE_BATCH = 1, BUNDLE_TRANSACTION };

enum bundle_method { BUNDLE_GET = 1, BUNDLE_POST, BUNDLE_PUT, BUNDLE_DELETE };

struct bundle_entry {
    enum err_code refused; /* ERR_OK, or why: err says it */
    struct err *err;       /* arena; NULL when not refused */
    enum bundle_method method;
    struct bytes type;          /* of the URL; a known resource type */
    struct bytes id;            /* of the URL; empty for a create */
    struct bytes criteria;      /* of a conditional one, else {NULL, 0} */
    struct bytes version;       /* of the URL of a vread, else empty */
    struct bytes full_url;      /* {NULL, 0} without */
    struct bytes if_match;      /* {NULL, 0} without */
    struct bytes if_none_match; /* {NULL, 0} without */
    struct json_span resource;  /* empty without */
    size_t index;               /* in the bundle */
};

struct bundle {
    enum bundle_kind kind;
    struct bundle_entry *entries; /* arena */
    size_t count;
};

/* text is a gated Bundle. base_url as for search_values_extract(): URLs below
 * it count as relative ones. */
MUST_CHECK enum err_code bundle_read(struct bytes text, struct bytes base_url,
                                     struct arena *arena, struct bundle *out,
                                     struct err *e);

/* An error at an element of an entry: "Bundle.entry[3].request.url". */
enum err_code bundle_refuse(struct err *e, enum err_code code, size_t index,
                            const char *element, const char *text);

#endif
