/* write: create, update and delete (R4 http.html). A write is prepared here,
 * handed to the engine, and answered when the engine has committed it.
 * Thread: the loop of the connection; the command's completion on the writer
 *         thread, which only resumes the request.
 * Bounds: WRITE_TRIES preparations, then 409. */
#ifndef BELFRY_SERVER_REST_WRITE_H
#define BELFRY_SERVER_REST_WRITE_H

#include "server/rest/exchange.h"

#define WRITE_TRIES 3

enum http_next write_create(struct exchange *x);
enum http_next write_update(struct exchange *x);
enum http_next write_delete(struct exchange *x);

/* Of the resource that the URL's criteria find (R4 http.html#cond-update,
 * #3.1.0.7.1). */
enum http_next write_update_found(struct exchange *x);
enum http_next write_delete_found(struct exchange *x);

#endif
