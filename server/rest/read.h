/* read: read and vread (R4 http.html#read, #vread), conditional by
 * If-None-Match and If-Modified-Since.
 * Thread: the loop of the connection.
 * A Subscription is never answered with 304: its status changes without a new
 * version. */
#ifndef BELFRY_SERVER_REST_READ_H
#define BELFRY_SERVER_REST_READ_H

#include "server/engine/read.h"
#include "server/rest/exchange.h"
#include "storage/base/buf.h"

/* Reads the route's resource, a version of it when the route has one, and
 * appends it to out as its reader may see it. */
MUST_CHECK enum err_code read_into(struct exchange *x,
                                   struct resource_version *v, struct buf *out,
                                   struct err *e);

enum http_next read_current(struct exchange *x);
enum http_next read_version(struct exchange *x);

#endif
