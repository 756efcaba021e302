#include "fhir/search/path.h"

#include "fhir/search/table.h"

#include <assert.h>

/* One step of the walk: the element it stands at and, when that is one of an
 * array, where the array ends. */
struct level {
    uint32_t element;
    uint32_t end;
    struct bytes rest;   /* the steps below it */
    struct bytes member; /* of a condition; empty without one */
    struct bytes value;
};

/* The first step of steps, which is a name. */
static struct bytes take_name(struct bytes steps, struct bytes *behind)
{
    size_t n = 0;

    while (n < steps.n && steps.p[n] != '.' && steps.p[n] != '[')
        n++;
    *behind = bytes_from(steps, n);
    return bytes_make(steps.p, n);
}

/* "[system=email]" or "[0]" in front of the rest; true for the latter. */
static bool take_condition(struct level *level)
{
    struct bytes condition;

    if (level->rest.n == 0 || level->rest.p[0] != '[')
        return false;
    condition = bytes_split(bytes_from(level->rest, 1), ']', &level->rest);
    if (condition.p[0] == '0')
        return true;
    level->member = bytes_split(condition, '=', &level->value);
    return false;
}

static struct level enter(const struct json_tokens *t, uint32_t object,
                          struct bytes steps)
{
    struct level level = {.rest = steps};
    struct bytes name = take_name(steps, &level.rest);
    uint32_t found = json_token_member(t, object, name);
    bool first_only;

    first_only = take_condition(&level);
    level.rest = bytes_from(level.rest, 1); /* the dot */
    level.element = level.end = found;
    if (found == JSON_NONE)
        return level;
    level.end = json_token(t, found)->next;
    if (json_token_first(t, found) == '[') {
        level.element = found + 1;
        if (first_only && level.end > found + 2)
            level.end = found + 2;
    }
    return level;
}

static bool is_wanted(const struct json_tokens *t, const struct level *level,
                      uint32_t element)
{
    uint32_t found;

    if (level->member.n == 0)
        return true;
    found = json_token_member(t, element, level->member);
    return found != JSON_NONE && json_token_string_is(t, found, level->value);
}

void path_walk(const struct json_tokens *tokens, uint32_t from,
               struct bytes steps, void (*each)(void *ctx, uint32_t element),
               void *ctx)
{
    struct level stack[SEARCH_PATH_DEPTH_MAX];
    size_t depth = 1;

    if (steps.n == 0) {
        each(ctx, from);
        return;
    }
    stack[0] = enter(tokens, from, steps);
    while (depth > 0) {
        struct level *top = &stack[depth - 1];
        uint32_t element = top->element;

        if (element >= top->end) {
            depth--;
            continue;
        }
        top->element = json_token(tokens, element)->next;
        if (!is_wanted(tokens, top, element))
            continue;
        if (top->rest.n == 0) {
            each(ctx, element);
        } else {
            assert(depth < SEARCH_PATH_DEPTH_MAX);
            stack[depth++] = enter(tokens, element, top->rest);
        }
    }
}
