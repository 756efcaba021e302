#include "server/rest/letters.h"

#include "server/engine/dead_letter.h"
#include "server/engine/read.h"
#include "server/rest/operation.h"
#include "server/rest/reply.h"
#include "server/rest/subscription_find.h"

/* One letter with its error text, escaped. */
#define LETTER_BYTES ((size_t)4 << 10)

static const struct operation operation = {
    "$dead-letters", (const struct operation_parameter[]){
                         {"since", {"valueString"}}, {NULL, {NULL}}}};

/* The answer while it is put together. */
struct listing {
    struct exchange *x;
    struct subscription_state state;
    uint64_t since;
    struct buf body;
    size_t parameters;
};

static void open_parameter(struct listing *l, const char *name)
{
    buf_add_format(&l->body, "%s{\"name\":\"%s\",", l->parameters++ ? "," : "",
                   name);
}

static void add_number(struct buf *b, const char *name, uint64_t value)
{
    buf_add_format(b, "{\"name\":\"%s\",\"valueString\":\"%llu\"}", name,
                   (unsigned long long)value);
}

static const char *state_text(enum dead_letter_state s)
{
    switch (s) {
    case DEAD_LETTER_WAITING:
        return "waiting";
    case DEAD_LETTER_REDELIVERED:
        return "redelivered";
    case DEAD_LETTER_DISCARDED:
        return "discarded";
    }
    return "";
}

static void add_letter(struct listing *l, uint64_t number,
                       const struct dead_letter *d)
{
    struct buf *b = &l->body;
    char time[INSTANT_TEXT_BYTES];

    instant_format(d->time_ms, time);
    open_parameter(l, "dead-letter");
    buf_add_text(b, "\"part\":[");
    add_number(b, "letter", number);
    buf_add_format(b, ",{\"name\":\"state\",\"valueCode\":\"%s\"},",
                   state_text(d->state));
    buf_add_format(b, "{\"name\":\"parked\",\"valueInstant\":\"%.*s\"},",
                   (int)sizeof time, time);
    add_number(b, "first-event", d->first);
    buf_add_char(b, ',');
    add_number(b, "last-event", d->last);
    buf_add_char(b, ',');
    add_number(b, "attempts", d->attempts);
    buf_add_format(b, ",{\"name\":\"failure\",\"valueCode\":\"%s\"}",
                   failure_name(d->failure));
    if (d->error[0]) {
        buf_add_text(b, ",{\"name\":\"error\",\"valueString\":");
        buf_add_json_string(b, bytes_of(d->error));
        buf_add_char(b, '}');
    }
    buf_add_text(b, "]}");
}

static enum err_code add_letters(struct listing *l, struct err *e)
{
    struct engine *engine = l->x->rest->config.engine;
    uint64_t number = l->since ? l->since : 1;
    enum err_code code = ERR_OK;
    struct dead_letter d;

    for (size_t n = 0; number <= l->state.parked && n < LETTERS_MAX;
         n++, number++) {
        code = engine_dead_letter(engine, l->state.number, number, &d, e);
        if (code == ERR_NOT_FOUND)
            continue;
        if (code != ERR_OK)
            return code;
        add_letter(l, number, &d);
    }
    if (number <= l->state.parked) {
        open_parameter(l, "next");
        buf_add_format(&l->body, "\"valueString\":\"%llu\"}",
                       (unsigned long long)number);
    }
    return ERR_OK;
}

enum http_next letters_list(struct exchange *x)
{
    struct listing l = {.x = x};
    struct err e;
    enum err_code code = operation_read(x, &operation, &e);

    if (code == ERR_OK)
        code = operation_number(x, "since", 1, &l.since, &e);
    if (code == ERR_OK)
        code = subscription_find(x, &l.state, NULL, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    buf_init(&l.body, LETTER_BYTES * (LETTERS_MAX + 1));
    buf_add_text(&l.body, "{\"resourceType\":\"Parameters\",\"parameter\":[");
    open_parameter(&l, "waiting");
    buf_add_format(&l.body, "\"valueString\":\"%llu\"}",
                   (unsigned long long)l.state.letters);
    code = add_letters(&l, &e);
    if (code != ERR_OK) {
        buf_fini(&l.body);
        return reply_error(x, &e);
    }
    buf_add_text(&l.body, "]}");
    return reply_body(x, 200, &l.body);
}
