#include "server/rest/search_terms.h"

#include "server/rest/search.h"
#include "server/rest/text.h"

#define STATUS_SYSTEM "http://hl7.org/fhir/subscription-status"

/* R4 search.html#escaping: '\' before ',', '|', '$' and '\'. */
static struct bytes next_value(struct bytes *text, char **room)
{
    struct bytes value = {*room, 0};
    size_t i = 0;

    for (; i < text->n && text->p[i] != ','; i++) {
        if (text->p[i] == '\\' && i + 1 < text->n)
            i++;
        (*room)[value.n++] = text->p[i];
    }
    (*room)[value.n] = '\0';
    *room += value.n + 1;
    *text = bytes_from(*text, i + 1);
    return value;
}

static size_t count_commas(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == ',';
    return n;
}

/* "active", "a,b\,c": splits at the commas that are not escaped. */
static enum err_code split_values(struct bytes text, struct arena *arena,
                                  struct term_values *out, struct err *e)
{
    size_t most = count_commas(text) + 1;
    char *room;

    *out = (struct term_values){.n = 0};
    if (most > TERM_VALUES_MAX)
        return err_set(e, ERR_INVALID, "more than %d values of one parameter",
                       TERM_VALUES_MAX);
    out->items = arena_calloc(arena, most, sizeof *out->items);
    room = arena_alloc(arena, text.n + most + 1);
    if (!out->items || !room)
        return err_nomem(e);
    while (text.n) {
        struct bytes value = next_value(&text, &room);

        if (value.n)
            out->items[out->n++] = value;
    }
    return ERR_OK;
}

static bool contains(const struct term_values *list, size_t n,
                     struct bytes value)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(list->items[i], value))
            return true;
    }
    return false;
}

/* Drops repeats, and what is not among those of an earlier _id as well. */
static void take_ids(struct search_terms *t, struct term_values ids)
{
    size_t n = 0;

    for (size_t i = 0; i < ids.n; i++) {
        if (contains(&ids, n, ids.items[i]) ||
            (t->by_id && !contains(&t->ids, t->ids.n, ids.items[i])))
            continue;
        ids.items[n++] = ids.items[i];
    }
    ids.n = n;
    t->ids = ids;
    t->by_id = true;
}

static enum err_code take_term(struct search_terms *t, bool url,
                               struct term_values values, struct err *e)
{
    if (t->term_count == TERMS_MAX)
        return err_set(e, ERR_INVALID, "more than %d parameters", TERMS_MAX);
    t->terms[t->term_count++] = (struct term){url, values};
    return ERR_OK;
}

static enum err_code take_number(const struct param *p, uint64_t *out,
                                 struct err *e)
{
    if (bytes_to_u64(p->value, out))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "%.*s must be a number from 0 on",
                   BYTES_ARG(p->name));
}

static enum err_code take_values(struct search_terms *t, const struct param *p,
                                 struct arena *arena, struct err *e)
{
    struct term_values values;
    enum err_code code = split_values(p->value, arena, &values, e);

    if (code != ERR_OK)
        return code;
    if (values.n == 0)
        return err_set(e, ERR_INVALID, "the parameter %.*s has no value",
                       BYTES_ARG(p->name));
    if (!bytes_is(p->name, "_id"))
        return take_term(t, bytes_is(p->name, "url"), values, e);
    take_ids(t, values);
    return ERR_OK;
}

static enum err_code take_param(struct search_terms *t, const struct param *p,
                                struct arena *arena, struct err *e)
{
    uint64_t count;
    enum err_code code;

    if (bytes_is(p->name, "_format"))
        return ERR_OK;
    if (bytes_is(p->name, "_page"))
        return take_number(p, &t->page, e);
    if (!bytes_is(p->name, "_count"))
        return take_values(t, p, arena, e);
    code = take_number(p, &count, e);
    if (code == ERR_OK)
        t->count = count < SEARCH_COUNT_MAX ? (size_t)count : SEARCH_COUNT_MAX;
    return code;
}

static enum err_code check_names(const struct params *params, struct err *e)
{
    static const char *const allowed[] = {"_id", "_count", "_page",
                                          "url", "status", NULL};
    struct err first;

    if (params_only(params, allowed, &first) == ERR_OK)
        return ERR_OK;
    return err_set(e, first.code,
                   "%s; a search of Subscriptions takes _id, url, status and "
                   "_count",
                   first.message);
}

enum err_code search_terms_read(const struct params *params,
                                struct arena *arena, struct search_terms *out,
                                struct err *e)
{
    enum err_code code = check_names(params, e);

    *out = (struct search_terms){.count = SEARCH_COUNT_DEFAULT};
    for (size_t i = 0; code == ERR_OK && i < params->n; i++)
        code = take_param(out, &params->items[i], arena, e);
    return code;
}

static bool token_is(struct bytes token, const char *code)
{
    struct bytes behind, before = bytes_split(token, '|', &behind);

    if (before.n == token.n)
        return bytes_is(token, code);
    return bytes_is(before, STATUS_SYSTEM) &&
           (behind.n == 0 || bytes_is(behind, code));
}

bool term_status_is(const struct term *t, enum subscription_status status)
{
    const char *code = subscription_status_text(status);

    for (size_t i = 0; i < t->values.n; i++) {
        if (token_is(t->values.items[i], code))
            return true;
    }
    return false;
}
