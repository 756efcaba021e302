#include "server/rest/topic_event.h"

#include <stdio.h>

#include "fhir/model/types.h"
#include "fhir/outcome/outcome.h"
#include "fhir/search/reference.h"
#include "fhir/topic/basic.h"
#include "server/engine/read.h"
#include "server/engine/topic_state.h"
#include "server/rest/body.h"
#include "server/rest/reply.h"

#define EVENT_ARENA_BYTES ((size_t)1 << 20)

/* ---- the topic ---- */

/* By its id, in whichever form it was written. */
static struct topic *find_topic(const struct exchange *x)
{
    struct topic_set *set = engine_topics(x->rest->config.engine);
    struct topic *found = NULL;

    for (size_t i = 0; !found && i < topic_set_count(set); i++)
        if (bytes_is(x->route.id, topic_id(topic_set_at(set, i))))
            found = topic_ref(topic_set_at(set, i));
    topic_set_unref(set);
    return found;
}

static enum err_code take_topic(struct exchange *x, struct command *c,
                                struct err *e)
{
    if (topic_state_carries(x->route.type))
        c->topic = find_topic(x);
    if (!c->topic)
        return err_set(e, ERR_NOT_FOUND, "there is no such SubscriptionTopic");
    if (!topic_has_events(c->topic))
        return err_set(e, ERR_UNPROCESSABLE,
                       "the topic has no eventTrigger: it fires on changes of "
                       "resources");
    return ERR_OK;
}

/* ---- the Parameters ---- */

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static enum err_code refuse(struct err *e, const char *why)
{
    return err_set_at(e, ERR_INVALID, "Parameters.parameter", "%s", why);
}

static enum err_code read_reference(const struct exchange *x,
                                    const cJSON *parameter,
                                    struct search_reference *out, struct err *e)
{
    const char *text =
        text_of(cJSON_GetObjectItemCaseSensitive(parameter, "valueReference"),
                "reference");

    if (text &&
        search_reference_parse(bytes_of(text), x->rest->base_url, out) &&
        search_reference_is_local(out))
        return ERR_OK;
    return refuse(e, "focus and context are references to resources of this "
                     "server: valueReference with Type/id");
}

static enum err_code take_coding(struct command *c, const cJSON *parameter,
                                 struct err *e)
{
    const cJSON *coding =
        cJSON_GetObjectItemCaseSensitive(parameter, "valueCoding");
    const char *code = text_of(coding, "code");
    const char *system = text_of(coding, "system");

    if (!code)
        return refuse(e, "event is a valueCoding with a code");
    c->event_code = arena_copy(&c->arena, bytes_of(code));
    c->event_system = arena_copy(&c->arena, bytes_of(system ? system : ""));
    return ERR_OK;
}

static enum err_code take_focus(const struct exchange *x, struct command *c,
                                const cJSON *parameter, struct err *e)
{
    struct search_reference r = {.versioned = false};
    enum err_code code = read_reference(x, parameter, &r, e);

    if (code != ERR_OK)
        return code;
    if (c->type.n)
        return refuse(e, "focus may be given once");
    c->type = arena_copy(&c->arena, r.type);
    c->id = arena_copy(&c->arena, r.id);
    return ERR_OK;
}

static enum err_code add_context(const struct exchange *x, struct buf *out,
                                 size_t *count, const cJSON *parameter,
                                 struct err *e)
{
    struct search_reference r = {.versioned = false};
    enum err_code code = read_reference(x, parameter, &r, e);

    if (code != ERR_OK)
        return code;
    if (++*count > TOPIC_EVENT_CONTEXTS_MAX)
        return refuse(e, "there are more than 32 contexts");
    buf_add_text(out, *count > 1 ? ",\"" : "[\"");
    buf_add(out, r.type);
    buf_add_char(out, '/');
    buf_add(out, r.id);
    buf_add_char(out, '"');
    return ERR_OK;
}

static enum err_code take_parameters(const struct exchange *x,
                                     struct command *c, const cJSON *body,
                                     struct buf *contexts, struct err *e)
{
    enum err_code code = ERR_OK;
    const cJSON *item;
    size_t count = 0;

    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(body, "parameter"))
    {
        const char *name = text_of(item, "name");

        if (code != ERR_OK)
            return code;
        if (name && strcmp(name, "event") == 0)
            code = take_coding(c, item, e);
        else if (name && strcmp(name, "focus") == 0)
            code = take_focus(x, c, item, e);
        else if (name && strcmp(name, "context") == 0)
            code = add_context(x, contexts, &count, item, e);
        else
            code = refuse(e, "$event takes event, focus and context");
    }
    if (count)
        buf_add_char(contexts, ']');
    return code;
}

static enum err_code check_command(const struct command *c, struct err *e)
{
    const struct topic_report report = {c->topic, c->event_system,
                                        c->event_code};

    if (!c->event_code.n || !c->type.n)
        return refuse(e, "an event and a focus are required");
    if (bytes_is(c->type, "Subscription") ||
        !topic_takes_event(&report, c->type))
        return err_set_at(e, ERR_UNPROCESSABLE, "Parameters.parameter",
                          "no eventTrigger of the topic has this code for a "
                          "%.*s",
                          BYTES_ARG(c->type));
    return ERR_OK;
}

static enum err_code read_body(struct exchange *x, struct command *c,
                               struct err *e)
{
    static const char *const none[] = {NULL};
    struct bytes body = x->request->body;
    struct buf contexts;
    cJSON *json;
    enum err_code code = params_only(&x->params, none, e);

    if (code == ERR_OK)
        code = body_check(x, e);
    if (code != ERR_OK)
        return code;
    json = cJSON_ParseWithLength(body.p, body.n);
    if (!json)
        return err_nomem(e);
    buf_init(&contexts, EVENT_ARENA_BYTES);
    code = take_parameters(x, c, json, &contexts, e);
    if (code == ERR_OK)
        code = buf_check(&contexts, e);
    if (code == ERR_OK)
        c->event_context = arena_copy(&c->arena, buf_bytes(&contexts));
    buf_fini(&contexts);
    cJSON_Delete(json);
    if (code == ERR_OK && arena_failed(&c->arena))
        code = err_nomem(e);
    return code == ERR_OK ? check_command(c, e) : code;
}

/* ---- submitting and answering ---- */

static void finished(struct command *c)
{
    struct exchange *x = c->ctx;

    http_resume(x->request);
}

static enum http_next answer(struct exchange *x)
{
    const struct command_result *result = &x->write.command->result;
    char text[96];
    struct buf body;

    if (result->code != ERR_OK)
        return reply_error(x, &result->err);
    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    if (snprintf(text, sizeof text, "reported to %zu subscription%s",
                 result->events, result->events == 1 ? "" : "s") < 0)
        text[0] = '\0';
    outcome_write_information(&body, text);
    return reply_body(x, 200, &body);
}

enum http_next topic_event_post(struct exchange *x)
{
    struct command *c = command_new(EVENT_ARENA_BYTES);
    struct err e;
    enum err_code code;

    x->write.command = c;
    if (!c) {
        (void)err_nomem(&e);
        return reply_error(x, &e);
    }
    c->kind = COMMAND_EVENT;
    c->done = finished;
    c->ctx = x;
    code = take_topic(x, c, &e);
    if (code == ERR_OK)
        code = read_body(x, c, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->resume = answer;
    /* from here on the engine may resume the request at any moment */
    code = engine_submit(x->rest->config.engine, c, &e);
    return code == ERR_OK ? HTTP_WAIT : reply_error(x, &e);
}
