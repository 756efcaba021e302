#include "server/rest/health.h"

#include "server/rest/reply.h"

#define HEALTH_BYTES_MAX 2048
#define METRICS_BYTES_MAX 65536

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

enum http_next health_metrics(struct exchange *x)
{
    const struct rest_config *c = &x->rest->config;
    struct buf body;

    buf_init(&body, METRICS_BYTES_MAX);
    buf_add_format(&body,
                   "# TYPE belfry_info gauge\n"
                   "belfry_info{version=\"%s\"} 1\n",
                   c->version);
    if (c->metrics)
        c->metrics(c->metrics_ctx, &body);
    x->media = MEDIA_METRICS;
    http_response_header(x->response, "Cache-Control", "no-store");
    return reply_body(x, 200, &body);
}
