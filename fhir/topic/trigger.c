#include "fhir/topic/trigger.h"

#include <stdio.h>

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/search/binding.h"

const char *const TRIGGER_MEMBERS[] = {"id",
                                       "extension",
                                       "description",
                                       "resource",
                                       "supportedInteraction",
                                       "queryCriteria",
                                       "fhirPathCriteria",
                                       NULL};

static const char *const CRITERIA_MEMBERS[] = {
    "id",      "extension",       "previous",    "resultForCreate",
    "current", "resultForDelete", "requireBoth", NULL};

static const char *const INTERACTION_CODES[] = {[INTERACTION_CREATE] = "create",
                                                [INTERACTION_UPDATE] = "update",
                                                [INTERACTION_DELETE] =
                                                    "delete"};

static void read_interaction(const struct topic_node *n, struct trigger *out)
{
    const char *code = topic_node_own_text(n);

    if (!code)
        return;
    for (int i = INTERACTION_CREATE; i <= INTERACTION_DELETE; i++)
        if (strcmp(code, INTERACTION_CODES[i]) == 0) {
            out->interactions[i] = true;
            return;
        }
    topic_node_refuse(n, "'%.*s' is not one of create, update and delete",
                      TOPIC_QUOTE(code));
}

static void read_interactions(const struct topic_node *n, struct trigger *out)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_member(n, "supportedInteraction", &array)) {
        for (int i = INTERACTION_CREATE; i <= INTERACTION_DELETE; i++)
            out->interactions[i] = true;
        return;
    }
    if (!topic_node_array(n, "supportedInteraction", INTERACTION_DELETE,
                          &array))
        return;
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        read_interaction(&item, out);
    }
}

/* A criterion may repeat the type: "MedicationRequest?status=active". */
static bool strip_type(const struct topic_node *n, const char *type,
                       struct bytes *text)
{
    size_t mark = bytes_find(*text, '?');
    struct bytes named = bytes_make(text->p, mark);

    if (mark < bytes_find(*text, '=')) {
        if (named.n && !bytes_is(named, type)) {
            topic_node_refuse(n,
                              "is a criterion for '%.*s', but the trigger "
                              "is for %s",
                              topic_quote_bytes(named), named.p, type);
            return false;
        }
        *text = bytes_from(*text, mark + 1);
    }
    if (text->n == 0)
        topic_node_refuse(n, "has no condition");
    return text->n > 0;
}

static void read_side(const struct topic_node *n, const char *key,
                      const struct trigger *t, struct bytes base_url,
                      struct query **out)
{
    struct topic_node side;
    struct bytes text;
    struct err e;

    if (!topic_node_member(n, key, &side))
        return;
    text = bytes_of(topic_node_own_text(&side));
    if (!text.p || !strip_type(&side, t->type, &text))
        return;
    if (query_compile(bytes_of(t->type), text, base_url, out, &e) != ERR_OK)
        topic_node_refuse_err(&side, &e);
}

static void read_result(const struct topic_node *n, const char *key,
                        bool *passes)
{
    struct topic_node result;
    const char *code;

    if (!topic_node_member(n, key, &result) ||
        !(code = topic_node_own_text(&result)))
        return;
    *passes = strcmp(code, "test-passes") == 0;
    if (!*passes && strcmp(code, "test-fails") != 0)
        topic_node_refuse(&result,
                          "'%.*s' is neither test-passes nor test-fails",
                          TOPIC_QUOTE(code));
}

static void read_require_both(const struct topic_node *n, struct trigger *out)
{
    struct topic_node flag;

    if (!topic_node_member(n, "requireBoth", &flag))
        return;
    out->require_both = cJSON_IsTrue(flag.json);
    if (!cJSON_IsBool(flag.json))
        topic_node_refuse(&flag, "must be true or false");
}

bool trigger_can_fire(const struct trigger *t, enum interaction i)
{
    bool before =
        i == INTERACTION_CREATE ? t->create_passes : t->previous != NULL;
    bool after =
        i == INTERACTION_DELETE ? t->delete_passes : t->current != NULL;

    if (!t->has_criteria || !t->interactions[i])
        return t->interactions[i];
    return t->require_both ? before && after : before || after;
}

static void check_criteria(const struct topic_node *n, const struct trigger *t)
{
    if (!t->previous && !t->current)
        topic_node_refuse(n, "needs a previous or a current criterion");
    else if (!trigger_can_fire(t, INTERACTION_CREATE) &&
             !trigger_can_fire(t, INTERACTION_UPDATE) &&
             !trigger_can_fire(t, INTERACTION_DELETE))
        topic_node_refuse(n,
                          "can never fire: no supported interaction has a "
                          "test that can pass%s",
                          t->require_both ? " on both sides, and requireBoth "
                                            "asks for both"
                                          : "");
}

static void refuse_side(const struct topic_node *n, const char *key,
                        const struct err *e)
{
    struct topic_node side;

    if (topic_node_member(n, key, &side))
        topic_node_refuse_err(&side, e);
}

/* What no resource of the type can be is a mistake. A trigger for many types
 * may name what only some of them can be. */
static void check_codes(const struct topic_node *n, const struct trigger *t)
{
    struct err before, after;
    bool no_before =
        t->previous && binding_check(t->previous, &before) != ERR_OK;
    bool no_after = t->current && binding_check(t->current, &after) != ERR_OK;
    bool may_hold = (t->previous && !no_before) || (t->current && !no_after);

    if (t->of_many && !t->require_both && may_hold)
        return;
    if (no_before)
        refuse_side(n, "previous", &before);
    if (no_after)
        refuse_side(n, "current", &after);
}

static void read_criteria(const struct topic_node *n, struct bytes base_url,
                          struct trigger *out)
{
    size_t before = n->issues->count + n->issues->dropped;

    out->has_criteria = true;
    if (!topic_node_only(n, CRITERIA_MEMBERS))
        return;
    read_side(n, "previous", out, base_url, &out->previous);
    read_side(n, "current", out, base_url, &out->current);
    read_result(n, "resultForCreate", &out->create_passes);
    read_result(n, "resultForDelete", &out->delete_passes);
    read_require_both(n, out);
    /* judged only when nothing is missing because it was refused */
    if (n->issues->count + n->issues->dropped == before) {
        check_criteria(n, out);
        check_codes(n, out);
    }
}

/* The expression sees the resource of the type; what no type of R4 has is a
 * mistake that would never fire. */
static void read_path(const struct topic_node *n, struct trigger *out)
{
    const struct fhirpath_options options = {
        .context = out->type, .strict = true, .criterion = true};
    const char *text = topic_node_own_text(n);
    struct err e;
    enum err_code rc;

    if (!text)
        return;
    rc = fhirpath_compile(bytes_of(text), &options, &out->path, &e);
    if (rc == ERR_OK)
        rc = fhirpath_check(out->path, &e);
    if (rc != ERR_OK)
        topic_node_refuse_err(n, &e);
}

void trigger_read(const struct topic_node *n, const struct trigger_for *type,
                  struct bytes base_url, struct trigger *out)
{
    struct topic_node part;

    *out = (struct trigger){.type = type->name, .of_many = type->is_one_of};
    if (!topic_node_only(n, TRIGGER_MEMBERS))
        return;
    read_interactions(n, out);
    if (topic_node_member(n, "fhirPathCriteria", &part))
        read_path(&part, out);
    if (topic_node_member(n, "queryCriteria", &part))
        read_criteria(&part, base_url, out);
}

void trigger_fini(struct trigger *t)
{
    query_free(t->previous);
    query_free(t->current);
    fhirpath_free(t->path);
    *t = (struct trigger){0};
}

/* ---- evaluation ---- */

/* A side's criterion on its way to the trace. */
struct telling {
    const struct trace *trace;
    const char *name;
};

static void tell_predicate(void *ctx, struct bytes looked_for,
                           struct bytes found, bool passed)
{
    const struct telling *t = ctx;

    t->trace->test(t->trace->ctx,
                   &(struct trace_test){t->name, looked_for, found, passed});
}

static void tell(const struct trace *trace, const char *name,
                 const char *looked_for, const char *found, bool passed)
{
    if (trace)
        trace->test(trace->ctx, &(struct trace_test){name, bytes_of(looked_for),
                                                     bytes_of(found), passed});
}

/* A criterion on one version; an absent one has not passed. */
static bool holds(const struct query *q, const struct search_values *v,
                  const char *name, const struct trace *trace)
{
    struct telling t = {trace, name};
    const struct query_teller teller = {tell_predicate, &t};

    if (!q || !v) {
        tell(trace, name, q ? "a version to judge" : "",
             q ? "there is none" : "the trigger has no such criterion", false);
        return false;
    }
    return trace ? query_matches_telling(q, v, &teller) : query_matches(q, v);
}

static bool result(bool passes, const char *name, const struct trace *trace)
{
    tell(trace, name, "test-passes", passes ? "test-passes" : "test-fails",
         passes);
    return passes;
}

static bool criteria_hold(const struct trigger *t, const struct change_view *c)
{
    bool before = c->interaction == INTERACTION_CREATE
                      ? result(t->create_passes, "resultForCreate", c->trace)
                      : holds(t->previous, c->previous, "previous", c->trace);
    bool after = c->interaction == INTERACTION_DELETE
                     ? result(t->delete_passes, "resultForDelete", c->trace)
                     : holds(t->current, c->current, "current", c->trace);
    bool both = t->require_both ? before && after : before || after;

    tell(c->trace, "requireBoth",
         t->require_both ? "both sides" : "either side",
         before ? (after ? "both sides" : "the previous side")
                : (after ? "the current side" : "neither side"),
         both);
    return both;
}

static bool supports(const struct trigger *t, const struct change_view *c)
{
    bool supported = t->interactions[c->interaction];
    char list[64] = "";

    if (!c->trace)
        return supported;
    for (int i = INTERACTION_CREATE; i <= INTERACTION_DELETE; i++)
        if (t->interactions[i]) {
            size_t n = strlen(list);

            (void)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "",
                           INTERACTION_CODES[i]);
        }
    tell(c->trace, "interaction", list, INTERACTION_CODES[c->interaction],
         supported);
    return supported;
}

static enum err_code evaluate_path(const struct trigger *t,
                                   const struct change_trees *trees, bool *out,
                                   struct err *e)
{
    struct fhirpath_input input = {.now_ms = trees->now_ms};
    struct fhirpath_collection found = {0};
    enum err_code rc;

    *e = (struct err){.code = ERR_OK};
    arena_reset(trees->arena);
    input.previous = trees->previous(trees->ctx, e);
    if (e->code == ERR_OK)
        input.current = trees->current(trees->ctx, e);
    if (e->code != ERR_OK)
        return e->code;
    input.resource = input.current ? input.current : input.previous;
    rc = fhirpath_evaluate(t->path, &input, trees->arena, &found, e);
    return rc == ERR_OK
               ? fhirpath_is_true(t->path, &found, trees->arena, out, e)
               : rc;
}

static bool path_holds(const struct trigger *t, const struct change_view *c)
{
    struct err e = {.code = ERR_UNPROCESSABLE};
    bool holds = false;
    enum err_code rc =
        c->trees ? evaluate_path(t, c->trees, &holds, &e) : ERR_UNPROCESSABLE;

    holds = holds && rc == ERR_OK;
    if (c->trace)
        c->trace->test(c->trace->ctx,
                       &(struct trace_test){"fhirPathCriteria",
                                            fhirpath_text(t->path),
                                            bytes_of(rc != ERR_OK ? e.message
                                                     : holds      ? "true"
                                                                  : "false"),
                                            holds});
    return holds;
}

static bool evaluate(const struct trigger *t, const struct change_view *change)
{
    bool holds = supports(t, change);

    if (holds && t->has_criteria)
        holds = criteria_hold(t, change);
    if (t->path && (holds || change->trace))
        holds = path_holds(t, change) && holds;
    return holds;
}

static bool evaluate_traced(const struct trigger *t,
                            const struct change_view *change)
{
    const struct trace *trace = change->trace;
    struct trace_group group = {.kind = "trigger", .type = bytes_of(t->type)};
    char name[32];
    bool fires;

    (void)snprintf(name, sizeof name, "resourceTrigger[%zu]", t->source);
    group.name = bytes_of(name);
    trace->open(trace->ctx, &group);
    fires = evaluate(t, change);
    trace->close(trace->ctx, fires);
    return fires;
}

/* A trigger for events is fired by none but the reports of its codes. */
static bool takes_report(const struct trigger *t, const struct topic_report *r)
{
    for (size_t i = 0; t->event_codes && i < t->event_code_count; i++)
        if (bytes_is(r->system, t->event_codes[i].system) &&
            bytes_is(r->code, t->event_codes[i].code))
            return true;
    return false;
}

bool trigger_fires(const struct trigger *t, const struct change_view *change)
{
    if (!bytes_is(change->resource_type, t->type))
        return false;
    if (t->event_codes || change->interaction == INTERACTION_EVENT)
        return change->report && takes_report(t, change->report);
    return change->trace ? evaluate_traced(t, change) : evaluate(t, change);
}

bool trigger_holds(const struct trigger *t, const struct search_values *v)
{
    if (!t->interactions[INTERACTION_CREATE] &&
        !t->interactions[INTERACTION_UPDATE])
        return false;
    return !t->current || query_matches(t->current, v);
}
