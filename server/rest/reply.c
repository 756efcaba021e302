#include "server/rest/reply.h"

#include <stdio.h>

#include "fhir/outcome/outcome.h"
#include "server/base/log.h"

#define RETRY_AFTER_S "1"

/* What failed inside: the outcome hides its words, the log keeps them. */
static bool is_internal(enum err_code code)
{
    return code == ERR_FULL || code == ERR_NOMEM || code == ERR_IO ||
           code == ERR_FORMAT || code == ERR_STALE || code == ERR_BUG;
}

static void put_body(struct http_response *response, struct buf *body)
{
    response->body = buf_take(body, &response->body_bytes);
    if (!response->body)
        response->body_bytes = 0;
}

static void put_refusal(struct http_response *response, const struct err *e,
                        enum media media)
{
    struct buf body;

    if (is_internal(e->code))
        log_err(LOG_ERROR, "rest.failed", e);
    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    outcome_write(&body, e);
    put_body(response, &body);
    response->status = outcome_http_status(e->code);
    http_response_header(response, "Content-Type", media_content_type(media));
    if (response->status == 503)
        http_response_header(response, "Retry-After", RETRY_AFTER_S);
}

void reply_refusal(struct http_response *response, const struct err *e)
{
    put_refusal(response, e, MEDIA_FHIR_JSON);
}

enum http_next reply_error(struct exchange *x, const struct err *e)
{
    put_refusal(x->response, e, x->media);
    if (e->code == ERR_METHOD && x->route.allow)
        http_response_header(x->response, "Allow", x->route.allow);
    return HTTP_REPLY;
}

enum http_next reply_issues(struct exchange *x, const struct issues *list)
{
    struct buf body;

    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    outcome_write_issues(&body, list);
    return reply_body(x, outcome_http_status(list->items[0].code), &body);
}

enum http_next reply_body(struct exchange *x, int status, struct buf *body)
{
    struct err e;

    if (buf_check(body, &e) != ERR_OK) {
        buf_fini(body);
        (void)err_set(&e, ERR_NOMEM, "the response could not be built");
        return reply_error(x, &e);
    }
    put_body(x->response, body);
    x->response->status = status;
    http_response_header(x->response, "Content-Type",
                         media_content_type(x->media));
    return HTTP_REPLY;
}

enum http_next reply_empty(struct exchange *x, int status)
{
    x->response->status = status;
    return HTTP_REPLY;
}

void reply_version(struct exchange *x, uint64_t version, int64_t time_ms)
{
    int n = snprintf(x->etag, sizeof x->etag, "W/\"%llu\"",
                     (unsigned long long)version);

    if (n > 0 && (size_t)n < sizeof x->etag)
        http_response_header(x->response, "ETag", x->etag);
    instant_format_http(time_ms, x->last_modified);
    http_response_header(x->response, "Last-Modified", x->last_modified);
}
