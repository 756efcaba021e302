#include "server/rest/validation.h"

#include "fhir/model/types.h"
#include "fhir/model/validate.h"
#include "server/rest/exchange.h"

static enum err_code keep_warnings(struct write *w, const struct issues *found,
                                   struct err *e)
{
    w->warnings = arena_alloc(&w->command->arena, sizeof *w->warnings);
    if (!w->warnings)
        return err_nomem(e);
    *w->warnings = *found;
    return ERR_OK;
}

enum err_code validation_judge(struct write *w, struct err *e)
{
    struct issues found;
    enum err_code code;

    /* a SubscriptionTopic is none of R4's */
    if (!model_is_resource_type(w->type))
        return ERR_OK;
    found.count = found.dropped = 0;
    code = model_validate(w->body, w->scratch, &found, e);
    if (code != ERR_OK || found.count == 0)
        return code;
    if (w->rest->config.lenient)
        return keep_warnings(w, &found, e);
    return validation_refuse(w, found.items[0].code, &found,
                             "the resource is not what R4 says", e);
}

static bool is_told(const struct issues *list, size_t count,
                    const char *expression)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list->items[i].expression, expression) == 0)
            return true;
    return false;
}

enum err_code validation_add(struct write *w, const struct issues *found,
                             struct err *e)
{
    size_t before;

    if (!w->issues)
        w->issues = arena_alloc(w->scratch, sizeof *w->issues);
    if (!w->issues)
        return err_nomem(e);
    before = w->issues->count;
    for (size_t i = 0; i < found->count; i++)
        if (!is_told(w->issues, before, found->items[i].expression))
            issues_add_err(w->issues, &found->items[i]);
    w->issues->dropped += found->dropped;
    return ERR_OK;
}

enum err_code validation_refuse(struct write *w, enum err_code code,
                                const struct issues *found, const char *why,
                                struct err *e)
{
    enum err_code added = validation_add(w, found, e);

    return added == ERR_OK ? err_set(e, code, "%s", why) : added;
}
