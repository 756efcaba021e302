#include "server/rest/control.h"

#include <stdio.h>

#include "fhir/outcome/outcome.h"
#include "server/engine/event_time.h"
#include "server/rest/operation.h"
#include "server/rest/reply.h"
#include "server/rest/text.h"
#include "server/rest/subscription_find.h"

#define CONTROL_ARENA_BYTES ((size_t)4 << 10)
#define CONTROL_TEXT_BYTES 160

static const struct operation_parameter no_parameters[] = {{NULL, {NULL}}};
static const struct operation_parameter letter_parameter[] = {
    {"letter", {"valueString"}}, {NULL, {NULL}}};
static const struct operation_parameter resend_parameters[] = {
    {"eventsSinceNumber", {"valueString"}},
    {"eventsUntilNumber", {"valueString"}},
    {"eventsSinceInstant", {"valueInstant", "valueString"}},
    {"eventsUntilInstant", {"valueInstant", "valueString"}},
    {NULL, {NULL}}};

/* ---- submitting and answering ---- */

static void say(const struct control *c, char out[CONTROL_TEXT_BYTES])
{
    unsigned long long first = c->first, last = c->last, letter = c->letter;

    switch (c->kind) {
    case CONTROL_PAUSE:
        (void)snprintf(out, CONTROL_TEXT_BYTES,
                       "paused: events are numbered and queued, nothing is "
                       "sent until $resume");
        break;
    case CONTROL_RESUME:
        (void)snprintf(out, CONTROL_TEXT_BYTES, "resumed");
        break;
    case CONTROL_RESEND:
        if (first > last)
            (void)snprintf(out, CONTROL_TEXT_BYTES,
                           "no event of those asked for was delivered yet");
        else
            (void)snprintf(out, CONTROL_TEXT_BYTES,
                           "events %llu to %llu will be sent again", first,
                           last);
        break;
    case CONTROL_REDELIVER:
        (void)snprintf(out, CONTROL_TEXT_BYTES,
                       "dead letter %llu: events %llu to %llu will be sent "
                       "again",
                       letter, first, last);
        break;
    case CONTROL_DISCARD:
        (void)snprintf(out, CONTROL_TEXT_BYTES, "dead letter %llu is discarded",
                       letter);
        break;
    case CONTROL_EXPIRE:
        out[0] = '\0';
        break;
    }
}

static enum http_next answer(struct exchange *x)
{
    const struct command *c = x->write.command;
    char text[CONTROL_TEXT_BYTES];
    struct buf body;

    if (c->result.code != ERR_OK)
        return reply_error(x, &c->result.err);
    say(&c->control, text);
    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    outcome_write_information(&body, text);
    return reply_body(x, 200, &body);
}

static void finished(struct command *c)
{
    struct exchange *x = c->ctx;

    http_resume(x->request);
}

static enum err_code prepare(struct exchange *x, const struct control *control,
                             struct err *e)
{
    struct command *c = x->write.command = command_new(CONTROL_ARENA_BYTES);

    if (!c)
        return err_nomem(e);
    c->kind = COMMAND_CONTROL;
    c->control = *control;
    c->type = bytes_of("Subscription");
    c->id = arena_copy(&c->arena, x->route.id);
    c->done = finished;
    c->ctx = x;
    return c->id.p ? ERR_OK : err_nomem(e);
}

static enum http_next submit(struct exchange *x, const struct control *control)
{
    struct err e;
    enum err_code code = prepare(x, control, &e);

    if (code != ERR_OK)
        return reply_error(x, &e);
    x->resume = answer;
    /* from here on the engine may resume the request at any moment */
    code = engine_submit(x->rest->config.engine, x->write.command, &e);
    return code == ERR_OK ? HTTP_WAIT : reply_error(x, &e);
}

/* ---- $pause and $resume ---- */

static enum http_next plain(struct exchange *x, const char *name,
                            enum control_kind kind)
{
    const struct operation operation = {name, no_parameters};
    struct subscription_state state;
    struct err e;
    enum err_code code = operation_read(x, &operation, &e);

    if (code == ERR_OK)
        code = subscription_find(x, &state, NULL, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    return submit(x, &(struct control){.kind = kind});
}

enum http_next control_pause(struct exchange *x)
{
    return plain(x, "$pause", CONTROL_PAUSE);
}

enum http_next control_resume(struct exchange *x)
{
    return plain(x, "$resume", CONTROL_RESUME);
}

/* ---- $resend ---- */

/* A '+' of the zone that was not escaped in the URL has become a space. */
static bool parse_instant(struct exchange *x, struct bytes text, int64_t *out)
{
    char *copy = arena_alloc(&x->scratch, text.n + 1);

    for (size_t i = 0; copy && i < text.n; i++)
        copy[i] = text.p[i] == ' ' ? '+' : text.p[i];
    return copy && instant_parse(bytes_make(copy, text.n), out);
}

/* Without the parameter *out stays. */
static enum err_code read_instant(struct exchange *x, const char *name,
                                  int64_t *out, bool *given, struct err *e)
{
    char shown[TEXT_SHOW_BYTES];
    struct bytes text;
    enum err_code code = operation_value(x, name, &text, e);

    *given = text.p != NULL;
    if (code != ERR_OK || !text.p || parse_instant(x, text, out))
        return code;
    return err_set(e, ERR_INVALID, "%s is an instant, not \"%s\"", name,
                   text_show(text, shown));
}

/* Narrows the range to the events of the instants. */
static enum err_code add_instants(struct exchange *x,
                                  const struct subscription_state *state,
                                  struct control *c, struct err *e)
{
    struct engine *engine = x->rest->config.engine;
    int64_t since = 0, until = 0;
    bool has_since, has_until = false;
    uint64_t number = 0;
    enum err_code code =
        read_instant(x, "eventsSinceInstant", &since, &has_since, e);

    if (code == ERR_OK)
        code = read_instant(x, "eventsUntilInstant", &until, &has_until, e);
    if (code == ERR_OK && has_since && has_until && since > until)
        return err_set(e, ERR_INVALID,
                       "eventsSinceInstant is later than eventsUntilInstant");
    if (code == ERR_OK && has_since)
        code = engine_event_since(engine, state, since, &number, e);
    if (number > c->first)
        c->first = number;
    if (code == ERR_OK && has_until) {
        code = engine_event_since(engine, state, until + 1, &number, e);
        if (number <= c->last)
            c->last = number - 1;
    }
    return code;
}

static enum err_code read_range(struct exchange *x, struct control *c,
                                struct err *e)
{
    const struct operation operation = {"$resend", resend_parameters};
    enum err_code code = operation_read(x, &operation, e);

    if (code == ERR_OK)
        code = operation_number(x, "eventsSinceNumber", 1, &c->first, e);
    if (code == ERR_OK)
        code =
            operation_number(x, "eventsUntilNumber", UINT64_MAX, &c->last, e);
    if (code == ERR_OK && c->first > c->last)
        return err_set(e, ERR_INVALID,
                       "eventsSinceNumber is greater than eventsUntilNumber");
    if (c->first == 0)
        c->first = 1;
    return code;
}

enum http_next control_resend(struct exchange *x)
{
    struct control c = {.kind = CONTROL_RESEND};
    struct subscription_state state;
    struct err e;
    enum err_code code = read_range(x, &c, &e);

    if (code == ERR_OK)
        code = subscription_find(x, &state, NULL, &e);
    if (code == ERR_OK)
        code = add_instants(x, &state, &c, &e);
    return code == ERR_OK ? submit(x, &c) : reply_error(x, &e);
}

/* ---- $redeliver and $discard ---- */

static enum http_next settle(struct exchange *x, const char *name,
                             enum control_kind kind)
{
    const struct operation operation = {name, letter_parameter};
    struct control c = {.kind = kind};
    struct subscription_state state;
    struct err e;
    enum err_code code = operation_read(x, &operation, &e);

    if (code == ERR_OK)
        code = operation_number(x, "letter", 0, &c.letter, &e);
    if (code == ERR_OK && c.letter == 0)
        code = err_set(&e, ERR_INVALID,
                       "%s needs the parameter letter, a number of "
                       "$dead-letters",
                       name);
    if (code == ERR_OK)
        code = subscription_find(x, &state, NULL, &e);
    return code == ERR_OK ? submit(x, &c) : reply_error(x, &e);
}

enum http_next control_redeliver(struct exchange *x)
{
    return settle(x, "$redeliver", CONTROL_REDELIVER);
}

enum http_next control_discard(struct exchange *x)
{
    return settle(x, "$discard", CONTROL_DISCARD);
}
