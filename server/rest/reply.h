/* reply: how every answer of the REST layer is put together.
 * Owns:   nothing; a body's memory goes to the response.
 * Thread: the loop of the connection.
 * Each returns HTTP_REPLY, so that a handler ends with `return reply_...`. */
#ifndef BELFRY_SERVER_REST_REPLY_H
#define BELFRY_SERVER_REST_REPLY_H

#include "fhir/outcome/issues.h"
#include "server/rest/exchange.h"
#include "storage/base/buf.h"

/* ISSUES_MAX issues whose texts are escapes only. */
#define REPLY_OUTCOME_BYTES_MAX ((size_t)1 << 18)

/* The error as an OperationOutcome; of what failed inside only that it did,
 * the rest goes to the log. */
enum http_next reply_error(struct exchange *x, const struct err *e);

/* All the issues, with the status of the first. */
enum http_next reply_issues(struct exchange *x, const struct issues *list);

/* Takes what body holds. A buffer that failed becomes an error. */
enum http_next reply_body(struct exchange *x, int status, struct buf *body);

enum http_next reply_empty(struct exchange *x, int status);

/* ETag and Last-Modified. */
void reply_version(struct exchange *x, uint64_t version, int64_t time_ms);

/* An error without an exchange: by the HTTP server, or without memory. */
void reply_refusal(struct http_response *response, const struct err *e);

#endif
