#include "server/rest/health.h"

#include "server/rest/reply.h"

#define HEALTH_BYTES_MAX 2048

static enum http_next answer(struct exchange *x, const char *reason)
{
    struct buf body;

    buf_init(&body, HEALTH_BYTES_MAX);
    buf_add_text(&body, reason ? "{\"status\":\"unavailable\",\"reason\":"
                               : "{\"status\":\"ok\"");
    if (reason)
        buf_add_json_string(&body, bytes_of(reason));
    buf_add_text(&body, ",\"version\":");
    buf_add_json_string(&body, bytes_of(x->rest->config.version));
    buf_add_text(&body, "}");
    x->media = MEDIA_JSON;
    http_response_header(x->response, "Cache-Control", "no-store");
    return reply_body(x, reason ? 503 : 200, &body);
}

enum http_next health_ready(struct exchange *x)
{
    return answer(x, engine_not_ready(x->rest->config.engine));
}

enum http_next health_live(struct exchange *x)
{
    return answer(x, NULL);
}
