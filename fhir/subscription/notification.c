#include "fhir/subscription/notification.h"

#include "fhir/topic/context.h"
#include "storage/base/instant.h"

#define PROFILE \
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define BUNDLE_PROFILE PROFILE "backport-subscription-notification-r4"
#define STATUS_PROFILE PROFILE "backport-subscription-status-r4"
#define ERROR_SYSTEM "http://terminology.hl7.org/CodeSystem/subscription-error"

/* Ids, types and the base URL need no escaping in JSON: ids and types are
 * checked when they are accepted (R4 datatypes), the base URL at start. */

static const char *type_text(enum notification_type type)
{
    static const char *const names[] = {[NOTIFY_HANDSHAKE] = "handshake",
                                        [NOTIFY_HEARTBEAT] = "heartbeat",
                                        [NOTIFY_EVENT] = "event-notification",
                                        [NOTIFY_QUERY_STATUS] = "query-status",
                                        [NOTIFY_QUERY_EVENT] = "query-event"};

    return names[type];
}

static void add_instant(struct buf *out, int64_t time_ms)
{
    char text[INSTANT_TEXT_BYTES];

    instant_format(time_ms, text);
    buf_add_char(out, '"');
    buf_add(out, bytes_make(text, sizeof text));
    buf_add_char(out, '"');
}

/* [base]/Type/id, without quotes. */
static void add_url(struct buf *out, struct bytes base_url, struct bytes type,
                    struct bytes id)
{
    buf_add(out, base_url);
    buf_add_char(out, '/');
    buf_add(out, type);
    buf_add_char(out, '/');
    buf_add(out, id);
}

static void add_head(struct buf *out, const char *id, const char *profile,
                     const char *type)
{
    buf_add_text(out, "{\"resourceType\":\"Bundle\",\"id\":\"");
    buf_add_text(out, id);
    if (profile) {
        buf_add_text(out, "\",\"meta\":{\"profile\":[\"");
        buf_add_text(out, profile);
        buf_add_text(out, "\"]},\"type\":\"");
    } else {
        buf_add_text(out, "\",\"type\":\"");
    }
    buf_add_text(out, type);
    buf_add_text(out, "\",\"timestamp\":");
}

/* ---- the status Parameters ---- */

/* A member of an object that was opened just now or has members. */
static void add_string_member(struct buf *out, const char *name,
                              const char *value)
{
    if (!value)
        return;
    if (out->n && out->p[out->n - 1] != '{')
        buf_add_char(out, ',');
    buf_add_format(out, "\"%s\":", name);
    buf_add_json_string(out, bytes_of(value));
}

/* IG 1.2.0, related-query: the part query-type is a Coding. */
static void add_query(struct buf *out, const struct context_query *q)
{
    buf_add_text(out, ",{\"name\":\"related-query\",\"part\":[");
    if (q->system || q->code || q->display) {
        buf_add_text(out, "{\"name\":\"query-type\",\"valueCoding\":{");
        add_string_member(out, "system", q->system);
        add_string_member(out, "code", q->code);
        add_string_member(out, "display", q->display);
        buf_add_text(out, "}},");
    }
    buf_add_text(out, "{\"name\":\"query\",\"valueString\":");
    buf_add_json_string(out, bytes_of(q->query));
    buf_add_text(out, "}]}");
}

static void add_reference(struct buf *out, const struct notification_status *s,
                          const char *name, struct bytes type, struct bytes id)
{
    buf_add_format(out, ",{\"name\":\"%s\",\"valueReference\":", name);
    buf_add_text(out, "{\"reference\":\"");
    add_url(out, s->base_url, type, id);
    buf_add_text(out, "\"}}");
}

static void add_focus(struct buf *out, const struct notification_status *s,
                      const struct notification_event *event)
{
    add_reference(out, s, "focus", event->type, event->id);
    if (event->version)
        buf_add_format(out,
                       ",{\"name\":\"focus-version\",\"valueId\":\"%llu\"}",
                       (unsigned long long)event->version);
    for (size_t i = 0; i < event->context_count; i++)
        add_reference(out, s, "additional-context", event->contexts[i].type,
                      event->contexts[i].id);
    for (size_t i = 0; i < event->query_count; i++)
        add_query(out, event->queries[i]);
}

static void add_event(struct buf *out, const struct notification_status *s,
                      const struct notification_event *event, bool focus)
{
    buf_add_text(out, ",{\"name\":\"notification-event\",\"part\":["
                      "{\"name\":\"event-number\",\"valueString\":\"");
    buf_add_u64(out, event->number);
    buf_add_text(out, "\"},{\"name\":\"timestamp\",\"valueInstant\":");
    add_instant(out, event->time_ms);
    buf_add_char(out, '}');
    if (focus)
        add_focus(out, s, event);
    else if (event->digest[0])
        buf_add_format(out,
                       ",{\"name\":\"event-digest\",\"valueString\":\"%s\"}",
                       event->digest);
    buf_add_text(out, "]}");
}

static void add_proof(struct buf *out, const struct notification_proof *proof)
{
    buf_add_text(out, ",{\"name\":\"event-chain\",\"part\":["
                      "{\"name\":\"since\",\"valueString\":\"");
    buf_add_u64(out, proof->since);
    buf_add_text(out, "\"},{\"name\":\"event-number\",\"valueString\":\"");
    buf_add_u64(out, proof->number);
    buf_add_text(out, "\"},{\"name\":\"value\",\"valueString\":\"");
    buf_add_text(out, proof->value);
    buf_add_text(out, "\"}]}");
}

static void add_value(struct buf *out, const struct notification_fact *fact)
{
    switch (fact->kind) {
    case NOTIFICATION_TEXT:
        buf_add_text(out, "\"valueString\":");
        buf_add_json_string(out, bytes_of(fact->text));
        break;
    case NOTIFICATION_COUNT:
        buf_add_text(out, "\"valueString\":\"");
        buf_add_u64(out, (uint64_t)fact->number);
        buf_add_char(out, '"');
        break;
    case NOTIFICATION_INSTANT:
        buf_add_text(out, "\"valueInstant\":");
        add_instant(out, fact->number);
        break;
    case NOTIFICATION_FLAG:
        buf_add_text(out, "\"valueBoolean\":");
        buf_add_text(out, fact->number ? "true" : "false");
        break;
    case NOTIFICATION_GROUP:
        break;
    }
}

static void open_fact(struct buf *out, const struct notification_fact *fact)
{
    buf_add_text(out, "{\"name\":\"");
    buf_add_text(out, fact->name);
    buf_add_text(out, "\",");
}

void notification_write_fact(struct buf *out,
                             const struct notification_fact *fact)
{
    open_fact(out, fact);
    if (fact->kind != NOTIFICATION_GROUP) {
        add_value(out, fact);
        buf_add_char(out, '}');
        return;
    }
    for (int64_t i = 0; i < fact->number; i++) {
        buf_add_text(out, i == 0 ? "\"part\":[" : ",");
        open_fact(out, &fact->parts[i]);
        add_value(out, &fact->parts[i]);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]}");
}

static void open_parameters(struct buf *out,
                            const struct notification_status *s,
                            uint64_t events_since_start)
{
    buf_add_text(out, "{\"resourceType\":\"Parameters\",\"id\":\"");
    buf_add_text(out, s->uuid);
    buf_add_text(out, "\",\"meta\":{\"profile\":[\"" STATUS_PROFILE
                      "\"]},\"parameter\":[{\"name\":\"subscription\","
                      "\"valueReference\":{\"reference\":\"");
    add_url(out, s->base_url, bytes_of("Subscription"), s->subscription_id);
    buf_add_text(out, "\"}}");
    if (s->topic) {
        buf_add_text(out, ",{\"name\":\"topic\",\"valueCanonical\":");
        buf_add_json_string(out, bytes_of(s->topic));
        buf_add_char(out, '}');
    }
    buf_add_text(out, ",{\"name\":\"status\",\"valueCode\":\"");
    buf_add_text(out, subscription_status_text(s->status));
    buf_add_text(out, "\"},{\"name\":\"type\",\"valueCode\":\"");
    buf_add_text(out, type_text(s->type));
    buf_add_text(out, "\"},{\"name\":\"events-since-subscription-start\","
                      "\"valueString\":\"");
    buf_add_u64(out, events_since_start);
    buf_add_text(out, "\"}");
}

static void close_parameters(struct buf *out,
                             const struct notification_status *s)
{
    for (size_t i = 0; i < s->fact_count; i++) {
        buf_add_char(out, ',');
        notification_write_fact(out, &s->facts[i]);
    }
    if (s->proof.value[0])
        add_proof(out, &s->proof);
    if (s->error_text) {
        buf_add_text(out, ",{\"name\":\"error\",\"valueCodeableConcept\":{");
        if (s->error_code) {
            buf_add_text(out, "\"coding\":[{\"system\":\"" ERROR_SYSTEM
                              "\",\"code\":\"");
            buf_add_text(out, s->error_code);
            buf_add_text(out, "\"}],");
        }
        buf_add_text(out, "\"text\":");
        buf_add_json_string(out, bytes_of(s->error_text));
        buf_add_text(out, "}}");
    }
    buf_add_text(out, "]}");
}

static void open_status_entry(struct buf *out,
                              const struct notification_status *s)
{
    buf_add_text(out, "{\"fullUrl\":\"urn:uuid:");
    buf_add_text(out, s->uuid);
    buf_add_text(out, "\",\"resource\":");
}

/* ---- the history Bundle ---- */

static const char *method_of(const struct notification_event *event)
{
    if (event->interaction == INTERACTION_DELETE)
        return "DELETE";
    if (event->interaction == INTERACTION_EVENT)
        return "GET";
    if (event->interaction == INTERACTION_CREATE && !event->update_as_create)
        return "POST";
    return "PUT";
}

static const char *response_of(const struct notification_event *event)
{
    switch (event->interaction) {
    case INTERACTION_CREATE:
        return "201";
    case INTERACTION_UPDATE:
    case INTERACTION_EVENT:
        return "200";
    case INTERACTION_DELETE:
        return "204";
    }
    return "200";
}

/* The status slice is 1..1 by resource type: a Parameters that is the focus
 * can be told of, but not enclosed (backport-subscription-notification-r4). */
static bool has_resource(const struct notification *n,
                         const struct notification_event *event)
{
    return n->content == CONTENT_FULL_RESOURCE &&
           event->interaction != INTERACTION_DELETE && event->text.n > 0 &&
           !bytes_is(event->type, "Parameters");
}

static void add_entry(struct buf *out, const struct notification *n,
                      const struct notification_event *event)
{
    const char *method = method_of(event);

    buf_add_text(out, ",{\"fullUrl\":\"");
    add_url(out, n->status.base_url, event->type, event->id);
    if (has_resource(n, event)) {
        buf_add_text(out, "\",\"resource\":");
        buf_add(out, event->text);
        buf_add_text(out, ",\"request\":{\"method\":\"");
    } else {
        buf_add_text(out, "\",\"request\":{\"method\":\"");
    }
    buf_add_text(out, method);
    buf_add_text(out, "\",\"url\":\"");
    buf_add(out, event->type);
    if (strcmp(method, "POST") != 0) {
        buf_add_char(out, '/');
        buf_add(out, event->id);
    }
    buf_add_text(out, "\"},\"response\":{\"status\":\"");
    buf_add_text(out, response_of(event));
    buf_add_text(out, "\"}}");
}

static bool is_same(const struct notification_context *a,
                    const struct notification_context *b)
{
    return a->version == b->version && bytes_equal(a->type, b->type) &&
           bytes_equal(a->id, b->id);
}

/* Events of one bundle share what is around them. */
static bool was_enclosed(const struct notification *n, size_t event,
                         size_t index)
{
    const struct notification_context *c = &n->events[event].contexts[index];

    for (size_t i = 0; i <= event; i++)
        for (size_t k = 0; k < n->events[i].context_count; k++) {
            if (i == event && k == index)
                return false;
            if (is_same(&n->events[i].contexts[k], c))
                return true;
        }
    return false;
}

static void add_context(struct buf *out, const struct notification *n,
                        const struct notification_context *c)
{
    buf_add_text(out, ",{\"fullUrl\":\"");
    add_url(out, n->status.base_url, c->type, c->id);
    buf_add_char(out, '"');
    if (n->content == CONTENT_FULL_RESOURCE && c->text.n > 0 &&
        !bytes_is(c->type, "Parameters")) {
        buf_add_text(out, ",\"resource\":");
        buf_add(out, c->text);
    }
    buf_add_text(out, ",\"request\":{\"method\":\"GET\",\"url\":\"");
    buf_add(out, c->type);
    buf_add_char(out, '/');
    buf_add(out, c->id);
    buf_add_text(out, "\"},\"response\":{\"status\":\"200\"}}");
}

static void add_contexts(struct buf *out, const struct notification *n,
                         size_t event)
{
    for (size_t i = 0; i < n->events[event].context_count; i++)
        if (!was_enclosed(n, event, i))
            add_context(out, n, &n->events[event].contexts[i]);
}

/* Event notifications tell the highest number of the bundle, all others the
 * live counter (trap 19). */
static uint64_t count_to_tell(const struct notification *n)
{
    uint64_t highest = 0;

    if (n->status.type != NOTIFY_EVENT)
        return n->status.events_since_start;
    for (size_t i = 0; i < n->event_count; i++) {
        if (n->events[i].number > highest)
            highest = n->events[i].number;
    }
    return highest;
}

static size_t events_to_tell(const struct notification *n)
{
    switch (n->status.type) {
    case NOTIFY_EVENT:
    case NOTIFY_QUERY_EVENT:
        return n->event_count;
    case NOTIFY_HANDSHAKE:
    case NOTIFY_HEARTBEAT:
    case NOTIFY_QUERY_STATUS:
        break;
    }
    return 0;
}

static void add_next(struct buf *out, const char *url)
{
    buf_add_text(out, ",\"link\":[{\"relation\":\"next\",\"url\":");
    buf_add_json_string(out, bytes_of(url));
    buf_add_text(out, "}]");
}

void notification_write(struct buf *out, const struct notification *n)
{
    struct notification_status s = n->status;
    size_t events = events_to_tell(n);
    bool empty = n->content == CONTENT_EMPTY;

    if (empty)
        s.topic = NULL;
    add_head(out, n->bundle_id, BUNDLE_PROFILE, "history");
    add_instant(out, n->timestamp_ms);
    if (n->next_url)
        add_next(out, n->next_url);
    buf_add_text(out, ",\"entry\":[");
    open_status_entry(out, &s);
    open_parameters(out, &s, count_to_tell(n));
    for (size_t i = 0; i < events; i++)
        add_event(out, &s, &n->events[i], !empty);
    close_parameters(out, &s);
    buf_add_text(out, ",\"request\":{\"method\":\"GET\",\"url\":\"");
    add_url(out, s.base_url, bytes_of("Subscription"), s.subscription_id);
    buf_add_text(out, "/$status\"},\"response\":{\"status\":\"200\"}}");
    for (size_t i = 0; i < events && !empty; i++) {
        add_entry(out, n, &n->events[i]);
        add_contexts(out, n, i);
    }
    buf_add_text(out, "]}");
}

/* ---- the searchset of $status ---- */

void notification_write_status_bundle(struct buf *out, const char *bundle_id,
                                      int64_t timestamp_ms,
                                      const struct notification_status *items,
                                      size_t n)
{
    add_head(out, bundle_id, NULL, "searchset");
    add_instant(out, timestamp_ms);
    buf_add_text(out, ",\"total\":");
    buf_add_u64(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i == 0 ? ",\"entry\":[" : ",");
        open_status_entry(out, &items[i]);
        open_parameters(out, &items[i], items[i].events_since_start);
        close_parameters(out, &items[i]);
        buf_add_text(out, ",\"search\":{\"mode\":\"match\"}}");
    }
    buf_add_text(out, n ? "]}" : "}");
}
