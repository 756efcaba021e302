#include "fhir/topic/topic.h"

#include "fhir/search/parameter.h"
#include "fhir/topic/condition.h"
#include "fhir/topic/parts.h"
#include "storage/base/buf.h"

static bool offers(const struct topic *t, const char *type, const char *code)
{
    for (size_t i = 0; i < t->offer_count; i++)
        if (offer_covers(&t->offers[i], type, code))
            return true;
    return false;
}

static bool has_parameter(const char *type, const char *code)
{
    return search_parameter_find(bytes_of(type), bytes_of(code)) != NULL;
}

/* Whether the condition is one for the resource type. One that names no type
 * is for each that the topic fires on and that knows the parameter: where the
 * topic offers no filter by it, R4's own serves, lest the subscriber gets what
 * it asked not to get. */
static bool concerns(const struct topic *t, const struct condition *c,
                     const char *type)
{
    return c->type ? strcmp(c->type, type) == 0
                   : offers(t, type, c->code) || has_parameter(type, c->code);
}

static enum err_code check_condition(const struct topic *t,
                                     const struct condition *c, struct err *e)
{
    if (c->type && !topic_has_type(t, c->type))
        return err_set(e, ERR_UNPROCESSABLE,
                       "the topic is not triggered by %s, so it cannot be "
                       "filtered by it",
                       c->type);
    for (size_t i = 0; i < t->type_count; i++)
        if (concerns(t, c, t->types[i]) && offers(t, t->types[i], c->code))
            return ERR_OK;
    return err_set(e, ERR_UNPROCESSABLE,
                   "the topic offers no filter by the parameter '%s'%s%s",
                   c->code, c->type ? " of " : "", c->type ? c->type : "");
}

static bool permits(const struct topic *t, const char *type,
                    struct query_term term)
{
    bool plain =
        term.modifier[0] == '\0' &&
        (term.comparator[0] == '\0' || strcmp(term.comparator, "eq") == 0);

    if (plain && !offers(t, type, term.code))
        return true; /* concerns() has judged it */
    for (size_t i = 0; i < t->offer_count; i++) {
        const struct offer *o = &t->offers[i];

        if (o->code && strcmp(o->parameter, term.code) == 0 &&
            offer_covers(o, type, o->code) && offer_permits(o, term))
            return true;
    }
    return false;
}

static const char *parameter_of(const struct topic *t, const char *type,
                                const char *code)
{
    for (size_t i = 0; i < t->offer_count; i++)
        if (offer_covers(&t->offers[i], type, code))
            return t->offers[i].parameter;
    return code;
}

/* "name:modifier=value" with the parameter that evaluates it for the name. */
static void add_condition(struct buf *out, const struct topic *t,
                          const char *type, const struct condition *c)
{
    const char *parameter = parameter_of(t, type, c->code);
    size_t end = 0;

    if (strcmp(parameter, c->code) != 0) {
        while (end < c->text.n && !strchr(":=", c->text.p[end]))
            end++;
        buf_add_text(out, parameter);
    }
    buf_add(out, bytes_from(c->text, end));
}

static enum err_code check_terms(const struct topic *t, const char *type,
                                 const struct query *q, struct err *e)
{
    for (size_t i = 0; i < query_term_count(q); i++) {
        struct query_term term = query_term_at(q, i);
        bool modified = term.modifier[0] != '\0';

        if (!permits(t, type, term))
            return err_set(e, ERR_UNPROCESSABLE,
                           "the topic does not offer the %s '%s' for the "
                           "parameter '%s' of %s",
                           modified ? "modifier" : "comparator",
                           modified ? term.modifier : term.comparator,
                           term.code, type);
    }
    return ERR_OK;
}

static enum err_code compile_text(const struct topic *t, const char *type,
                                  struct bytes text, struct bytes base_url,
                                  struct query **out, struct err *e)
{
    enum err_code rc = query_compile(bytes_of(type), text, base_url, out, e);

    if (rc != ERR_OK) {
        /* what a search answers with 400 makes a Subscription 422 */
        if (e && rc != ERR_NOMEM)
            e->code = ERR_UNPROCESSABLE;
        return rc == ERR_NOMEM ? rc : ERR_UNPROCESSABLE;
    }
    rc = check_terms(t, type, *out, e);
    if (rc != ERR_OK) {
        query_free(*out);
        *out = NULL;
    }
    return rc;
}

struct conditions {
    struct condition items[QUERY_PREDICATES_MAX];
    size_t count;
};

/* The conditions that concern the type, joined again, as one query. */
static enum err_code compile_type(const struct topic *t, const char *type,
                                  const struct conditions *list,
                                  struct bytes base_url, struct query **out,
                                  struct err *e)
{
    struct buf text;
    enum err_code rc;

    *out = NULL;
    buf_init(&text, QUERY_TEXT_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (!concerns(t, &list->items[i], type))
            continue;
        if (text.n)
            buf_add_char(&text, '&');
        add_condition(&text, t, type, &list->items[i]);
    }
    rc = buf_check(&text, e);
    if (rc == ERR_OK && text.n)
        rc = compile_text(t, type, buf_bytes(&text), base_url, out, e);
    buf_fini(&text);
    return rc;
}

static enum err_code read_conditions(const struct topic *t, struct bytes text,
                                     struct conditions *out, struct err *e)
{
    enum err_code rc;

    if (t->offer_count == 0)
        return err_set(e, ERR_UNPROCESSABLE, "the topic offers no filters");
    rc = condition_split(text, out->items, &out->count, e);
    for (size_t i = 0; rc == ERR_OK && i < out->count; i++)
        rc = check_condition(t, &out->items[i], e);
    return rc;
}

enum err_code topic_filter_compile(const struct topic *t, struct bytes text,
                                   struct bytes base_url,
                                   struct filter filters[], size_t *count,
                                   struct err *e)
{
    struct conditions list = {.count = 0};
    enum err_code rc = read_conditions(t, text, &list, e);
    size_t made = 0;

    for (size_t i = 0; rc == ERR_OK && i < t->type_count; i++) {
        struct query *q = NULL;

        rc = compile_type(t, t->types[i], &list, base_url, &q, e);
        if (q)
            filters[made++] = (struct filter){q, bytes_of(t->types[i])};
    }
    while (rc != ERR_OK && made > 0)
        filter_fini(&filters[--made]);
    *count = made;
    return rc;
}

/* Hands the trace through a teller, which takes no constant. */
struct telling {
    const struct trace *trace;
};

static void tell(void *ctx, struct bytes looked_for, struct bytes found,
                 bool passed)
{
    const struct telling *t = ctx;

    t->trace->test(t->trace->ctx,
                   &(struct trace_test){"filter", looked_for, found, passed});
}

bool filter_holds(const struct filter *f, const struct search_values *v,
                  const struct trace *trace)
{
    struct telling t = {trace};
    const struct query_teller teller = {tell, &t};
    bool holds;

    if (!bytes_equal(f->resource_type, search_values_type(v)))
        return true;
    if (!trace)
        return query_matches(f->query, v);
    trace->open(trace->ctx, &(struct trace_group){.kind = "filter",
                                                  .type = f->resource_type});
    holds = query_matches_telling(f->query, v, &teller);
    trace->close(trace->ctx, holds);
    return holds;
}

void filter_fini(struct filter *f)
{
    query_free(f->query);
    *f = (struct filter){0};
}
