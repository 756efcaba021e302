/* precondition: the conditions that a request sets on the version it meets
 * (R4 http.html, "Managing Resource Contention", "Conditional read").
 * Owns:   nothing.
 * Thread: any.
 * Bounds: ETAGS_MAX entity tags in one header.
 * Errors: ERR_INVALID for what is no list of entity tags. */
#ifndef BELFRY_SERVER_REST_PRECONDITION_H
#define BELFRY_SERVER_REST_PRECONDITION_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

#define ETAGS_MAX 16

/* An If-Match or If-None-Match. Tags compare weakly, as FHIR wants it; those
 * that no belfry version can have are counted as foreign and never match. */
struct etags {
    bool given;
    bool any; /* "*" */
    size_t foreign;
    size_t count;
    uint64_t versions[ETAGS_MAX];
};

/* header {NULL, 0}: not given. */
MUST_CHECK enum err_code etags_read(struct bytes header, struct etags *out,
                                    struct err *e);

/* version 0: there is none. False when not given. */
bool etags_match(const struct etags *t, uint64_t version);

/* True when the header is an HTTP date (any of RFC 9110's three forms) at or
 * after the second in which the version was made. */
bool precondition_unmodified(struct bytes if_modified_since, int64_t time_ms);

#endif
