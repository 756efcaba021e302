/* read: read and vread (R4 http.html#read, #vread), conditional by
 * If-None-Match and If-Modified-Since.
 * Thread: the loop of the connection.
 * A Subscription is never answered with 304: its status changes without a new
 * version. */
#ifndef BELFRY_SERVER_REST_READ_H
#define BELFRY_SERVER_REST_READ_H

#include "server/rest/exchange.h"

enum http_next read_current(struct exchange *x);
enum http_next read_version(struct exchange *x);

#endif
