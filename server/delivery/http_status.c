#include "server/delivery/http_status.h"

#include <stdio.h>

static enum failure_class client_error(int status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return FAILURE_AUTH;
    case 404:
        return FAILURE_NOT_FOUND;
    case 405:
    case 406:
    case 415:
    case 422:
        return FAILURE_CONFIG;
    case 408:
        return FAILURE_TIMEOUT;
    case 410:
        return FAILURE_GONE;
    case 413:
        return FAILURE_TOO_LARGE;
    case 425:
        return FAILURE_SERVER;
    case 429:
        return FAILURE_BUSY;
    default:
        return FAILURE_REFUSED;
    }
}

static enum failure_class class_of(int status)
{
    if (status >= 200 && status <= 299)
        return FAILURE_NONE;
    if (status >= 300 && status <= 399)
        return FAILURE_REDIRECT;
    if (status >= 400 && status <= 499)
        return client_error(status);
    if (status == 503)
        return FAILURE_BUSY;
    if (status == 502 || status == 504)
        return FAILURE_GATEWAY;
    return status >= 500 && status <= 599 ? FAILURE_SERVER : FAILURE_GARBLED;
}

static bool may_delay(int status)
{
    return status == 429 || (status >= 502 && status <= 504);
}

struct outcome http_status_outcome(int status, int64_t retry_after_ms)
{
    struct outcome o = {.failure = class_of(status),
                        .status = (uint16_t)status,
                        .retry_after_ms =
                            may_delay(status) ? retry_after_ms : 0};

    if (snprintf(o.said, sizeof o.said, "HTTP status %d", status) < 0)
        o.said[0] = '\0';
    return o;
}
