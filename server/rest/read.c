#include "server/rest/read.h"

#include "fhir/model/types.h"
#include "server/engine/read.h"
#include "server/engine/topic_state.h"
#include "server/rest/precondition.h"
#include "server/rest/reply.h"
#include "server/rest/shown.h"
#include "server/rest/topic_view.h"

static enum err_code find(struct exchange *x, uint64_t version,
                          struct resource_version *out, struct err *e)
{
    static const char *const none[] = {NULL};
    const struct route *r = &x->route;
    enum err_code code = params_only(&x->params, none, e);

    if (code != ERR_OK)
        return code;
    if (!model_is_id(r->id))
        return err_set(e, ERR_NOT_FOUND,
                       "an id has 1 to 64 of the characters A-Z, a-z, 0-9, "
                       "\"-\" and \".\"");
    code = engine_read(x->rest->config.engine,
                       &(struct resource_query){r->type, r->id, version},
                       &x->scratch, out, e);
    if (code == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "%.*s/%.*s%s is not known",
                       BYTES_ARG(r->type), BYTES_ARG(r->id),
                       version ? " in this version" : "");
    if (code == ERR_OK && out->deleted)
        return err_set(e, ERR_GONE, "%.*s/%.*s was deleted", BYTES_ARG(r->type),
                       BYTES_ARG(r->id));
    return code;
}

/* RFC 9110, 13.2.2: If-Modified-Since counts only without If-None-Match. A
 * malformed condition is as none. */
static bool is_unmodified(const struct exchange *x,
                          const struct resource_version *v)
{
    struct etags tags;

    if (x->route.subscription)
        return false;
    if (etags_read(exchange_header(x, "If-None-Match"), &tags, NULL) != ERR_OK)
        return false;
    if (tags.given)
        return etags_match(&tags, v->version);
    return precondition_unmodified(exchange_header(x, "If-Modified-Since"),
                                   v->time_ms);
}

/* The current version shows the live state, an older one its own. A
 * Subscription deleted since it was read is shown as it was. */
static enum err_code show(struct exchange *x, const struct resource_version *v,
                          struct buf *out, struct err *e)
{
    struct subscription_state state;
    struct definition *definition = NULL;
    struct resource_version current = *v;
    struct engine *engine = x->rest->config.engine;
    enum err_code code;

    if (!x->route.subscription) {
        buf_add(out, v->text);
        return ERR_OK;
    }
    if (x->route.version.n)
        code = engine_read(
            engine, &(struct resource_query){x->route.type, x->route.id, 0},
            &x->scratch, &current, e);
    else
        code = ERR_OK;
    if (code == ERR_OK && current.version == v->version) {
        code = engine_subscription_by_id(engine, x->route.id, &state,
                                         &definition, e);
        definition_unref(&definition);
        if (code == ERR_OK)
            return shown_subscription(v->text, &state, &x->scratch, out, e);
    }
    if (code != ERR_OK && code != ERR_NOT_FOUND)
        return code;
    return shown_old_subscription(v->text, &x->scratch, out, e);
}

static enum http_next answer(struct exchange *x,
                             const struct resource_version *v)
{
    struct buf body;
    struct err e;

    if (is_unmodified(x, v)) {
        reply_version(x, v->version, v->time_ms);
        return reply_empty(x, 304);
    }
    buf_init(&body, v->text.n + SHOWN_EXTRA_BYTES);
    if (show(x, v, &body, &e) != ERR_OK) {
        buf_fini(&body);
        return reply_error(x, &e);
    }
    reply_version(x, v->version, v->time_ms);
    return reply_body(x, 200, &body);
}

/* A topic from a file, or one that was written in the other form. */
static enum http_next answer_topic(struct exchange *x, const struct err *e)
{
    struct bytes text = topic_view_find(x);
    struct buf body;

    if (!text.n)
        return reply_error(x, e);
    buf_init(&body, text.n);
    buf_add(&body, text);
    return reply_body(x, 200, &body);
}

/* A deletion is a version too. */
static enum http_next refuse(struct exchange *x,
                             const struct resource_version *v,
                             const struct err *e)
{
    if (e->code == ERR_GONE)
        reply_version(x, v->version, v->time_ms);
    return reply_error(x, e);
}

enum http_next read_current(struct exchange *x)
{
    struct resource_version v = {0};
    struct err e;

    if (find(x, 0, &v, &e) == ERR_OK)
        return answer(x, &v);
    if (e.code == ERR_NOT_FOUND && topic_state_carries(x->route.type))
        return answer_topic(x, &e);
    return refuse(x, &v, &e);
}

static enum err_code find_version(struct exchange *x,
                                  struct resource_version *v, struct err *e)
{
    uint64_t version;

    if (!bytes_to_u64(x->route.version, &version) || version == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such version");
    return find(x, version, v, e);
}

enum http_next read_version(struct exchange *x)
{
    struct resource_version v = {0};
    struct err e;

    if (find_version(x, &v, &e) != ERR_OK)
        return refuse(x, &v, &e);
    return answer(x, &v);
}

enum err_code read_into(struct exchange *x, struct resource_version *v,
                        struct buf *out, struct err *e)
{
    enum err_code code =
        x->route.version.n ? find_version(x, v, e) : find(x, 0, v, e);

    return code == ERR_OK ? show(x, v, out, e) : code;
}
