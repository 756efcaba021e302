#include "fhir/topic/trigger.h"

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
    if (n->issues->count + n->issues->dropped == before)
        check_criteria(n, out);
}

void trigger_read(const struct topic_node *n, const char *type,
                  struct bytes base_url, struct trigger *out)
{
    struct topic_node part;

    *out = (struct trigger){.type = type};
    if (!topic_node_only(n, TRIGGER_MEMBERS))
        return;
    read_interactions(n, out);
    if (topic_node_member(n, "fhirPathCriteria", &part))
        topic_node_refuse(&part, "cannot be evaluated: belfry reads "
                                 "queryCriteria only");
    if (topic_node_member(n, "queryCriteria", &part))
        read_criteria(&part, base_url, out);
}

void trigger_fini(struct trigger *t)
{
    query_free(t->previous);
    query_free(t->current);
    *t = (struct trigger){0};
}

static bool holds(const struct query *q, const struct search_values *v)
{
    return q && v && query_matches(q, v);
}

static bool criteria_hold(const struct trigger *t, const struct change_view *c)
{
    bool before = c->interaction == INTERACTION_CREATE
                      ? t->create_passes
                      : holds(t->previous, c->previous);
    bool after = c->interaction == INTERACTION_DELETE
                     ? t->delete_passes
                     : holds(t->current, c->current);

    return t->require_both ? before && after : before || after;
}

bool trigger_fires(const struct trigger *t, const struct change_view *change)
{
    if (!t->interactions[change->interaction] ||
        !bytes_is(change->resource_type, t->type))
        return false;
    return !t->has_criteria || criteria_hold(t, change);
}
