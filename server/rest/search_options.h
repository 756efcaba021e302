/* search_options: what a search asks for besides the resources that match: how
 * many, in which order, which page.
 * Owns:   nothing; all is in the arena or borrowed from the request.
 * Thread: one at a time.
 * Errors: ERR_NOT_SUPPORTED, ERR_INVALID name the parameter. */
#ifndef BELFRY_SERVER_REST_SEARCH_OPTIONS_H
#define BELFRY_SERVER_REST_SEARCH_OPTIONS_H

#include "fhir/model/subset.h"
#include "fhir/search/order.h"
#include "fhir/search/query.h"
#include "server/rest/include_option.h"
#include "server/rest/params.h"

enum search_total {
    SEARCH_TOTAL_CHEAP, /* when it takes little more work */
    SEARCH_TOTAL_NONE,
    SEARCH_TOTAL_ACCURATE
};

struct search_options {
    size_t count; /* of a page; 0: only the total */
    enum search_total total;
    struct order order;   /* none: by id */
    struct subset subset; /* what is shown of each resource */
    struct include_options includes;
    /* the page begins behind the resource with this id, in an order behind its
     * key; empty on the first page */
    struct bytes after_id;
    struct bytes after_key;
    /* the parameters that select */
    struct query_parameter *parameters;
    size_t parameter_count;
};

MUST_CHECK enum err_code search_options_read(const struct params *params,
                                             struct bytes resource_type,
                                             struct arena *arena,
                                             struct search_options *out,
                                             struct err *e);

/* The value of _page for what comes behind this one; empty without memory. */
struct bytes search_options_page(struct bytes key, struct bytes id,
                                 struct arena *arena);

#endif
