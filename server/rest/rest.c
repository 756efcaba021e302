#include "server/rest/rest.h"

#include <stdlib.h>

#include "fhir/outcome/outcome.h"
#include "server/rest/bundle_post.h"
#include "server/rest/control.h"
#include "server/rest/events.h"
#include "server/rest/explain.h"
#include "server/rest/exchange.h"
#include "server/rest/health.h"
#include "server/rest/letters.h"
#include "server/rest/metadata.h"
#include "server/rest/read.h"
#include "server/rest/reply.h"
#include "server/rest/search.h"
#include "server/rest/status.h"
#include "server/rest/text.h"
#include "server/rest/topic_event.h"
#include "server/rest/validate.h"
#include "server/rest/write.h"

typedef enum http_next interaction_fn(struct exchange *x);

static interaction_fn *const interactions[ROUTE_KINDS] = {
    [ROUTE_HEALTH] = health_ready,
    [ROUTE_LIVE] = health_live,
    [ROUTE_METRICS] = health_metrics,
    [ROUTE_METADATA] = metadata_get,
    [ROUTE_READ] = read_current,
    [ROUTE_VREAD] = read_version,
    [ROUTE_CREATE] = write_create,
    [ROUTE_UPDATE] = write_update,
    [ROUTE_DELETE] = write_delete,
    [ROUTE_SEARCH] = search_get,
    [ROUTE_SEARCH_FORM] = search_post,
    [ROUTE_STATUS_INSTANCE] = status_instance,
    [ROUTE_STATUS_TYPE] = status_type,
    [ROUTE_VALIDATE] = validate_resource,
    [ROUTE_EVENTS] = events_get,
    [ROUTE_UPDATE_FOUND] = write_update_found,
    [ROUTE_DELETE_FOUND] = write_delete_found,
    [ROUTE_BUNDLE] = bundle_post,
    [ROUTE_EXPLAIN] = explain_get,
    [ROUTE_TOPIC_EVENT] = topic_event_post,
    [ROUTE_RESEND] = control_resend,
    [ROUTE_PAUSE] = control_pause,
    [ROUTE_RESUME] = control_resume,
    [ROUTE_LETTERS] = letters_list,
    [ROUTE_REDELIVER] = control_redeliver,
    [ROUTE_DISCARD] = control_discard,
};

static bool is_fhir(enum route_kind kind)
{
    return kind != ROUTE_HEALTH && kind != ROUTE_LIVE && kind != ROUTE_METRICS;
}

static enum err_code negotiate(struct exchange *x, struct err *e)
{
    struct bytes format;
    enum err_code code =
        params_add(&x->params, x->request->query, x->request->arena, e);

    if (code != ERR_OK)
        return code;
    format = params_get(&x->params, "_format");
    if (format.p)
        return negotiate_format(format, &x->media, e);
    return negotiate_accept(exchange_header(x, "Accept"), &x->media, e);
}

/* The body is read as it came: compressed it would be taken for bad JSON. */
static enum err_code check_coding(const struct exchange *x, struct err *e)
{
    struct bytes coding = exchange_header(x, "Content-Encoding");
    char shown[TEXT_SHOW_BYTES];

    if (!coding.p || text_same(coding, "identity"))
        return ERR_OK;
    return err_set(e, ERR_MEDIA_TYPE,
                   "Content-Encoding \"%s\" is not supported: send the body as "
                   "it is",
                   text_show(coding, shown));
}

static enum http_next begin(struct exchange *x)
{
    const struct http_request *r = x->request;
    struct err e;
    enum err_code code =
        router_find(r->method, r->path, r->arena, &x->route, &e);

    if (code == ERR_OK && is_fhir(x->route.kind))
        code = negotiate(x, &e);
    if (code == ERR_OK)
        code = check_coding(x, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    return interactions[x->route.kind](x);
}

static enum http_next handle(void *ctx, struct http_request *request,
                             struct http_response *response)
{
    struct exchange *x = request->app;
    struct err e;

    if (!x) {
        request->app = x = exchange_new(ctx, request);
        if (!x) {
            (void)err_nomem(&e);
            reply_refusal(response, &e);
            return HTTP_REPLY;
        }
    }
    x->response = response;
    return x->resume ? x->resume(x) : begin(x);
}

static void refuse(void *ctx, int status, const char *reason,
                   struct http_response *response)
{
    struct err e;

    (void)ctx;
    (void)err_set(&e, outcome_code_of_status(status), "%s", reason);
    reply_refusal(response, &e);
    response->status = status;
}

static void done(void *ctx, struct http_request *request)
{
    (void)ctx;
    exchange_free(request->app);
    request->app = NULL;
}

struct http_handler rest_handler(struct rest *r)
{
    return (struct http_handler){
        .ctx = r, .handle = handle, .refuse = refuse, .done = done};
}

enum err_code rest_new(const struct rest_config *config, struct rest **out,
                       struct err *e)
{
    struct rest *r = calloc(1, sizeof *r);
    enum err_code code;

    *out = NULL;
    if (!r)
        return err_nomem(e);
    r->config = *config;
    r->base_url = bytes_of(config->base_url);
    code = metadata_build(config, &r->metadata, e);
    if (code != ERR_OK) {
        rest_free(r);
        return code;
    }
    *out = r;
    return ERR_OK;
}

void rest_free(struct rest *r)
{
    if (!r)
        return;
    free(r->metadata.text);
    free(r);
}
