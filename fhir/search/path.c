#include "fhir/search/path.h"

#include "fhir/search/table.h"

#include <assert.h>

/* One step of the walk: the element it stands at and, when that is one of an
 * array, where to go on. */
struct level {
    const cJSON *element;
    bool more;           /* the element's neighbours are meant as well */
    struct bytes rest;   /* the steps below it */
    struct bytes member; /* of a condition; empty without one */
    struct bytes value;
};

/* Most names differ in their first bytes already. */
static bool is_named(const char *key, struct bytes name)
{
    size_t i = 0;

    while (i < name.n && key[i] == name.p[i])
        i++;
    return i == name.n && key[i] == '\0';
}

static const cJSON *member(const cJSON *object, struct bytes name)
{
    const cJSON *child;

    if (!cJSON_IsObject(object))
        return NULL;
    cJSON_ArrayForEach(child, object)
    {
        if (child->string && is_named(child->string, name))
            return child;
    }
    return NULL;
}

static struct level enter(const cJSON *object, struct bytes steps)
{
    struct level level = {0};
    struct bytes step = bytes_split(steps, '.', &level.rest), condition;
    struct bytes name = bytes_split(step, '[', &condition);
    const cJSON *found = member(object, name);
    bool first_only = condition.n > 0 && condition.p[0] == '0';

    if (condition.n > 0 && !first_only) {
        condition.n--; /* the ']' */
        level.member = bytes_split(condition, '=', &level.value);
    }
    level.element = cJSON_IsArray(found) ? found->child : found;
    level.more = cJSON_IsArray(found) && !first_only;
    return level;
}

static bool is_wanted(const struct level *level, const cJSON *element)
{
    const cJSON *found;

    if (level->member.n == 0)
        return true;
    found = member(element, level->member);
    return found && cJSON_IsString(found) &&
           bytes_equal(bytes_of(found->valuestring), level->value);
}

void path_walk(const cJSON *from, struct bytes steps,
               void (*each)(void *ctx, const cJSON *element), void *ctx)
{
    struct level stack[SEARCH_PATH_DEPTH_MAX];
    size_t depth = 1;

    if (steps.n == 0) {
        each(ctx, from);
        return;
    }
    stack[0] = enter(from, steps);
    while (depth > 0) {
        struct level *top = &stack[depth - 1];
        const cJSON *element = top->element;

        if (!element) {
            depth--;
            continue;
        }
        top->element = top->more ? element->next : NULL;
        if (!is_wanted(top, element))
            continue;
        if (top->rest.n == 0) {
            each(ctx, element);
        } else {
            assert(depth < SEARCH_PATH_DEPTH_MAX);
            stack[depth++] = enter(element, top->rest);
        }
    }
}
