#include "server/rest/subscription_search.h"

#include <stdio.h>

#include "fhir/model/types.h"
#include "server/engine/read.h"
#include "server/rest/reply.h"
#include "server/rest/search_terms.h"
#include "server/rest/shown.h"
#include "server/rest/search.h"
#include "server/rest/search_bundle.h"

struct search {
    struct exchange *x;
    struct engine *engine;
    struct search_terms terms;
    struct arena arena; /* of one entry */
    struct search_bundle bundle;
    bool more;
    uint64_t next; /* the token of the next page */
};

/* ---- the Bundle ---- */

static bool has_room(const struct search *s)
{
    return search_bundle_has_room(&s->bundle, s->terms.count);
}

static enum err_code add_entry(struct search *s, struct bytes id,
                               struct bytes text,
                               const struct subscription_state *state,
                               struct err *e)
{
    struct buf *out = search_bundle_begin_entry(&s->bundle, id);
    enum err_code code = shown_subscription(text, state, &s->arena, out, e);

    search_bundle_end_entry(&s->bundle);
    return code;
}

/* ---- matching ---- */

/* Empty for what is not there, or not any more. */
static enum err_code read_text(struct search *s, struct bytes id,
                               struct bytes *text, struct err *e)
{
    struct resource_version v;
    enum err_code code = engine_read(
        s->engine, &(struct resource_query){s->x->route.type, id, 0}, &s->arena,
        &v, e);

    *text = bytes_make(NULL, 0);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code == ERR_OK && !v.deleted)
        *text = v.text;
    return code;
}

/* A definition that cannot be honoured any more still has its text. */
static enum err_code url_matches(struct search *s, const struct term *t,
                                 const struct subscription_state *state,
                                 const struct definition *definition, bool *out,
                                 struct err *e)
{
    struct bytes text = {NULL, 0};
    enum err_code code = ERR_OK;

    *out = false;
    if (!definition)
        code = read_text(s, bytes_of(state->id), &text, e);
    if (code != ERR_OK || (!definition && !text.n))
        return code;
    for (size_t i = 0; i < t->values.n && !*out; i++) {
        struct bytes url = t->values.items[i];

        *out = definition ? bytes_is(url, definition_get(definition)->endpoint)
                          : shown_endpoint_is(text, url.p);
    }
    return ERR_OK;
}

static enum err_code matches(struct search *s,
                             const struct subscription_state *state,
                             const struct definition *definition, bool *out,
                             struct err *e)
{
    enum err_code code = ERR_OK;

    *out = true;
    for (size_t i = 0; i < s->terms.term_count && *out; i++) {
        const struct term *t = &s->terms.terms[i];

        if (t->url)
            code = url_matches(s, t, state, definition, out, e);
        else
            *out = term_status_is(t, state->shown);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

/* ---- by _id: the token of a page is an index into the list ---- */

static enum err_code place(struct search *s, size_t index, struct bytes text,
                           const struct subscription_state *state,
                           struct err *e)
{
    s->bundle.total++;
    if (index < s->terms.page || s->more || s->terms.count == 0)
        return ERR_OK;
    if (has_room(s))
        return add_entry(s, s->terms.ids.items[index], text, state, e);
    s->more = true;
    s->next = index;
    return ERR_OK;
}

static enum err_code find_subscription(struct search *s, size_t index,
                                       struct err *e)
{
    struct bytes id = s->terms.ids.items[index], text = {NULL, 0};
    struct subscription_state state;
    struct definition *definition = NULL;
    bool matched = false;
    enum err_code code =
        engine_subscription_by_id(s->engine, id, &state, &definition, e);

    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code == ERR_OK)
        code = matches(s, &state, definition, &matched, e);
    definition_unref(&definition);
    if (code == ERR_OK && matched)
        code = read_text(s, id, &text, e);
    return text.n ? place(s, index, text, &state, e) : code;
}

static enum err_code find_ids(struct search *s, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < s->terms.ids.n; i++) {
        if (!model_is_id(s->terms.ids.items[i]))
            continue;
        arena_reset(&s->arena);
        code = find_subscription(s, i, e);
    }
    s->bundle.total_known = true;
    return code;
}

/* ---- all Subscriptions: the token is the number to go on behind ---- */

static enum err_code add_scanned(struct search *s,
                                 const struct subscription_state *state,
                                 struct err *e)
{
    struct bytes id = bytes_of(state->id), text;
    enum err_code code = read_text(s, id, &text, e);

    return text.n ? add_entry(s, id, text, state, e) : code;
}

static enum err_code next_match(struct search *s, uint64_t after,
                                struct subscription_state *state, bool *found,
                                bool *matched, struct err *e)
{
    struct definition *definition = NULL;
    enum err_code code = ERR_OK;

    arena_reset(&s->arena);
    *matched = false;
    *found = engine_subscription_next(s->engine, after, state, &definition);
    if (*found)
        code = matches(s, state, definition, matched, e);
    definition_unref(&definition);
    return code;
}

static enum err_code scan_page(struct search *s, struct err *e)
{
    struct subscription_state state;
    uint64_t after = s->terms.page;
    bool found, matched;

    for (size_t n = 0;; n++) {
        enum err_code code = next_match(s, after, &state, &found, &matched, e);

        if (code != ERR_OK || !found)
            return code;
        if (n == SEARCH_SCAN_MAX || (matched && !has_room(s))) {
            s->more = true;
            s->next = after;
            return ERR_OK;
        }
        if (matched)
            code = add_scanned(s, &state, e);
        if (code != ERR_OK)
            return code;
        after = state.number;
    }
}

static enum err_code scan_total(struct search *s, struct err *e)
{
    struct subscription_state state;
    uint64_t after = 0;
    bool found, matched;

    for (size_t n = 0; n < SEARCH_SCAN_MAX; n++) {
        enum err_code code = next_match(s, after, &state, &found, &matched, e);

        s->bundle.total_known = !found;
        if (code != ERR_OK || !found)
            return code;
        s->bundle.total += matched;
        after = state.number;
    }
    return ERR_OK;
}

static enum err_code scan(struct search *s, struct err *e)
{
    enum err_code code = s->terms.count ? scan_page(s, e) : ERR_OK;

    if (code != ERR_OK)
        return code;
    if (s->more || s->terms.page || !s->terms.count)
        return scan_total(s, e);
    s->bundle.total = s->bundle.entries;
    s->bundle.total_known = true;
    return ERR_OK;
}

/* ---- the interactions ---- */

static enum http_next finish(struct search *s)
{
    char next[24];

    (void)snprintf(next, sizeof next, "%llu", (unsigned long long)s->next);
    search_bundle_end(&s->bundle,
                      s->more ? bytes_of(next) : bytes_make(NULL, 0));
    return reply_body(s->x, 200, &s->bundle.out);
}

enum http_next subscription_search(struct exchange *x)
{
    struct search s = {.x = x, .engine = x->rest->config.engine};
    struct err e;
    enum err_code code =
        search_terms_read(&x->params, x->request->arena, &s.terms, &e);

    if (code != ERR_OK)
        return reply_error(x, &e);
    arena_init(&s.arena, x->scratch.max);
    search_bundle_begin(&s.bundle, x);
    code = s.terms.by_id ? find_ids(&s, &e) : scan(&s, &e);
    arena_fini(&s.arena);
    if (code == ERR_OK)
        return finish(&s);
    buf_fini(&s.bundle.out);
    return reply_error(x, &e);
}
