#include "server/engine/condition.h"

#include <assert.h>
#include <stdlib.h>

#include "fhir/search/compiled.h"
#include "fhir/search/parameter.h"
#include "server/engine/batch.h"
#include "server/engine/command.h"
#include "server/engine/core.h"

/* Bounds the values of one version; see SEARCH_VALUES_MAX. */
#define SCRATCH_BYTES ((size_t)64 << 20)

struct condition *condition_new(struct engine *g, struct query **query)
{
    struct condition *c = calloc(1, sizeof *c);

    if (c) {
        c->query = *query;
        state_lock_to_read(&g->state);
        c->seen = g->state.published_change;
        state_unlock(&g->state);
    } else {
        query_free(*query);
    }
    *query = NULL;
    return c;
}

void condition_found(struct condition *c, struct bytes id)
{
    assert(id.n <= sizeof c->found);
    c->found_n = id.n;
    if (id.n > 0)
        memcpy(c->found, id.p, id.n);
}

void condition_free(struct condition *c)
{
    if (!c)
        return;
    query_free(c->query);
    free(c);
}

/* A text that each match has in it, where the query asks for one identifier;
 * empty where it does not. */
static struct bytes needle_of(const struct query *q)
{
    for (size_t i = 0; i < q->count; i++) {
        const struct predicate *p = &q->predicates[i];

        if (p->op == PREDICATE_ANY_OF && p->count == 1 && p->how == HOW_PLAIN &&
            p->parameter->type == SEARCH_TOKEN &&
            search_parameter_has_leaf(p->parameter, SEARCH_LEAF_IDENTIFIER))
            return p->values[0].token.code;
    }
    return bytes_make("", 0);
}

/* Reading a text for a word costs a small part of reading it as JSON. Where
 * something is escaped the word could be as well. */
static bool may_match(struct bytes text, struct bytes needle)
{
    return needle.n == 0 || memchr(text.p, '\\', text.n) ||
           memmem(text.p, text.n, needle.p, needle.n);
}

static enum err_code matches(const struct state *s, const struct query *q,
                             const struct record_change *c, bool *out,
                             struct err *e)
{
    struct search_values *values = NULL;
    struct arena scratch;
    enum err_code code;

    arena_init(&scratch, SCRATCH_BYTES);
    code = search_values_read(c->text, s->base_url, &scratch, &values, e);
    if (code == ERR_OK) {
        search_values_stamp(values, c->time_ms);
        *out = query_matches(q, values);
    }
    arena_fini(&scratch);
    return code;
}

/* Whether the change leaves what the search found as it was. */
static enum err_code is_untouched(struct batch *b, const struct command *c,
                                  uint64_t change, bool *out, struct err *e)
{
    const struct condition *x = c->condition;
    struct record_change r;
    struct bytes record;
    bool found = false;
    enum err_code code = store_log_get(b->txn, change, &record, e);

    if (code != ERR_OK || record_kind_of(record) != RECORD_CHANGE)
        return code;
    code = record_change_read(record, &r, e);
    if (code != ERR_OK || !bytes_equal(r.type, c->type) ||
        r.interaction == INTERACTION_EVENT)
        return code;
    if (bytes_equal(r.id, bytes_make(x->found, x->found_n)))
        found = true;
    else if (r.text.n > 0 && may_match(r.text, needle_of(x->query)))
        code = matches(b->state, x->query, &r, &found, e);
    *out = !found;
    return code;
}

enum err_code condition_check(struct batch *b, struct command *c, bool *holds,
                              struct err *e)
{
    struct condition *x = c->condition;
    enum err_code code = ERR_OK;

    *holds = true;
    if (!x || x->settled)
        return ERR_OK;
    *holds = b->change - x->seen <= CONDITION_LOOK_MAX;
    for (uint64_t n = x->seen + 1; *holds && code == ERR_OK && n <= b->change;
         n++)
        code = is_untouched(b, c, n, holds, e);
    /* parts of its own transaction do not touch it */
    x->settled = code == ERR_OK && *holds;
    return code;
}
