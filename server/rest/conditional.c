#include "server/rest/conditional.h"

#include "fhir/json/span.h"
#include "fhir/json/unescape.h"
#include "fhir/model/types.h"
#include "fhir/search/index_plan.h"
#include "fhir/search/values.h"
#include "server/engine/condition.h"
#include "server/engine/read.h"
#include "server/engine/search.h"
#include "server/rest/exchange.h"
#include "server/rest/search.h"

/* One resource's JSON and values. */
#define SCRATCH_BYTES ((size_t)64 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define STEP 64

/* A search for no more than two. */
struct finding {
    const struct rest *rest;
    struct bytes type;
    struct query *query;
    struct arena arena;   /* plans and ids */
    struct arena scratch; /* of one candidate */
    size_t looks;
    size_t count;
    struct bytes id; /* of the first; arena */
    uint64_t version;
    int64_t time_ms;
    struct err *e;
    enum err_code failed;
};

/* ---- searching ---- */

static bool judge(struct finding *f, const struct search_candidate *c)
{
    struct search_values *values = NULL;

    arena_reset(&f->scratch);
    f->failed = search_values_read(c->text, f->rest->base_url, &f->scratch,
                                   &values, f->e);
    if (f->failed != ERR_OK)
        return false;
    search_values_stamp(values, c->time_ms);
    return query_matches(f->query, values);
}

static bool look(void *ctx, const struct search_candidate *c)
{
    struct finding *f = ctx;

    f->looks++;
    if (!judge(f, c))
        return f->failed == ERR_OK;
    if (f->count++ > 0)
        return false;
    f->id = arena_copy(&f->arena, c->id);
    f->version = c->version;
    f->time_ms = c->time_ms;
    if (!f->id.p)
        f->failed = err_nomem(f->e);
    return f->failed == ERR_OK;
}

static enum err_code walk(struct finding *f)
{
    struct index_plan *plans;
    size_t plan_count;
    struct bytes after = {NULL, 0};
    struct search_step s = {.more = true};
    enum err_code code =
        index_plans(f->query, &f->arena, &plans, &plan_count, f->e);

    while (code == ERR_OK && s.more && f->count < 2) {
        if (f->looks > SEARCH_LOOK_MAX)
            return err_set(f->e, ERR_TOO_COSTLY,
                           "the criteria of a conditional interaction make "
                           "belfry look at too many resources; ask for an "
                           "identifier");
        s = (struct search_step){.type = f->type,
                                 .plans = plans,
                                 .plan_count = plan_count,
                                 .after = after,
                                 .max = STEP,
                                 .each = look,
                                 .ctx = f,
                                 .arena = &f->arena};
        code = engine_search(f->rest->config.engine, &s, f->e);
        after = s.last;
        if (code == ERR_OK)
            code = f->failed;
    }
    return code;
}

static enum err_code compile(struct finding *f, const struct params *criteria)
{
    struct query_search q = {.resource_type = f->type,
                             .base_url = f->rest->base_url,
                             .now_ms = clock_wall_ms(f->rest->config.clock)};
    struct query_parameter *list =
        arena_calloc(&f->arena, criteria->n + 1, sizeof *list);

    if (!list)
        return err_nomem(f->e);
    for (size_t i = 0; i < criteria->n; i++)
        if (!bytes_is(criteria->items[i].name, "_format"))
            list[q.count++] = (struct query_parameter){
                criteria->items[i].name, criteria->items[i].value};
    q.parameters = list;
    if (q.count == 0)
        return err_set(f->e, ERR_INVALID,
                       "a conditional interaction needs search criteria");
    if (bytes_is(f->type, "Subscription") || !model_is_resource_type(f->type))
        return err_set(f->e, ERR_NOT_SUPPORTED,
                       "conditional interactions are not supported for %.*s",
                       BYTES_ARG(f->type));
    return query_compile_search(&q, &f->query, f->e);
}

static enum err_code finding_begin(struct finding *f, const struct rest *rest,
                                   struct bytes type,
                                   const struct params *criteria, struct err *e)
{
    *f = (struct finding){.rest = rest, .type = type, .e = e};
    arena_init(&f->arena, ARENA_BYTES);
    arena_init(&f->scratch, SCRATCH_BYTES);
    return compile(f, criteria);
}

static void finding_end(struct finding *f)
{
    arena_fini(&f->arena);
    arena_fini(&f->scratch);
}

/* ---- what is to be done ---- */

static enum err_code refuse_several(struct err *e)
{
    return err_set(e, ERR_PRECONDITION,
                   "the criteria find more than one resource");
}

/* The id that the body has; empty without one. */
static enum err_code body_id(struct bytes body, struct arena *arena,
                             struct bytes *out, struct err *e)
{
    struct json_item item;
    struct bytes raw;
    char *p;

    *out = bytes_make("", 0);
    if (!json_member(body, json_root(body), "id", &item))
        return ERR_OK;
    raw = json_text(body, item.value);
    if (raw.n < 2 || raw.p[0] != '"')
        return ERR_OK; /* validation says so */
    p = arena_alloc(arena, raw.n);
    if (!p)
        return err_nomem(e);
    *out = bytes_make(p, json_unescape(bytes_make(raw.p + 1, raw.n - 2), p));
    return ERR_OK;
}

static enum err_code aim_update(const struct rest *rest, struct conditional *c,
                                struct arena *arena, struct err *e)
{
    struct resource_version there;
    struct bytes id;
    enum err_code code = body_id(c->body, arena, &id, e);

    if (code != ERR_OK || (c->version > 0 && id.n == 0))
        return code;
    if (c->version > 0)
        return bytes_equal(id, c->id)
                   ? ERR_OK
                   : err_set(e, ERR_INVALID,
                             "the resource's id is not that of the one that "
                             "the criteria find");
    c->kind = id.n > 0 ? COMMAND_UPDATE : COMMAND_CREATE;
    c->is_new = id.n > 0;
    c->id = id;
    if (id.n == 0)
        return ERR_OK;
    if (!model_is_id(id))
        return err_set(e, ERR_INVALID, "the resource's id is no id");
    code =
        engine_read(rest->config.engine,
                    &(struct resource_query){c->type, id, 0}, arena, &there, e);
    if (code == ERR_OK && !there.deleted)
        return err_set(e, ERR_CONFLICT,
                       "the criteria find nothing, but a resource with this "
                       "id is there");
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code aim(const struct rest *rest, struct conditional *c,
                         const struct finding *f, struct arena *arena,
                         struct err *e)
{
    if (f->count > 1)
        return refuse_several(e);
    c->kind = c->asked;
    c->version = f->version;
    c->time_ms = f->time_ms;
    c->id = arena_copy(arena, f->id);
    if (f->count > 0 && !c->id.p)
        return err_nomem(e);
    c->nothing = c->asked == COMMAND_CREATE   ? f->count > 0
                 : c->asked == COMMAND_DELETE ? f->count == 0
                                              : false;
    return c->asked == COMMAND_UPDATE ? aim_update(rest, c, arena, e) : ERR_OK;
}

/* What the search sees later than this the writer looks at again. */
static enum err_code begin_condition(struct finding *f, struct condition **out)
{
    *out = condition_new(f->rest->config.engine, &f->query);
    if (!*out)
        return err_nomem(f->e);
    f->query = (*out)->query;
    return ERR_OK;
}

enum err_code conditional_find(const struct rest *rest, struct conditional *c,
                               struct arena *arena, struct err *e)
{
    struct condition *condition = NULL;
    struct finding f;
    enum err_code code = finding_begin(&f, rest, c->type, &c->criteria, e);

    if (code == ERR_OK)
        code = begin_condition(&f, &condition);
    if (code == ERR_OK)
        code = walk(&f);
    if (code == ERR_OK)
        code = aim(rest, c, &f, arena, e);
    if (code == ERR_OK && !c->nothing) {
        condition_found(condition, f.id);
        c->condition = condition;
        condition = NULL;
    }
    condition_free(condition);
    finding_end(&f);
    return code;
}

/* ---- references ---- */

static enum err_code join(struct bytes type, struct bytes id,
                          struct arena *arena, struct bytes *out, struct err *e)
{
    char *p = arena_alloc(arena, type.n + 1 + id.n);

    if (!p)
        return err_nomem(e);
    memcpy(p, type.p, type.n);
    p[type.n] = '/';
    memcpy(p + type.n + 1, id.p, id.n);
    *out = bytes_make(p, type.n + 1 + id.n);
    return ERR_OK;
}

enum err_code conditional_reference(const struct rest *rest,
                                    struct bytes reference, struct arena *arena,
                                    struct bytes *to, struct err *e)
{
    struct bytes query, type = bytes_split(reference, '?', &query);
    struct params criteria = {.n = 0};
    struct finding f;
    enum err_code code = params_add(&criteria, query, arena, e);

    if (code != ERR_OK)
        return code;
    code = finding_begin(&f, rest, type, &criteria, e);
    if (code == ERR_OK)
        code = walk(&f);
    if (code == ERR_OK && f.count > 1)
        code = refuse_several(e);
    else if (code == ERR_OK && f.count == 0)
        code = err_set(e, ERR_PRECONDITION,
                       "a conditional reference finds nothing");
    if (code == ERR_OK)
        code = join(type, f.id, arena, to, e);
    query_free(f.query);
    finding_end(&f);
    return code;
}
