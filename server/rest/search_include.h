/* search_include: the resources that a page of a search brings along (R4
 * search.html#include): what its matches refer to, what refers to them, and on
 * from there where a directive iterates. Each is in the page once, as it is
 * now; what is not on this server, or deleted, is left out.
 * Owns:   an arena and the list, between init and fini.
 * Thread: one at a time.
 * Bounds: SEARCH_INCLUDES_MAX resources beside the matches, SEARCH_PAGE_BYTES
 *         of the page with them, SEARCH_LOOK_MAX candidates for all that
 *         refers, SEARCH_INCLUDE_ROUNDS deep.
 * Errors: ERR_TOO_COSTLY past the bounds; those of the engine. */
#ifndef BELFRY_SERVER_REST_SEARCH_INCLUDE_H
#define BELFRY_SERVER_REST_SEARCH_INCLUDE_H

#include "server/rest/include_option.h"
#include "server/rest/search_bundle.h"

#define SEARCH_INCLUDES_MAX 1000
#define SEARCH_INCLUDE_ROUNDS 8

struct include_item;

struct search_include {
    struct exchange *x;
    const struct include_options *options;
    struct search_bundle *bundle;
    struct arena arena;
    struct arena scratch;       /* of one resource */
    struct include_item *items; /* matches, then what they bring along */
    size_t count;
    size_t matches;
    size_t looks;
    enum err_code failed;
    struct err *e;
};

/* Without directives nothing is done by any of these. */
MUST_CHECK enum err_code search_include_init(struct search_include *s);
void search_include_fini(struct search_include *s);

/* A match that is in the page. */
MUST_CHECK enum err_code search_include_match(struct search_include *s,
                                              struct bytes id);

/* Once the page is full: adds what belongs to it. */
MUST_CHECK enum err_code search_include_finish(struct search_include *s);

#endif
