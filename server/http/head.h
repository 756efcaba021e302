/* head: what the headers of a request say about the request itself.
 * Owns:   nothing.
 * Thread: any.
 * libmicrohttpd takes the first Content-Length, ignores it beside a
 * Transfer-Encoding, and lets odd names pass. A proxy in front that reads the
 * same bytes otherwise would see other requests (RFC 9112, 11.2), so all that
 * can be read in two ways is refused. */
#ifndef BELFRY_SERVER_HTTP_HEAD_H
#define BELFRY_SERVER_HTTP_HEAD_H

#include "storage/base/bytes.h"

struct http_head {
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    bool chunked;
    bool malformed;
    uint64_t length; /* UINT64_MAX when it does not fit */
};

/* Takes note of one header. */
void http_head_add(struct http_head *h, struct bytes name, struct bytes value);

/* What is wrong with the headers of a request of this version ("HTTP/1.1");
 * NULL when nothing is. The text is static. */
const char *http_head_fault(const struct http_head *h, struct bytes version);

#endif
