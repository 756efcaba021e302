/* reply: answers on their way out.
 * Owns:   nothing; a response's body moves to the socket's owner.
 * Thread: the loop's.
 * Errors: a failed answer closes the connection. */
#ifndef BELFRY_SERVER_HTTP_REPLY_H
#define BELFRY_SERVER_HTTP_REPLY_H

#include <microhttpd.h>

#include "server/http/loop.h"

/* Queues the response and takes its body. MHD_NO closes the connection. */
enum MHD_Result http_reply(struct MHD_Connection *mhd,
                           struct http_response *response, bool close);

/* What belfry says by itself: 400, 408, 413, 431, 503. Always closes. */
enum MHD_Result http_reply_refusal(const struct http_shared *shared,
                                   struct MHD_Connection *mhd, int status,
                                   const char *reason);

/* Writes a 408 straight to the socket of a plain connection whose request is
 * not complete: libmicrohttpd takes no answer at that time. */
void http_reply_timeout(const struct http_shared *shared, int fd,
                        const char *reason);

#endif
