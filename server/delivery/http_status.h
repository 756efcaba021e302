/* http_status: what the status of an HTTP answer means for a delivery
 * (Standard Webhooks 1.0.0; RFC 9110).
 * Owns:   nothing.
 * Thread: any; pure. */
#ifndef BELFRY_SERVER_DELIVERY_HTTP_STATUS_H
#define BELFRY_SERVER_DELIVERY_HTTP_STATUS_H

#include "server/delivery/outcome.h"

/* Any 2xx is a success. Retry-After counts with 429, 502, 503 and 504. */
struct outcome http_status_outcome(int status, int64_t retry_after_ms);

#endif
