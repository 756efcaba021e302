#include "server/rest/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/engine/dead_letter.h"
#include "server/engine/read.h"
#include "server/rest/attempts_view.h"
#include "server/rest/explain_input.h"
#include "server/rest/reply.h"
#include "server/rest/subscription_find.h"

/* Dead letters looked through for an event. */
#define LETTERS_MAX 1000

struct explanation {
    struct exchange *x;
    struct buf out;
    struct subscription_state state;
    struct definition *definition; /* may be NULL */
    struct explain_input input;
    size_t triggers; /* told of */
    uint64_t event;  /* 0: none */
};

/* ---- the Parameters ---- */

static void add_name(struct buf *out, const char *name)
{
    if (out->n && out->p[out->n - 1] == '}')
        buf_add_char(out, ',');
    buf_add_format(out, "{\"name\":\"%s\",", name);
}

static void add_text(struct buf *out, const char *name, const char *member,
                     struct bytes text)
{
    if (!text.n)
        return;
    add_name(out, name);
    buf_add_format(out, "\"%s\":", member);
    buf_add_json_string(out, text);
    buf_add_char(out, '}');
}

static void add_flag(struct buf *out, const char *name, bool value)
{
    add_name(out, name);
    buf_add_format(out, "\"valueBoolean\":%s}", value ? "true" : "false");
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
    add_name(out, name);
    buf_add_format(out, "\"valueString\":\"%llu\"}", (unsigned long long)value);
}

static void add_instant(struct buf *out, const char *name, int64_t time_ms)
{
    char text[INSTANT_TEXT_BYTES];

    if (time_ms == 0)
        return;
    instant_format(time_ms, text);
    add_text(out, name, "valueInstant", bytes_make(text, sizeof text));
}

static void add_reference(struct buf *out, const char *name,
                          const struct exchange *x, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_reference(struct buf *out, const char *name,
                          const struct exchange *x, const char *format, ...)
{
    char tail[192];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(tail, sizeof tail, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    add_name(out, name);
    buf_add_text(out, "\"valueReference\":{\"reference\":\"");
    buf_add(out, x->rest->base_url);
    buf_add_format(out, "/%s\"}}", tail);
}

/* ---- the trace ---- */

static void on_open(void *ctx, const struct trace_group *group)
{
    struct explanation *x = ctx;

    x->triggers += strcmp(group->kind, "trigger") == 0;
    add_name(&x->out, group->kind);
    buf_add_text(&x->out, "\"part\":[");
    add_text(&x->out, "name", "valueString", group->name);
    add_text(&x->out, "resource", "valueCode", group->type);
}

static void on_test(void *ctx, const struct trace_test *test)
{
    struct explanation *x = ctx;

    add_name(&x->out, "test");
    buf_add_text(&x->out, "\"part\":[");
    add_text(&x->out, "name", "valueString", bytes_of(test->name));
    add_text(&x->out, "looked-for", "valueString", test->looked_for);
    add_text(&x->out, "found", "valueString", test->found);
    add_flag(&x->out, "passed", test->passed);
    buf_add_text(&x->out, "]}");
}

static void on_close(void *ctx, bool passed)
{
    struct explanation *x = ctx;

    add_flag(&x->out, "passed", passed);
    buf_add_text(&x->out, "]}");
}

/* ---- the verdict ---- */

static bool fires(struct explanation *x, const struct subscription *s)
{
    struct change_view *view = &x->input.view;

    if (s->topic)
        return topic_fires(s->topic, view);
    /* a classic one: what the matcher's lane of the type stands for */
    x->triggers = bytes_is(view->resource_type, s->classic_type);
    return x->triggers > 0 && view->interaction != INTERACTION_DELETE;
}

/* Why not; NULL when the change makes an event. */
static const char *judge(struct explanation *x, const struct trace *trace)
{
    const struct subscription *s;
    const struct change_view *view = &x->input.view;
    bool fired, passed;

    if (!x->definition)
        return "the Subscription cannot be honoured any more, see its error";
    if (bytes_is(view->resource_type, "Subscription"))
        return "belfry does not notify of Subscriptions";
    s = definition_get(x->definition);
    x->input.view.trace = trace;
    fired = fires(x, s);
    passed = subscription_filters_trace(
        s, view->current ? view->current : view->previous, trace);
    if (x->triggers == 0)
        return "no trigger is for this resource type";
    if (!fired)
        return s->topic ? "no trigger fired"
                        : "a query criteria does not fire on a delete";
    if (!passed)
        return s->topic ? "a filter did not hold"
                        : "the query does not find the resource";
    if (x->state.status == STATUS_OFF)
        return "the Subscription is off";
    if (s->end_ms != 0 && clock_wall_ms(x->x->rest->config.clock) >= s->end_ms)
        return "the Subscription has ended";
    return NULL;
}

/* Why a change of the log that would make an event today made none. */
static const char *judge_stored(const struct explanation *x)
{
    if (x->input.change <= x->state.number)
        return "the change was made before the Subscription";
    return "the change made no event when it was made: the Subscription or "
           "its topic was another then, or it was off";
}

/* ---- delivery ---- */

static bool find_letter(struct explanation *x, struct dead_letter *out)
{
    uint64_t last = x->state.parked;

    for (uint64_t n = last; n > 0 && last - n < LETTERS_MAX; n--)
        if (engine_dead_letter(x->x->rest->config.engine, x->state.number, n,
                               out, NULL) == ERR_OK &&
            out->first <= x->event && x->event <= out->last)
            return true;
    return false;
}

static void add_waiting(struct explanation *x)
{
    const struct subscription_state *s = &x->state;
    bool head = x->event == s->delivered + 1;

    add_text(&x->out, "state", "valueString",
             bytes_of(s->shown == STATUS_ACTIVE || s->attempts > 0
                          ? (head && s->attempts ? "retrying" : "waiting")
                          : "waiting until the Subscription is active"));
    if (!head && s->attempts)
        add_number(&x->out, "waits-for-event", s->delivered + 1);
    add_number(&x->out, "attempts", s->attempts);
    add_instant(&x->out, "next-attempt", s->next_attempt_ms);
    add_text(&x->out, "error", "valueString", bytes_of(s->error));
}

/* Those that carried the event, newest first. */
static void add_attempts(struct explanation *x)
{
    const struct attempt_query q = {x->state.number, x->event};
    size_t n;
    const struct notification_fact *all =
        attempts_view(x->x->rest->config.engine, &q, &x->x->scratch, &n);

    for (size_t i = 0; all && i < n; i++) {
        if (x->out.n && x->out.p[x->out.n - 1] == '}')
            buf_add_char(&x->out, ',');
        notification_write_fact(&x->out, &all[i]);
    }
}

static void add_delivery(struct explanation *x)
{
    struct dead_letter letter = {0};

    add_number(&x->out, "event-number", x->event);
    add_name(&x->out, "delivery");
    buf_add_text(&x->out, "\"part\":[");
    if (x->event > x->state.delivered) {
        add_waiting(x);
    } else if (find_letter(x, &letter)) {
        add_text(&x->out, "state", "valueString", bytes_of("dead letter"));
        add_number(&x->out, "attempts", letter.attempts);
        add_text(&x->out, "error", "valueString", bytes_of(letter.error));
    } else {
        add_text(&x->out, "state", "valueString", bytes_of("acknowledged"));
    }
    buf_add_text(&x->out, "]}");
    add_attempts(x);
}

/* ---- the whole ---- */

static void add_head(struct explanation *x)
{
    static const char *const codes[] = {[INTERACTION_CREATE] = "create",
                                        [INTERACTION_UPDATE] = "update",
                                        [INTERACTION_DELETE] = "delete"};
    const struct explain_input *in = &x->input;

    buf_add_text(&x->out, "{\"resourceType\":\"Parameters\",\"parameter\":[");
    add_reference(&x->out, "subscription", x->x, "Subscription/%s",
                  x->state.id);
    if (x->definition && definition_get(x->definition)->topic)
        add_text(&x->out, "topic", "valueCanonical",
                 bytes_of(definition_get(x->definition)->canonical));
    add_text(&x->out, "status", "valueCode",
             bytes_of(subscription_status_text(x->state.shown)));
    add_text(&x->out, "interaction", "valueCode",
             bytes_of(codes[in->view.interaction]));
    if (in->stored)
        add_reference(&x->out, "focus", x->x, "%.*s/%.*s/_history/%llu",
                      BYTES_ARG(in->view.resource_type), BYTES_ARG(in->id),
                      (unsigned long long)in->version);
}

/* The verdict of a stored change is what became of it; what the Subscription
 * and its topic say today is told beside it. */
static void explain(struct explanation *x)
{
    const struct trace trace = {on_open, on_test, on_close, x};
    const char *why;

    add_head(x);
    why = judge(x, &trace);
    if (!why && x->input.stored && !x->event)
        why = judge_stored(x);
    add_flag(&x->out, "verdict", x->event || !why);
    if (why)
        add_text(&x->out, x->event ? "today" : "reason", "valueString",
                 bytes_of(why));
    if (x->event)
        add_delivery(x);
    buf_add_text(&x->out, "]}");
}

static enum err_code gather(struct explanation *x, struct err *e)
{
    struct exchange *exchange = x->x;
    struct engine *engine = exchange->rest->config.engine;
    enum err_code code =
        subscription_find(exchange, &x->state, &x->definition, e);

    if (code == ERR_OK)
        code = explain_input_read(x->x, &x->input, e);
    if (code == ERR_OK && x->input.stored)
        code = engine_event_of(engine, x->input.change, x->state.number,
                               &x->event, e);
    return code;
}

enum http_next explain_get(struct exchange *x)
{
    struct explanation explanation = {.x = x};
    struct err e;
    enum http_next next;

    buf_init(&explanation.out, EXPLAIN_BYTES_MAX);
    if (gather(&explanation, &e) == ERR_OK) {
        explain(&explanation);
        next = reply_body(x, 200, &explanation.out);
    } else {
        buf_fini(&explanation.out);
        next = reply_error(x, &e);
    }
    definition_unref(&explanation.definition);
    explain_input_fini(&explanation.input);
    return next;
}
