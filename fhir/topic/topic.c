#include "fhir/topic/topic.h"

#include "fhir/json/gate.h"
#include "fhir/topic/condition.h"
#include "fhir/topic/offer.h"
#include "fhir/topic/topic_node.h"
#include "fhir/topic/trigger.h"
#include "storage/base/buf.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

struct topic {
    char *url;
    char *version;
    char *title;
    char *description;
    struct trigger *triggers;
    size_t trigger_count;
    struct offer *offers;
    size_t offer_count;
    const char *types[TOPIC_TYPES_MAX]; /* of the triggers, without repeats */
    size_t type_count;
};

/* Of R4B and R5 and later metadata. What must be understood and is
 * not (implicitRules, modifierExtension) is left out on purpose. */
static const char *const TOPIC_MEMBERS[] = {"resourceType",
                                            "id",
                                            "meta",
                                            "language",
                                            "text",
                                            "contained",
                                            "extension",
                                            "url",
                                            "identifier",
                                            "version",
                                            "versionAlgorithmString",
                                            "versionAlgorithmCoding",
                                            "name",
                                            "title",
                                            "derivedFrom",
                                            "status",
                                            "experimental",
                                            "date",
                                            "publisher",
                                            "contact",
                                            "description",
                                            "useContext",
                                            "jurisdiction",
                                            "purpose",
                                            "copyright",
                                            "copyrightLabel",
                                            "approvalDate",
                                            "lastReviewDate",
                                            "effectivePeriod",
                                            "resourceTrigger",
                                            "eventTrigger",
                                            "canFilterBy",
                                            "notificationShape",
                                            NULL};

static const char *const SHAPE_MEMBERS[] = {
    "id", "description", "resource", "include", "revInclude", NULL};

/* ---- reading ---- */

static size_t problems(const struct issues *issues)
{
    return issues->count + issues->dropped;
}

static char *copy(const struct topic_node *n, const char *text)
{
    char *p = strdup(text ? text : "");

    if (!p)
        issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
    return p;
}

/* RFC 3986: a scheme, ':', and something behind it. */
static bool is_absolute(const char *url)
{
    static const char ALPHA[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char SCHEME[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    size_t n = strspn(url, SCHEME);

    return strspn(url, ALPHA) > 0 && url[n] == ':' && url[n + 1] != '\0' &&
           strcmp(url + n, "://") != 0;
}

static void read_url(const struct topic_node *n, struct topic *t)
{
    const char *url = topic_node_text(n, "url", TOPIC_REQUIRED);
    struct topic_node member;

    t->url = copy(n, url);
    if (!url || !topic_node_member(n, "url", &member))
        return;
    if (!is_absolute(url))
        topic_node_refuse(&member, "must be an absolute URI");
    else if (strpbrk(url, "#|"))
        topic_node_refuse(&member, "must have no fragment ('#') and no version "
                                   "('|')");
    else if (strpbrk(url, " \t\r\n"))
        topic_node_refuse(&member, "must have no white space");
}

static void read_version(const struct topic_node *n, struct topic *t)
{
    const char *version = topic_node_text(n, "version", TOPIC_OPTIONAL);
    struct topic_node member;

    t->version = copy(n, version);
    if (version && strpbrk(version, "|#") &&
        topic_node_member(n, "version", &member))
        topic_node_refuse(&member, "must have no '|' and no '#'");
}

static void read_status(const struct topic_node *n)
{
    const char *status = topic_node_text(n, "status", TOPIC_REQUIRED);
    struct topic_node member;

    if (!status || !topic_node_member(n, "status", &member) ||
        strcmp(status, "active") == 0 || strcmp(status, "draft") == 0)
        return;
    if (strcmp(status, "retired") == 0 || strcmp(status, "unknown") == 0)
        topic_node_refuse(&member,
                          "a topic that is %s is not served: make it "
                          "active or draft, or take the file away",
                          status);
    else
        topic_node_refuse(&member,
                          "'%.*s' is not one of draft, active, "
                          "retired and unknown",
                          TOPIC_QUOTE(status));
}

static void read_texts(const struct topic_node *n, struct topic *t)
{
    const char *name = topic_node_text(n, "name", TOPIC_OPTIONAL);
    const char *title = topic_node_text(n, "title", TOPIC_OPTIONAL);

    read_url(n, t);
    read_version(n, t);
    read_status(n);
    t->title = copy(n, title ? title : name);
    t->description = copy(n, topic_node_text(n, "description", TOPIC_OPTIONAL));
}

static void add_type(const struct topic_node *n, struct topic *t,
                     const char *type)
{
    for (size_t i = 0; i < t->type_count; i++)
        if (strcmp(t->types[i], type) == 0)
            return;
    if (t->type_count == TOPIC_TYPES_MAX)
        topic_node_refuse(n,
                          "is for a resource type more than the %d that "
                          "belfry takes in one topic",
                          TOPIC_TYPES_MAX);
    else
        t->types[t->type_count++] = type;
}

static void read_triggers(const struct topic_node *n, struct bytes base_url,
                          struct topic *t)
{
    struct topic_node array;
    struct topic_node item;
    size_t count;

    if (!topic_node_member(n, "resourceTrigger", &array)) {
        issues_add(n->issues, ERR_UNPROCESSABLE_REQUIRED,
                   "SubscriptionTopic.resourceTrigger",
                   "at least one resourceTrigger is required");
        return;
    }
    count = topic_node_array(n, "resourceTrigger", TOPIC_TRIGGERS_MAX, &array);
    if (count == 0)
        return;
    t->triggers = calloc(count, sizeof *t->triggers);
    if (!t->triggers) {
        issues_add(n->issues, ERR_NOMEM, array.path, "out of memory");
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        struct trigger *trigger = &t->triggers[t->trigger_count];

        topic_node_item(&array, j, t->trigger_count++, &item);
        trigger_read(&item, base_url, trigger);
        if (trigger->type)
            add_type(&item, t, trigger->type);
    }
}

static void read_offers(const struct topic_node *n, struct topic *t)
{
    struct topic_node array;
    struct topic_node item;
    size_t count =
        topic_node_array(n, "canFilterBy", TOPIC_FILTERS_MAX, &array);

    if (count == 0)
        return;
    t->offers = calloc(count, sizeof *t->offers);
    if (!t->offers) {
        issues_add(n->issues, ERR_NOMEM, array.path, "out of memory");
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        struct offer *offer = &t->offers[t->offer_count];

        topic_node_item(&array, j, t->offer_count++, &item);
        offer_read(&item, t->types, t->type_count, offer);
    }
}

static bool has_type(const struct topic *t, const char *type)
{
    for (size_t i = 0; i < t->type_count; i++)
        if (strcmp(t->types[i], type) == 0)
            return true;
    return false;
}

static void read_shape(const struct topic_node *n, const struct topic *t)
{
    struct topic_node member;
    const char *type;

    if (!topic_node_only(n, SHAPE_MEMBERS))
        return;
    type = topic_node_type(n, "resource", TOPIC_REQUIRED);
    if (type && !has_type(t, type) && topic_node_member(n, "resource", &member))
        topic_node_refuse(&member, "no trigger of this topic is for %s", type);
    if (topic_node_member(n, "include", &member))
        topic_node_refuse(&member, "belfry's notifications carry the resource "
                                   "that changed and no included ones");
    if (topic_node_member(n, "revInclude", &member))
        topic_node_refuse(&member, "belfry's notifications carry the resource "
                                   "that changed and no included ones");
}

static void read_shapes(const struct topic_node *n, const struct topic *t)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_array(n, "notificationShape", TOPIC_FILTERS_MAX, &array))
        return;
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        read_shape(&item, t);
    }
}

static void read_topic(const struct topic_node *n, struct bytes base_url,
                       struct topic *t)
{
    const char *type = topic_node_text(n, "resourceType", TOPIC_REQUIRED);
    struct topic_node member;

    if (!type)
        return;
    if (strcmp(type, "SubscriptionTopic") != 0) {
        if (topic_node_member(n, "resourceType", &member))
            topic_node_refuse(&member,
                              "is '%.*s', but must be SubscriptionTopic",
                              TOPIC_QUOTE(type));
        return;
    }
    (void)topic_node_only(n, TOPIC_MEMBERS);
    read_texts(n, t);
    read_triggers(n, base_url, t);
    if (topic_node_member(n, "eventTrigger", &member))
        topic_node_refuse(&member, "cannot be evaluated: belfry fires on "
                                   "changes of resources only");
    read_offers(n, t);
    read_shapes(n, t);
}

static enum err_code outcome(const struct issues *issues, size_t before)
{
    if (problems(issues) == before)
        return ERR_OK;
    for (size_t i = before; i < issues->count; i++)
        if (issues->items[i].code == ERR_NOMEM)
            return ERR_NOMEM;
    return ERR_UNPROCESSABLE;
}

static enum err_code parse(struct bytes text, cJSON **out,
                           struct issues *issues)
{
    struct err e = {0};

    if (json_gate(text, &e) != ERR_OK) {
        issues_add_err(issues, &e);
        return e.code;
    }
    *out = cJSON_ParseWithLength(text.p, text.n);
    if (!*out) {
        issues_add(issues, ERR_NOMEM, "", "out of memory");
        return ERR_NOMEM;
    }
    return ERR_OK;
}

enum err_code topic_compile(struct bytes text, struct bytes base_url,
                            struct topic **out, struct issues *issues)
{
    size_t before = problems(issues);
    struct topic_node root;
    struct topic *t = NULL;
    cJSON *json = NULL;
    enum err_code rc = parse(text, &json, issues);

    *out = NULL;
    if (rc != ERR_OK)
        return rc;
    topic_node_init(&root, json, "SubscriptionTopic", issues);
    t = calloc(1, sizeof *t);
    if (t)
        read_topic(&root, base_url, t);
    else
        issues_add(issues, ERR_NOMEM, root.path, "out of memory");
    rc = outcome(issues, before);
    cJSON_Delete(json);
    if (rc == ERR_OK)
        *out = t;
    else
        topic_free(t);
    return rc;
}

void topic_free(struct topic *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->trigger_count; i++)
        trigger_fini(&t->triggers[i]);
    for (size_t i = 0; i < t->offer_count; i++)
        offer_fini(&t->offers[i]);
    free(t->triggers);
    free(t->offers);
    free(t->url);
    free(t->version);
    free(t->title);
    free(t->description);
    free(t);
}

/* ---- what a topic says ---- */

const char *topic_url(const struct topic *t)
{
    return t->url;
}

const char *topic_version(const struct topic *t)
{
    return t->version;
}

const char *topic_title(const struct topic *t)
{
    return t->title;
}

const char *topic_description(const struct topic *t)
{
    return t->description;
}

size_t topic_trigger_count(const struct topic *t)
{
    return t->trigger_count;
}

struct bytes topic_trigger_type(const struct topic *t, size_t index)
{
    return bytes_of(t->triggers[index].type);
}

bool topic_trigger_has(const struct topic *t, size_t index, enum interaction i)
{
    return trigger_can_fire(&t->triggers[index], i);
}

size_t topic_filter_count(const struct topic *t)
{
    return t->offer_count;
}

const char *topic_filter_parameter(const struct topic *t, size_t index,
                                   struct bytes resource_type)
{
    const struct offer *o = &t->offers[index];
    const char *type = topic_type_find(resource_type);

    return type && offer_covers(o, type, o->code) ? o->code : NULL;
}

bool topic_fires(const struct topic *t, const struct change_view *change)
{
    for (size_t i = 0; i < t->trigger_count; i++)
        if (trigger_fires(&t->triggers[i], change))
            return true;
    return false;
}

/* ---- filters ---- */

static bool offers(const struct topic *t, const char *type, const char *code)
{
    for (size_t i = 0; i < t->offer_count; i++)
        if (offer_covers(&t->offers[i], type, code))
            return true;
    return false;
}

/* Whether the condition is one for the resource type. */
static bool concerns(const struct topic *t, const struct condition *c,
                     const char *type)
{
    return c->type ? strcmp(c->type, type) == 0 : offers(t, type, c->code);
}

static enum err_code check_condition(const struct topic *t,
                                     const struct condition *c, struct err *e)
{
    if (c->type && !has_type(t, c->type))
        return err_set(e, ERR_UNPROCESSABLE,
                       "the topic is not triggered by %s, so it cannot be "
                       "filtered by it",
                       c->type);
    for (size_t i = 0; i < t->type_count; i++)
        if (concerns(t, c, t->types[i]) && offers(t, t->types[i], c->code))
            return ERR_OK;
    return err_set(e, ERR_UNPROCESSABLE,
                   "the topic offers no filter by the parameter '%s'%s%s",
                   c->code, c->type ? " of " : "", c->type ? c->type : "");
}

static bool permits(const struct topic *t, const char *type,
                    struct query_term term)
{
    for (size_t i = 0; i < t->offer_count; i++)
        if (offer_covers(&t->offers[i], type, term.code) &&
            offer_permits(&t->offers[i], term))
            return true;
    return false;
}

static enum err_code check_terms(const struct topic *t, const char *type,
                                 const struct query *q, struct err *e)
{
    for (size_t i = 0; i < query_term_count(q); i++) {
        struct query_term term = query_term_at(q, i);
        bool modified = term.modifier[0] != '\0';

        if (!permits(t, type, term))
            return err_set(e, ERR_UNPROCESSABLE,
                           "the topic does not offer the %s '%s' for the "
                           "parameter '%s' of %s",
                           modified ? "modifier" : "comparator",
                           modified ? term.modifier : term.comparator,
                           term.code, type);
    }
    return ERR_OK;
}

static enum err_code compile_text(const struct topic *t, const char *type,
                                  struct bytes text, struct bytes base_url,
                                  struct query **out, struct err *e)
{
    enum err_code rc = query_compile(bytes_of(type), text, base_url, out, e);

    if (rc != ERR_OK) {
        /* what a search answers with 400 makes a Subscription 422 */
        if (e && rc != ERR_NOMEM)
            e->code = ERR_UNPROCESSABLE;
        return rc == ERR_NOMEM ? rc : ERR_UNPROCESSABLE;
    }
    rc = check_terms(t, type, *out, e);
    if (rc != ERR_OK) {
        query_free(*out);
        *out = NULL;
    }
    return rc;
}

struct conditions {
    struct condition items[QUERY_PREDICATES_MAX];
    size_t count;
};

/* The conditions that concern the type, joined again, as one query. */
static enum err_code compile_type(const struct topic *t, const char *type,
                                  const struct conditions *list,
                                  struct bytes base_url, struct query **out,
                                  struct err *e)
{
    struct buf text;
    enum err_code rc;

    *out = NULL;
    buf_init(&text, QUERY_TEXT_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (!concerns(t, &list->items[i], type))
            continue;
        if (text.n)
            buf_add_char(&text, '&');
        buf_add(&text, list->items[i].text);
    }
    rc = buf_check(&text, e);
    if (rc == ERR_OK && text.n)
        rc = compile_text(t, type, buf_bytes(&text), base_url, out, e);
    buf_fini(&text);
    return rc;
}

static enum err_code read_conditions(const struct topic *t, struct bytes text,
                                     struct conditions *out, struct err *e)
{
    enum err_code rc;

    if (t->offer_count == 0)
        return err_set(e, ERR_UNPROCESSABLE, "the topic offers no filters");
    rc = condition_split(text, out->items, &out->count, e);
    for (size_t i = 0; rc == ERR_OK && i < out->count; i++)
        rc = check_condition(t, &out->items[i], e);
    return rc;
}

enum err_code topic_filter_compile(const struct topic *t, struct bytes text,
                                   struct bytes base_url,
                                   struct filter filters[], size_t *count,
                                   struct err *e)
{
    struct conditions list = {.count = 0};
    enum err_code rc = read_conditions(t, text, &list, e);
    size_t made = 0;

    for (size_t i = 0; rc == ERR_OK && i < t->type_count; i++) {
        struct query *q = NULL;

        rc = compile_type(t, t->types[i], &list, base_url, &q, e);
        if (q)
            filters[made++] = (struct filter){q, bytes_of(t->types[i])};
    }
    while (rc != ERR_OK && made > 0)
        filter_fini(&filters[--made]);
    *count = made;
    return rc;
}

void filter_fini(struct filter *f)
{
    query_free(f->query);
    *f = (struct filter){0};
}
