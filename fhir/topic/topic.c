#include "fhir/topic/topic.h"

#include "fhir/json/gate.h"
#include "fhir/model/types.h"
#include "fhir/topic/basic.h"
#include "fhir/topic/parts.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_BYTES 65

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

static void read_status(const struct topic_node *n, struct topic *t)
{
    static const char *const codes[] = {[TOPIC_DRAFT] = "draft",
                                        [TOPIC_ACTIVE] = "active",
                                        [TOPIC_RETIRED] = "retired",
                                        [TOPIC_UNKNOWN] = "unknown"};
    const char *status = topic_node_text(n, "status", TOPIC_REQUIRED);
    struct topic_node member;

    if (!status || !topic_node_member(n, "status", &member))
        return;
    for (int i = TOPIC_DRAFT; i <= TOPIC_UNKNOWN; i++)
        if (strcmp(status, codes[i]) == 0)
            t->status = (enum topic_status)i;
    if (t->status == 0)
        topic_node_refuse(&member,
                          "'%.*s' is not one of draft, active, "
                          "retired and unknown",
                          TOPIC_QUOTE(status));
}

/* The same url makes the same id in every run. */
static void read_id(const struct topic_node *n, struct topic *t)
{
    static const uint64_t key[2] = {0x746f7069635f6964, 0x62656c667279};
    const char *id =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(n->json, "id"));
    char made[ID_BYTES];

    if (id && model_is_id(bytes_of(id))) {
        t->id = copy(n, id);
    } else if (snprintf(made, sizeof made, "topic-%016llx",
                        (unsigned long long)bytes_hash(
                            bytes_of(t->url ? t->url : ""), key)) > 0) {
        t->id = copy(n, made);
    }
}

static void read_texts(const struct topic_node *n, struct topic *t)
{
    const char *name = topic_node_text(n, "name", TOPIC_OPTIONAL);
    const char *title = topic_node_text(n, "title", TOPIC_OPTIONAL);

    read_url(n, t);
    read_version(n, t);
    read_status(n, t);
    read_id(n, t);
    t->title = copy(n, title ? title : name);
    (void)topic_node_text(n, "description", TOPIC_OPTIONAL);
}

bool topic_has_type(const struct topic *t, const char *type)
{
    for (size_t i = 0; i < t->type_count; i++)
        if (strcmp(t->types[i], type) == 0)
            return true;
    return false;
}

static void add_trigger(const struct topic_node *n, struct topic *t,
                        struct trigger *trigger)
{
    size_t capacity = t->trigger_capacity ? 2 * t->trigger_capacity : 4;
    struct trigger *grown;

    if (t->trigger_count == t->trigger_capacity) {
        grown = realloc(t->triggers, capacity * sizeof *grown);
        if (!grown) {
            issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
            trigger_fini(trigger);
            return;
        }
        t->triggers = grown;
        t->trigger_capacity = capacity;
    }
    t->triggers[t->trigger_count++] = *trigger;
    if (!topic_has_type(t, trigger->type))
        t->types[t->type_count++] = trigger->type;
}

struct triggers {
    struct topic *topic;
    struct bytes base_url;
    size_t source;
};

static void read_trigger_of(const struct topic_node *n, const char *type,
                            const struct triggers *x)
{
    struct trigger trigger;

    trigger_read(n, &(struct trigger_for){type, false}, x->base_url, &trigger);
    trigger.source = x->source;
    add_trigger(n, x->topic, &trigger);
}

/* A trigger for all types is one for each type that its criteria can be
 * evaluated for and may hold for. */
static void read_wildcard(const struct topic_node *n, enum topic_scope scope,
                          const struct triggers *x)
{
    struct issues *tried = calloc(1, sizeof *tried);
    struct issues *first = calloc(1, sizeof *first);
    struct topic_node trial = *n;
    size_t before = x->topic->trigger_count;

    trial.issues = tried;
    for (size_t i = 0; tried && first && i < model_resource_type_count(); i++) {
        const char *type = model_resource_type(i);
        struct trigger trigger;

        if (!topic_scope_has(scope, type))
            continue;
        *tried = (struct issues){.count = 0};
        trigger_read(&trial, &(struct trigger_for){type, true}, x->base_url,
                     &trigger);
        trigger.source = x->source;
        if (problems(tried) == 0) {
            add_trigger(n, x->topic, &trigger);
            continue;
        }
        if (problems(first) == 0)
            *first = *tried;
        trigger_fini(&trigger);
    }
    if (!tried || !first)
        issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
    else if (x->topic->trigger_count == before)
        for (size_t i = 0; i < first->count; i++)
            issues_add_err(n->issues, &first->items[i]);
    free(tried);
    free(first);
}

static void read_trigger(const struct topic_node *n, const struct triggers *x)
{
    const char *type;
    enum topic_scope scope =
        topic_node_scope(n, "resource", TOPIC_REQUIRED, &type);
    struct topic_node resource;

    switch (scope) {
    case TOPIC_SCOPE_ABSENT:
        (void)topic_node_only(n, TRIGGER_MEMBERS);
        return;
    case TOPIC_SCOPE_DOMAIN:
    case TOPIC_SCOPE_ALL:
        read_wildcard(n, scope, x);
        return;
    case TOPIC_SCOPE_TYPE:
    case TOPIC_SCOPE_UNKNOWN:
        break;
    }
    if (!topic_node_member(n, "resource", &resource))
        return;
    if (!type)
        topic_node_refuse(&resource, "'%.*s' is no R4 resource type",
                          TOPIC_QUOTE(topic_node_own_text(&resource)));
    else if (strcmp(type, "Subscription") == 0)
        /* the server's own status changes would notify of themselves */
        topic_node_refuse(&resource, "belfry does not notify of Subscriptions");
    else
        read_trigger_of(n, type, x);
}

static void read_triggers(const struct topic_node *n, struct bytes base_url,
                          struct topic *t)
{
    struct triggers x = {t, base_url, 0};
    struct topic_node array;
    struct topic_node item;

    if (!topic_node_array(n, "resourceTrigger", TOPIC_TRIGGERS_MAX, &array))
        return;
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, x.source, &item);
        read_trigger(&item, &x);
        x.source++;
    }
}

/* ---- eventTrigger ---- */

#define EVENT_CODES_MAX 32

static const char *const EVENT_MEMBERS[] = {"id",    "extension", "description",
                                            "event", "resource",  NULL};

static const char *member_text(const cJSON *object, const char *name)
{
    const char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text ? text : "";
}

static void read_coding(const struct topic_node *n, const cJSON *coding,
                        size_t source, struct topic *t)
{
    struct event_code *e = &t->events[t->event_count];

    if (member_text(coding, "code")[0] == '\0')
        return;
    if (t->event_count == EVENT_CODES_MAX) {
        topic_node_refuse(n, "has more than %d codings with those before it",
                          EVENT_CODES_MAX);
        return;
    }
    e->source = source;
    e->system = copy(n, member_text(coding, "system"));
    e->code = copy(n, member_text(coding, "code"));
    t->event_count++;
}

static void read_event_codes(const struct topic_node *n, size_t source,
                             struct topic *t)
{
    size_t before = t->event_count;
    struct topic_node event;
    const cJSON *coding;

    if (!topic_node_member(n, "event", &event)) {
        topic_node_refuse(n, "needs an event");
        return;
    }
    cJSON_ArrayForEach(coding,
                       cJSON_GetObjectItemCaseSensitive(event.json, "coding"))
    {
        read_coding(&event, coding, source, t);
    }
    if (t->event_count == before)
        topic_node_refuse(&event, "needs a coding with a code: an event is "
                                  "reported by it");
}

static void add_event_trigger(const struct topic_node *n, const char *type,
                              size_t source, struct topic *t)
{
    struct trigger trigger = {.type = type, .source = source};

    for (size_t i = 0; i < t->event_count; i++)
        if (t->events[i].source == source) {
            if (!trigger.event_codes)
                trigger.event_codes = &t->events[i];
            trigger.event_code_count++;
        }
    trigger.interactions[INTERACTION_EVENT] = trigger.event_codes != NULL;
    if (trigger.event_codes)
        add_trigger(n, t, &trigger);
}

/* A profile's canonical does not say of which type it is: the event is then
 * about whatever the reporter says. */
static void read_event(const struct topic_node *n, size_t source,
                       struct topic *t)
{
    const char *type;
    enum topic_scope scope =
        topic_node_scope(n, "resource", TOPIC_REQUIRED, &type);

    if (!topic_node_only(n, EVENT_MEMBERS))
        return;
    read_event_codes(n, source, t);
    if (scope == TOPIC_SCOPE_UNKNOWN) {
        topic_node_warn(n, "its resource is no R4 resource type: a report may "
                           "be about any");
        scope = TOPIC_SCOPE_ALL;
    }
    if (type) {
        add_event_trigger(n, type, source, t);
        return;
    }
    for (size_t i = 0; i < model_resource_type_count(); i++)
        if (topic_scope_has(scope, model_resource_type(i)))
            add_event_trigger(n, model_resource_type(i), source, t);
}

static void read_events(const struct topic_node *n, struct topic *t)
{
    struct topic_node array;
    struct topic_node item;
    size_t source = 0;

    if (!topic_node_array(n, "eventTrigger", TOPIC_TRIGGERS_MAX, &array))
        return;
    t->events = calloc(EVENT_CODES_MAX + 1, sizeof *t->events);
    if (!t->events) {
        issues_add(n->issues, ERR_NOMEM, array.path, "out of memory");
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, source, &item);
        read_event(&item, source++, t);
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

static void read_contexts(const struct topic_node *n, struct topic *t)
{
    struct topic_node array;
    struct topic_node item;
    size_t count =
        topic_node_array(n, "notificationShape", TOPIC_FILTERS_MAX, &array);

    if (count == 0)
        return;
    t->contexts = calloc(count, sizeof *t->contexts);
    if (!t->contexts) {
        issues_add(n->issues, ERR_NOMEM, array.path, "out of memory");
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        struct context *context = &t->contexts[t->context_count];

        topic_node_item(&array, j, t->context_count++, &item);
        context_read(&item, context);
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
    read_events(n, t);
    if (!topic_node_member(n, "resourceTrigger", &member) &&
        !topic_node_member(n, "eventTrigger", &member))
        issues_add(n->issues, ERR_UNPROCESSABLE_REQUIRED,
                   "SubscriptionTopic.resourceTrigger",
                   "at least one resourceTrigger or eventTrigger is required");
    read_offers(n, t);
    read_contexts(n, t);
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

/* Of either form, the JSON form; NULL with an issue. */
static cJSON *parse(struct bytes text, struct issues *issues)
{
    struct err e = {0};
    cJSON *json;
    cJSON *topic;

    if (json_gate(text, &e) != ERR_OK) {
        issues_add_err(issues, &e);
        return NULL;
    }
    json = cJSON_ParseWithLength(text.p, text.n);
    if (!json)
        issues_add(issues, ERR_NOMEM, "", "out of memory");
    if (!json || !basic_is_topic(json))
        return json;
    topic = basic_to_topic(json, issues);
    cJSON_Delete(json);
    return topic;
}

static struct topic *topic_new(void)
{
    struct topic *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    users_init(&t->users);
    t->owner = strdup("");
    t->warnings = calloc(1, sizeof *t->warnings);
    if (t->owner && t->warnings)
        return t;
    topic_unref(t);
    return NULL;
}

/* The text outlives whatever memory cJSON has at the moment. */
static char *print(const cJSON *json)
{
    char *printed = cJSON_PrintUnformatted(json);
    char *text = printed ? strdup(printed) : NULL;

    cJSON_free(printed);
    return text;
}

static void keep(const struct topic_node *root, struct topic *t)
{
    t->json = print(root->json);
    if (!t->json)
        issues_add(root->issues, ERR_NOMEM, root->path, "out of memory");
    if (t->warnings->count)
        return;
    free(t->warnings);
    t->warnings = NULL;
}

static enum err_code compile(const cJSON *json, struct bytes base_url,
                             struct topic **out, struct issues *issues)
{
    size_t before = problems(issues);
    struct topic *t = topic_new();
    struct topic_node root;
    enum err_code rc;

    if (!t) {
        issues_add(issues, ERR_NOMEM, "SubscriptionTopic", "out of memory");
        return ERR_NOMEM;
    }
    topic_node_init(&root, json, "SubscriptionTopic", issues, t->warnings);
    read_topic(&root, base_url, t);
    keep(&root, t);
    rc = outcome(issues, before);
    if (rc == ERR_OK)
        *out = t;
    else
        topic_unref(t);
    return rc;
}

enum err_code topic_compile(struct bytes text, struct bytes base_url,
                            struct topic **out, struct issues *issues)
{
    size_t before = issues->count;
    cJSON *json = parse(text, issues);
    enum err_code rc;

    *out = NULL;
    if (!json)
        return issues->count > before ? issues->items[before].code
                                      : ERR_UNPROCESSABLE;
    rc = compile(json, base_url, out, issues);
    cJSON_Delete(json);
    return rc;
}

struct topic *topic_ref(struct topic *t)
{
    if (t)
        users_add(&t->users);
    return t;
}

static void topic_free(struct topic *t)
{
    for (size_t i = 0; i < t->trigger_count; i++)
        trigger_fini(&t->triggers[i]);
    for (size_t i = 0; i < t->offer_count; i++)
        offer_fini(&t->offers[i]);
    for (size_t i = 0; i < t->context_count; i++)
        context_fini(&t->contexts[i]);
    for (size_t i = 0; i < t->event_count; i++) {
        free(t->events[i].system);
        free(t->events[i].code);
    }
    free(t->events);
    free(t->triggers);
    free(t->offers);
    free(t->contexts);
    free(t->warnings);
    free(t->owner);
    free(t->id);
    free(t->url);
    free(t->version);
    free(t->title);
    free(t->json);
    free(t);
}

void topic_unref(struct topic *t)
{
    if (t && users_drop(&t->users))
        topic_free(t);
}

/* ---- what a topic says ---- */

bool topic_set_owner(struct topic *t, const char *owner)
{
    char *copied = strdup(owner);

    if (!copied)
        return false;
    free(t->owner);
    t->owner = copied;
    return true;
}

const char *topic_owner(const struct topic *t)
{
    return t->owner;
}

const struct issues *topic_warnings(const struct topic *t)
{
    return t->warnings;
}

const char *topic_id(const struct topic *t)
{
    return t->id;
}

struct bytes topic_text(const struct topic *t)
{
    return bytes_of(t->json);
}

enum topic_status topic_status(const struct topic *t)
{
    return t->status;
}

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

bool topic_has_events(const struct topic *t)
{
    return t->event_count > 0;
}

bool topic_takes_event(const struct topic_report *report, struct bytes type)
{
    const struct change_view view = {.interaction = INTERACTION_EVENT,
                                     .resource_type = type,
                                     .report = report};

    return topic_fires(report->topic, &view);
}

bool topic_fires(const struct topic *t, const struct change_view *change)
{
    bool fires = false;

    if (change->report && change->report->topic != t)
        return false;
    for (size_t i = 0; i < t->trigger_count; i++) {
        if (!trigger_fires(&t->triggers[i], change))
            continue;
        fires = true;
        if (!change->trace)
            break;
    }
    return fires;
}

bool topic_goes_by_values(const struct topic *t)
{
    for (size_t i = 0; i < t->trigger_count; i++)
        if (t->triggers[i].path || t->triggers[i].event_codes)
            return false;
    return true;
}

bool topic_holds(const struct topic *t, struct bytes type,
                 const struct search_values *values)
{
    for (size_t i = 0; i < t->trigger_count; i++)
        if (bytes_is(type, t->triggers[i].type) &&
            trigger_holds(&t->triggers[i], values))
            return true;
    return false;
}
