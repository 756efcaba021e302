#include "server/rest/params.h"

#include "server/rest/text.h"

static enum err_code add_one(struct params *list, struct bytes part,
                             struct arena *arena, struct err *e)
{
    struct bytes value, name = bytes_split(part, '=', &value);
    struct param *p;
    enum err_code code;

    if (list->n == PARAMS_MAX)
        return err_set(e, ERR_INVALID, "more than %d parameters", PARAMS_MAX);
    if (!list->items)
        list->items = arena_calloc(arena, PARAMS_MAX, sizeof *list->items);
    if (!list->items)
        return err_nomem(e);
    p = &list->items[list->n];
    code = text_percent_decode(name, true, arena, &p->name, e);
    if (code == ERR_OK)
        code = text_percent_decode(value, true, arena, &p->value, e);
    if (code != ERR_OK)
        return code;
    if (p->name.n == 0)
        return err_set(e, ERR_INVALID, "a parameter without a name");
    list->n++;
    return ERR_OK;
}

enum err_code params_add(struct params *list, struct bytes query,
                         struct arena *arena, struct err *e)
{
    while (query.n) {
        struct bytes part = bytes_split(query, '&', &query);
        enum err_code code = part.n ? add_one(list, part, arena, e) : ERR_OK;

        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

struct bytes params_get(const struct params *list, const char *name)
{
    for (size_t i = list->n; i > 0; i--) {
        if (bytes_is(list->items[i - 1].name, name))
            return list->items[i - 1].value;
    }
    return bytes_make(NULL, 0);
}

static bool is_allowed(struct bytes name, const char *const *allowed)
{
    if (bytes_is(name, "_format"))
        return true;
    for (; *allowed; allowed++) {
        if (bytes_is(name, *allowed))
            return true;
    }
    return false;
}

enum err_code params_only(const struct params *list, const char *const *allowed,
                          struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    for (size_t i = 0; i < list->n; i++) {
        if (is_allowed(list->items[i].name, allowed))
            continue;
        return err_set(e, ERR_NOT_SUPPORTED,
                       "the parameter \"%s\" is not supported here",
                       text_show(list->items[i].name, shown));
    }
    return ERR_OK;
}
