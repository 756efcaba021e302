/* router: which interaction a method and a path ask for (R4 http.html).
 * Owns:   nothing; segments are borrowed from the path or in the arena.
 * Thread: any.
 * Errors: ERR_NOT_FOUND (path, resource type), ERR_METHOD with route.allow,
 *         ERR_NOT_SUPPORTED (legal FHIR that belfry does not do),
 *         ERR_INVALID (escapes). */
#ifndef BELFRY_SERVER_REST_ROUTER_H
#define BELFRY_SERVER_REST_ROUTER_H

#include "storage/base/arena.h"
#include "storage/base/err.h"

enum route_kind {
    ROUTE_NONE,
    ROUTE_HEALTH,
    ROUTE_LIVE,
    ROUTE_METRICS,
    ROUTE_METADATA,
    ROUTE_READ,
    ROUTE_VREAD,
    ROUTE_CREATE,
    ROUTE_UPDATE,
    ROUTE_DELETE,
    ROUTE_UPDATE_FOUND, /* of what criteria find */
    ROUTE_DELETE_FOUND,
    ROUTE_SEARCH,
    ROUTE_SEARCH_FORM,
    ROUTE_STATUS_INSTANCE,
    ROUTE_STATUS_TYPE,
    ROUTE_EVENTS,
    ROUTE_BUNDLE,
    ROUTE_EXPLAIN,
    ROUTE_TOPIC_EVENT,
    ROUTE_VALIDATE,
    ROUTE_RESEND,
    ROUTE_PAUSE,
    ROUTE_RESUME,
    ROUTE_LETTERS,
    ROUTE_REDELIVER,
    ROUTE_DISCARD,
    ROUTE_KINDS
};

struct route {
    enum route_kind kind;
    struct bytes type;    /* a known resource type, or empty */
    struct bytes id;      /* as decoded; not judged */
    struct bytes version; /* as decoded; not judged */
    bool subscription;    /* type is Subscription */
    const char *allow;    /* with ERR_METHOD: what the path allows */
};

MUST_CHECK enum err_code router_find(struct bytes method, struct bytes path,
                                     struct arena *arena, struct route *out,
                                     struct err *e);

#endif
