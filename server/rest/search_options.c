#include "server/rest/search_options.h"

#include "fhir/model/types.h"
#include "server/rest/search.h"

static enum err_code refuse(const char *name, const char *accepted,
                            struct err *e)
{
    return err_set(e, ERR_NOT_SUPPORTED, "%s accepts %s", name, accepted);
}

static enum err_code take_count(struct search_options *o, struct bytes value,
                                struct err *e)
{
    uint64_t count;

    if (!bytes_to_u64(value, &count))
        return err_set(e, ERR_INVALID, "_count must be a number from 0 on");
    o->count = count < SEARCH_COUNT_MAX ? (size_t)count : SEARCH_COUNT_MAX;
    return ERR_OK;
}

static enum err_code take_total(struct search_options *o, struct bytes value,
                                struct err *e)
{
    if (bytes_is(value, "none"))
        o->total = SEARCH_TOTAL_NONE;
    else if (bytes_is(value, "accurate"))
        o->total = SEARCH_TOTAL_ACCURATE;
    else if (!bytes_is(value, "estimate"))
        return refuse("_total", "none, estimate and accurate", e);
    return ERR_OK;
}

static enum err_code take_summary(struct search_options *o, struct bytes value,
                                  struct err *e)
{
    static const char *const names[] = {[SUBSET_NONE] = "false",
                                        [SUBSET_SUMMARY] = "true",
                                        [SUBSET_TEXT] = "text",
                                        [SUBSET_DATA] = "data",
                                        [SUBSET_COUNT] = "count"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i] && bytes_is(value, names[i])) {
            o->subset.kind = (enum subset_kind)i;
            return ERR_OK;
        }
    return refuse("_summary", "true, text, data, count and false", e);
}

/* Once everything else is read. */
static enum err_code take_elements(struct search_options *o,
                                   const struct params *params, struct err *e)
{
    struct bytes list = params_get(params, "_elements");

    if (!list.p)
        return ERR_OK;
    if (o->subset.kind != SUBSET_NONE)
        return err_set(e, ERR_INVALID,
                       "_elements and _summary do not go together");
    o->subset.kind = SUBSET_ELEMENTS;
    return subset_read_elements(&o->subset, list, e);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_key(struct bytes text, struct arena *arena,
                       struct bytes *out)
{
    char *key = arena_alloc(arena, text.n / 2 + 1);

    if (!key || text.n % 2 != 0 || text.n / 2 > ORDER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.n / 2; i++) {
        int high = hex_value(text.p[2 * i]);
        int low = hex_value(text.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key[i] = (char)(high * 16 + low);
    }
    *out = bytes_make(key, text.n / 2);
    return true;
}

/* "key.id": the key has no dot. */
static enum err_code take_page(struct search_options *o, struct bytes value,
                               struct arena *arena, struct err *e)
{
    struct bytes key = bytes_split(value, '.', &o->after_id);

    if (!model_is_id(o->after_id) || !decode_key(key, arena, &o->after_key))
        return err_set(e, ERR_INVALID,
                       "_page is taken from a link of a search, as it is");
    return ERR_OK;
}

struct bytes search_options_page(struct bytes key, struct bytes id,
                                 struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 2 * key.n + 1 + id.n;
    char *text = arena_alloc(arena, n);

    if (!text)
        return bytes_make(NULL, 0);
    for (size_t i = 0; i < key.n; i++) {
        text[2 * i] = digits[(unsigned char)key.p[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)key.p[i] & 15];
    }
    text[2 * key.n] = '.';
    memcpy(text + 2 * key.n + 1, id.p, id.n);
    return bytes_make(text, n);
}

/* True when the parameter says how to answer; *code is what became of it. */
static bool take_option(struct search_options *o, const struct param *p,
                        struct arena *arena, struct err *e, enum err_code *code)
{
    if (bytes_is(p->name, "_format"))
        *code = ERR_OK;
    else if (bytes_is(p->name, "_count"))
        *code = take_count(o, p->value, e);
    else if (bytes_is(p->name, "_total"))
        *code = take_total(o, p->value, e);
    else if (bytes_is(p->name, "_summary"))
        *code = take_summary(o, p->value, e);
    else if (bytes_is(p->name, "_page"))
        *code = take_page(o, p->value, arena, e);
    else
        return include_option_take(&o->includes, p, e, code);
    return true;
}

/* By id is the order that all come in anyway. */
static enum err_code take_sort(struct search_options *o, struct bytes type,
                               const struct params *params, struct err *e)
{
    struct bytes sort = params_get(params, "_sort");
    enum err_code code;

    if (!sort.p || bytes_is(sort, "_id"))
        return ERR_OK;
    code = order_read(type, sort, &o->order, e);
    return code;
}

/* Only a search parameter means something when it is repeated. */
static enum err_code check_repeated(const struct params *params, struct err *e)
{
    static const char *const once[] = {"_sort",    "_count",    "_total",
                                       "_summary", "_elements", "_page"};
    size_t seen[sizeof once / sizeof once[0]] = {0};

    for (size_t i = 0; i < params->n; i++)
        for (size_t k = 0; k < sizeof once / sizeof once[0]; k++)
            if (bytes_is(params->items[i].name, once[k]) && seen[k]++)
                return err_set(e, ERR_INVALID, "%s may be given once", once[k]);
    return ERR_OK;
}

enum err_code search_options_read(const struct params *params,
                                  struct bytes resource_type,
                                  struct arena *arena,
                                  struct search_options *out, struct err *e)
{
    enum err_code code;

    *out = (struct search_options){.count = SEARCH_COUNT_DEFAULT};
    out->subset.type = model_type_find(resource_type);
    out->parameters =
        arena_calloc(arena, params->n + 1, sizeof *out->parameters);
    if (!out->parameters)
        return err_nomem(e);
    code = check_repeated(params, e);
    if (code == ERR_OK)
        code = take_sort(out, resource_type, params, e);
    for (size_t i = 0; code == ERR_OK && i < params->n; i++) {
        const struct param *p = &params->items[i];

        if (!take_option(out, p, arena, e, &code) &&
            !bytes_is(p->name, "_sort") && !bytes_is(p->name, "_elements"))
            out->parameters[out->parameter_count++] =
                (struct query_parameter){p->name, p->value};
    }
    if (code == ERR_OK)
        code = take_elements(out, params, e);
    if (out->subset.kind == SUBSET_COUNT)
        out->count = 0;
    /* R4 search.html#summary */
    if (code == ERR_OK && out->subset.kind == SUBSET_TEXT &&
        out->includes.to_count + out->includes.from_count > 0)
        return err_set(e, ERR_INVALID,
                       "_summary=text does not go with _include and "
                       "_revinclude");
    return code;
}
