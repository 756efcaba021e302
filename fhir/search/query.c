#include "fhir/search/query.h"

#include "fhir/search/anchor.h"
#include "fhir/search/compiled.h"
#include "fhir/search/escape.h"
#include "fhir/search/match.h"
#include "fhir/search/show.h"

#include <assert.h>
#include <stdlib.h>

/* What a trace tells of one predicate. */
#define TOLD_BYTES ((size_t)4096)

#define NO_ANCHOR ((size_t)-1)

/* --- choosing an anchor --- */

/* The best rank and, among equals, the fewest values. */
static size_t choose_anchor(const struct query *q)
{
    const struct predicate *best = NULL;

    for (size_t i = 0; i < q->count; i++) {
        const struct predicate *p = &q->predicates[i];
        enum anchor_rank rank = anchor_rank(p);

        if (rank == ANCHOR_NONE)
            continue;
        if (!best || rank > anchor_rank(best) ||
            (rank == anchor_rank(best) && p->count < best->count))
            best = p;
    }
    return best ? (size_t)(best - q->predicates) : NO_ANCHOR;
}

/* --- compiling --- */

static char *copy_of(struct bytes text)
{
    char *copy = malloc(text.n + 1);

    if (!copy)
        return NULL;
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

static enum err_code compile_term(struct query *q,
                                  const struct predicate_context *c, char *text,
                                  size_t n, struct err *e)
{
    size_t name_bytes = bytes_find(bytes_make(text, n), '=');
    struct predicate_text t;

    if (name_bytes == n || name_bytes == 0)
        return err_set(e, ERR_INVALID,
                       "each part of a search between '&' must be name=value");
    t.value = text + name_bytes + 1;
    t.value_bytes = n - name_bytes - 1;
    assert(q->places && q->predicates);
    q->places[q->count] =
        (struct place){(uint16_t)(t.value - q->text), (uint16_t)t.value_bytes};
    if (!escape_decode_percent(text, &name_bytes) ||
        !escape_decode_percent(t.value, &t.value_bytes))
        return err_set(e, ERR_INVALID,
                       "a search must be UTF-8 without NUL, and each '%%' must "
                       "have two hexadecimal digits behind it");
    t.name = bytes_make(text, name_bytes);
    return predicate_compile(c, t, &q->predicates[q->count], e);
}

static size_t count_terms(struct bytes text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.n; i++)
        count += text.p[i] == '&';
    return count;
}

static enum err_code make_room(struct query *q, size_t count, struct err *e)
{
    if (count > QUERY_PREDICATES_MAX)
        return err_set(e, ERR_INVALID,
                       "a search may have at most %d parameters",
                       QUERY_PREDICATES_MAX);
    q->predicates = calloc(count ? count : 1, sizeof *q->predicates);
    return q->predicates ? ERR_OK : err_nomem(e);
}

static struct predicate_context context_of(const struct query *q)
{
    return (struct predicate_context){
        .base = q->base,
        .base_url = bytes_make(q->base_url, q->base_url_bytes),
        .values_max = QUERY_VALUES_MAX};
}

static enum err_code compile_terms(struct query *q, struct err *e)
{
    struct predicate_context context = context_of(q);
    size_t count = count_terms(bytes_make(q->text, q->source_bytes));
    char *at = q->text;
    enum err_code rc = make_room(q, count, e);

    if (rc == ERR_OK) {
        q->places = calloc(count, sizeof *q->places);
        rc = q->places ? ERR_OK : err_nomem(e);
    }
    while (rc == ERR_OK && q->count < count) {
        size_t rest = q->source_bytes - (size_t)(at - q->text);
        size_t width = bytes_find(bytes_make(at, rest), '&');

        rc = compile_term(q, &context, at, width, e);
        if (rc == ERR_OK)
            q->count++;
        at += width + 1;
    }
    return rc;
}

/* What compares has one term for each value: their prefixes may differ. */
static size_t terms_of(const struct predicate *p)
{
    return p->count > 0 && search_type_compares(p->parameter->type) ? p->count
                                                                    : 1;
}

static const char *comparator_of(const struct predicate *p, size_t value)
{
    if (p->count == 0 || !search_type_compares(p->parameter->type))
        return "";
    return predicate_prefix_name(p->parameter->type == SEARCH_DATE
                                     ? p->values[value].date.prefix
                                     : p->values[value].number.prefix);
}

static enum err_code list_terms(struct query *q, struct err *e)
{
    size_t count = 0;

    for (size_t i = 0; i < q->count; i++)
        count += terms_of(&q->predicates[i]);
    assert(count > 0);
    q->terms = calloc(count, sizeof *q->terms);
    if (!q->terms)
        return err_nomem(e);
    for (size_t i = 0; i < q->count; i++) {
        const struct predicate *p = &q->predicates[i];

        assert(p->parameter);
        for (size_t k = 0; k < terms_of(p); k++)
            q->terms[q->term_count++] = (struct query_term){
                p->parameter->code, p->modifier, comparator_of(p, k)};
    }
    return ERR_OK;
}

static enum err_code compile(struct query *q, struct bytes text,
                             struct bytes base_url, struct err *e)
{
    enum err_code rc;

    q->text = copy_of(text);
    q->source = copy_of(text);
    q->base_url = copy_of(base_url);
    q->source_bytes = text.n;
    q->base_url_bytes = base_url.n;
    if (!q->text || !q->source || !q->base_url)
        return err_nomem(e);
    rc = compile_terms(q, e);
    return rc ? rc : list_terms(q, e);
}

enum err_code query_compile(struct bytes resource_type, struct bytes text,
                            struct bytes base_url, struct query **out,
                            struct err *e)
{
    const struct search_base *base = search_base_find(resource_type);
    struct query *q;
    enum err_code rc;

    *out = NULL;
    if (!base)
        return err_set(e, ERR_INVALID,
                       "a search needs a resource type of FHIR R4");
    if (text.n == 0)
        return err_set(e, ERR_INVALID, "a search needs at least one parameter");
    if (text.n > QUERY_TEXT_MAX)
        return err_set(e, ERR_INVALID, "a search may have at most %d bytes",
                       QUERY_TEXT_MAX);
    q = calloc(1, sizeof *q);
    if (!q)
        return err_nomem(e);
    q->base = base;
    rc = compile(q, text, base_url, e);
    if (rc) {
        query_free(q);
        return rc;
    }
    q->anchor = choose_anchor(q);
    *out = q;
    return ERR_OK;
}

/* Copies of the values stand behind each other in the query's text. */
static enum err_code compile_parameters(struct query *q,
                                        const struct query_search *search,
                                        struct err *e)
{
    struct predicate_context context = {.base = q->base,
                                        .base_url = search->base_url,
                                        .values_max = QUERY_SEARCH_VALUES_MAX,
                                        .has_now = true,
                                        .now_ms = search->now_ms};
    enum err_code rc = make_room(q, search->count, e);
    char *at = q->text;

    for (size_t i = 0; rc == ERR_OK && i < search->count; i++) {
        const struct query_parameter *given = &search->parameters[i];
        struct predicate_text t = {given->name, at, given->value.n};

        if (t.value_bytes > 0)
            memcpy(at, given->value.p, t.value_bytes);
        rc = predicate_compile(&context, t, &q->predicates[q->count], e);
        if (rc == ERR_OK)
            q->count++;
        at += t.value_bytes;
    }
    return rc;
}

enum err_code query_compile_search(const struct query_search *search,
                                   struct query **out, struct err *e)
{
    struct query *q = calloc(1, sizeof *q);
    size_t bytes = 1;
    enum err_code rc;

    *out = NULL;
    if (!q)
        return err_nomem(e);
    q->base = search_base_find(search->resource_type);
    for (size_t i = 0; i < search->count; i++)
        bytes += search->parameters[i].value.n;
    q->text = malloc(bytes);
    rc = !q->base  ? err_set(e, ERR_INVALID,
                             "a search needs a resource type of FHIR R4")
         : q->text ? compile_parameters(q, search, e)
                   : err_nomem(e);
    if (rc) {
        query_free(q);
        return rc;
    }
    q->anchor = choose_anchor(q);
    *out = q;
    return ERR_OK;
}

void query_free(struct query *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->count; i++)
        predicate_fini(&q->predicates[i]);
    free(q->predicates);
    free(q->terms);
    free(q->text);
    free(q->source);
    free(q->places);
    free(q->base_url);
    free(q);
}

/* --- matching --- */

static void tell(const struct query_teller *teller, const struct predicate *p,
                 const struct search_values *v, bool passed)
{
    struct buf looked_for, found;

    buf_init(&looked_for, TOLD_BYTES);
    buf_init(&found, TOLD_BYTES);
    show_predicate(&looked_for, p);
    show_found(&found, p, v);
    teller->tell(teller->ctx, buf_bytes(&looked_for), buf_bytes(&found),
                 passed);
    buf_fini(&looked_for);
    buf_fini(&found);
}

/* One evaluation for both: with a teller it goes on to the end. With `anchor`
 * in place of the query's own, unless it is NULL. */
static bool matches(const struct query *q, const struct predicate *anchor,
                    const struct search_values *v,
                    const struct query_teller *teller)
{
    bool all = true;

    if (v->base != q->base)
        return false;
    for (size_t i = 0; i < q->count; i++) {
        const struct predicate *p =
            anchor && i == q->anchor ? anchor : &q->predicates[i];
        bool passed = match_predicate(p, v);

        if (teller)
            tell(teller, p, v, passed);
        else if (!passed)
            return false;
        all = all && passed;
    }
    return all;
}

bool query_matches(const struct query *q, const struct search_values *v)
{
    return matches(q, NULL, v, NULL);
}

bool query_matches_telling(const struct query *q, const struct search_values *v,
                           const struct query_teller *teller)
{
    return matches(q, NULL, v, teller);
}

/* --- anchors --- */

size_t query_anchor(const struct query *q, uint64_t keys[QUERY_ANCHORS_MAX])
{
    return q->anchor == NO_ANCHOR
               ? 0
               : anchor_keys(&q->predicates[q->anchor], keys);
}

struct bytes query_text(const struct query *q)
{
    return bytes_make(q->source, q->source_bytes);
}

bool query_split_anchor(const struct query *q, struct query_split *out)
{
    struct bytes all = query_text(q);
    struct place place;

    if (q->anchor == NO_ANCHOR || !q->source)
        return false;
    place = q->places[q->anchor];
    *out = (struct query_split){
        .before = bytes_make(all.p, place.at),
        .value = bytes_make(all.p + place.at, place.n),
        .after = bytes_from(all, (size_t)place.at + place.n)};
    return true;
}

/* --- a value beside the query's own --- */

struct query_value {
    const struct query *query; /* NULL: not set */
    struct predicate predicate;
    size_t source_bytes;
    char source[QUERY_TEXT_MAX];
    char text[QUERY_TEXT_MAX + 1]; /* the predicate points into it */
};

struct query_value *query_value_new(void)
{
    return calloc(1, sizeof(struct query_value));
}

void query_value_forget(struct query_value *x)
{
    predicate_fini(&x->predicate);
    x->query = NULL;
}

void query_value_free(struct query_value *x)
{
    if (!x)
        return;
    query_value_forget(x);
    free(x);
}

static enum err_code read_value(struct query_value *x, const struct query *q,
                                struct bytes text, struct err *e)
{
    struct predicate_context context = context_of(q);
    struct predicate_text t = {
        bytes_of(q->predicates[q->anchor].parameter->code), x->text, text.n};

    if (!escape_decode_percent(x->text, &t.value_bytes))
        return err_set(e, ERR_INVALID, "a value is not encoded as a search is");
    return predicate_compile_like(&context, &q->predicates[q->anchor], t,
                                  &x->predicate, e);
}

enum err_code query_value_set(struct query_value *x, const struct query *q,
                              struct bytes text, struct err *e)
{
    enum err_code rc;

    if (x->query == q &&
        bytes_equal(text, bytes_make(x->source, x->source_bytes)))
        return ERR_OK;
    query_value_forget(x);
    assert(q->anchor != NO_ANCHOR && q->source);
    if (text.n > QUERY_TEXT_MAX)
        return err_set(e, ERR_INVALID, "a search may have at most %d bytes",
                       QUERY_TEXT_MAX);
    memcpy(x->source, text.p, text.n);
    memcpy(x->text, text.p, text.n);
    x->text[text.n] = '\0';
    x->source_bytes = text.n;
    rc = read_value(x, q, text, e);
    if (rc == ERR_OK && x->predicate.count > QUERY_ANCHORS_MAX) {
        query_value_forget(x);
        rc = err_set(e, ERR_INVALID, "an anchor has too many values");
    }
    if (rc == ERR_OK)
        x->query = q;
    return rc;
}

bool query_value_matches(const struct query_value *x,
                         const struct search_values *v)
{
    return matches(x->query, &x->predicate, v, NULL);
}

size_t query_value_anchor(const struct query_value *x,
                          uint64_t keys[QUERY_ANCHORS_MAX])
{
    return anchor_keys(&x->predicate, keys);
}

/* --- terms --- */

size_t query_term_count(const struct query *q)
{
    return q->term_count;
}

struct query_term query_term_at(const struct query *q, size_t index)
{
    return q->terms[index];
}
