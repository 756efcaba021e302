#include "server/http/reply.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/base/log.h"
#include "storage/base/buf.h"
#include "storage/base/instant.h"

/* An answer of belfry's own is an OperationOutcome of a few hundred bytes. */
#define RAW_ANSWER_BYTES 16384

static bool add_headers(struct MHD_Response *m,
                        const struct http_response *response, bool close)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (MHD_add_response_header(m, response->headers[i].name,
                                    response->headers[i].value) != MHD_YES)
            return false;
    return !(close || response->close) ||
           MHD_add_response_header(m, MHD_HTTP_HEADER_CONNECTION, "close") ==
               MHD_YES;
}

enum MHD_Result http_reply(struct MHD_Connection *mhd,
                           struct http_response *response, bool close)
{
    struct MHD_Response *m;
    enum MHD_Result result = MHD_NO;

    m = MHD_create_response_from_buffer(response->body_bytes, response->body,
                                        MHD_RESPMEM_MUST_FREE);
    if (!m) {
        free(response->body);
        return MHD_NO;
    }
    if (add_headers(m, response, close))
        result = MHD_queue_response(mhd, (unsigned)response->status, m);
    if (result != MHD_YES)
        log_event(LOG_ERROR, "http.answer",
                  "an answer with status %d could not be sent",
                  response->status);
    MHD_destroy_response(m);
    return result;
}

static void make_refusal(const struct http_shared *shared, int status,
                         const char *reason, struct http_response *response)
{
    *response = (struct http_response){.status = status};
    shared->handler.refuse(shared->handler.ctx, status, reason, response);
    response->status = status;
}

enum MHD_Result http_reply_refusal(const struct http_shared *shared,
                                   struct MHD_Connection *mhd, int status,
                                   const char *reason)
{
    struct http_response response;

    make_refusal(shared, status, reason, &response);
    return http_reply(mhd, &response, true);
}

static void write_head(struct buf *out, const struct http_response *response,
                       int64_t wall_ms)
{
    char date[INSTANT_HTTP_BYTES];

    instant_format_http(wall_ms, date);
    buf_add_format(out, "HTTP/1.1 %d Request Timeout\r\nDate: %s\r\n",
                   response->status, date);
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *h = &response->headers[i];

        if (strcasecmp(h->name, "Connection") != 0)
            buf_add_format(out, "%s: %s\r\n", h->name, h->value);
    }
    buf_add_format(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                   response->body_bytes);
}

void http_reply_timeout(const struct http_shared *shared, int fd,
                        const char *reason)
{
    struct http_response response;
    struct buf out;

    make_refusal(shared, MHD_HTTP_REQUEST_TIMEOUT, reason, &response);
    buf_init(&out, RAW_ANSWER_BYTES);
    write_head(&out, &response, clock_wall_ms(shared->clock));
    buf_add(&out, bytes_make(response.body, response.body_bytes));
    /* The client gets it or not: the connection ends either way. */
    if (out.failed == ERR_OK)
        (void)send(fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_fini(&out);
    free(response.body);
}
