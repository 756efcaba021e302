#include "fhir/subscription/subscription.h"

#include "fhir/search/binding.h"
#include "fhir/subscription/channel.h"
#include "fhir/subscription/classic.h"
#include "fhir/subscription/extension.h"
#include "fhir/subscription/shape.h"
#include "storage/base/instant.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES 96

static const char *const status_texts[] = {[STATUS_REQUESTED] = "requested",
                                           [STATUS_ACTIVE] = "active",
                                           [STATUS_ERROR] = "error",
                                           [STATUS_OFF] = "off"};

static const char *const content_texts[] = {[CONTENT_EMPTY] = "empty",
                                            [CONTENT_ID_ONLY] = "id-only",
                                            [CONTENT_FULL_RESOURCE] =
                                                "full-resource"};

const char *subscription_status_text(enum subscription_status s)
{
    return status_texts[s];
}

const char *content_level_text(enum content_level c)
{
    return content_texts[c];
}

bool content_level_parse(struct bytes text, enum content_level *out)
{
    for (int c = CONTENT_EMPTY; c <= CONTENT_FULL_RESOURCE; c++) {
        if (bytes_is(text, content_texts[c])) {
            *out = (enum content_level)c;
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

struct reader {
    const cJSON *resource;
    bool classic;
    const struct subscription_rules *rules;
    struct subscription *s;
    struct issues *issues;
};

static void refuse(const struct reader *rd, const char *path, const char *why)
{
    issues_add(rd->issues, ERR_UNPROCESSABLE, path, "%s", why);
}

static void read_type(const struct reader *rd)
{
    const char *type = shape_string(rd->resource, "resourceType");

    if (type && strcmp(type, "Subscription") != 0)
        refuse(rd, "Subscription.resourceType", "must be Subscription");
}

/* A client asks for requested (active means the same) or off. */
static void read_status(const struct reader *rd)
{
    const char *status = shape_string(rd->resource, "status");

    if (!status)
        return;
    rd->s->off = strcmp(status, "off") == 0;
    if (strcmp(status, "error") == 0)
        refuse(rd, "Subscription.status",
               "only the server sets status error; send requested or off");
    else if (!rd->s->off && strcmp(status, "requested") != 0 &&
             strcmp(status, "active") != 0)
        issues_add(rd->issues, ERR_UNPROCESSABLE, "Subscription.status",
                   "%s is not a status; send requested or off", status);
}

static void read_end(const struct reader *rd)
{
    const char *end = shape_string(rd->resource, "end");

    if (!end)
        return;
    if (!instant_parse(bytes_of(end), &rd->s->end_ms))
        refuse(rd, "Subscription.end",
               "must be an instant: date, time with seconds, and zone");
    else if (rd->rules->now_ms != 0 && rd->s->end_ms <= rd->rules->now_ms)
        refuse(rd, "Subscription.end", "lies in the past");
}

/* What has not happened yet cannot be made up for. */
static void check_backfill(const struct reader *rd)
{
    const struct subscription *s = rd->s;

    if (s->backfill == BACKFILL_SINCE && rd->rules->now_ms != 0 &&
        s->backfill_since_ms > rd->rules->now_ms)
        refuse(rd, "Subscription.channel.extension",
               "subscription-backfill-since lies in the future");
    if (s->backfill != BACKFILL_NONE && s->topic &&
        !topic_goes_by_values(s->topic))
        refuse(rd, "Subscription.channel.extension",
               "a backfill is not possible for a topic with fhirPathCriteria "
               "or event triggers");
}

static bool is_absolute_uri(struct bytes text)
{
    size_t n = bytes_find(text, ':');

    if (n == 0 || n + 1 >= text.n)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if ((unsigned char)c <= 0x20 || (i == 0 && !letter))
            return false;
        if (i < n && !letter && !(c >= '0' && c <= '9') && !strchr("+.-", c))
            return false;
    }
    return true;
}

static enum err_code read_criteria(const struct reader *rd)
{
    const char *criteria = shape_string(rd->resource, "criteria");
    struct bytes text = bytes_of(criteria);
    const char *path = "Subscription.criteria";

    if (!criteria)
        return ERR_OK;
    if (rd->classic)
        return classic_read(text, rd->rules->base_url, rd->s, rd->issues);
    if (classic_is(text)) {
        refuse(rd, path,
               "must be the absolute canonical URL of a topic, for the "
               "Subscription claims the backport profile or has a content "
               "level; a query criteria goes with neither");
        return ERR_OK;
    }
    if (!is_absolute_uri(text)) {
        refuse(rd, path,
               "must be the absolute canonical URL of a topic, or a query on "
               "an R4 resource type such as Observation?code=1975-2");
        return ERR_OK;
    }
    rd->s->topic = topic_ref(topic_set_find(rd->rules->topics, text));
    if (!rd->s->topic)
        issues_add(rd->issues, ERR_UNPROCESSABLE, path,
                   "topic %s is not offered by this server", criteria);
    else if (topic_status(rd->s->topic) == TOPIC_RETIRED &&
             rd->rules->now_ms != 0 && !rd->s->off)
        issues_add(rd->issues, ERR_UNPROCESSABLE, path,
                   "topic %s is retired: it takes no more subscriptions",
                   criteria);
    rd->s->canonical = strdup(criteria);
    return rd->s->canonical ? ERR_OK : ERR_NOMEM;
}

static void free_filters(struct filter *filters, size_t n)
{
    for (size_t i = 0; i < n; i++)
        filter_fini(&filters[i]);
}

/* Moves the filters to the end of the subscription's. */
static enum err_code keep_filters(struct subscription *s,
                                  struct filter *filters, size_t n)
{
    struct filter *all =
        realloc(s->filters, (s->filter_count + n) * sizeof *all);

    if (!all) {
        free_filters(filters, n);
        return ERR_NOMEM;
    }
    memcpy(all + s->filter_count, filters, n * sizeof *all);
    s->filters = all;
    s->filter_count += n;
    return ERR_OK;
}

/* One that names no type may be meant for some of the topic's types only. */
static enum err_code check_codes(const struct filter *filters, size_t n,
                                 struct err *e)
{
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < n; i++) {
        rc = binding_check(filters[i].query, e);
        if (rc == ERR_OK)
            return ERR_OK;
    }
    return rc;
}

static enum err_code read_filter(const struct reader *rd, const cJSON *value,
                                 const char *path)
{
    struct filter filters[TOPIC_TYPES_MAX];
    struct err e = {.code = ERR_OK};
    size_t n = 0;
    enum err_code rc;

    if (rd->classic)
        refuse(rd, path,
               "a filter narrows a topic; a query criteria has none: put the "
               "condition into the query");
    if (!rd->s->topic)
        return ERR_OK;
    rc = topic_filter_compile(rd->s->topic, bytes_of(value->valuestring),
                              rd->rules->base_url, filters, &n, &e);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc == ERR_OK)
        rc = check_codes(filters, n, &e);
    if (rc != ERR_OK) {
        free_filters(filters, n);
        refuse(rd, path, e.message);
        return ERR_OK;
    }
    return n ? keep_filters(rd->s, filters, n) : ERR_OK;
}

static enum err_code read_filters(const struct reader *rd)
{
    const cJSON *extension;
    enum err_code rc = ERR_OK;
    char path[PATH_BYTES];
    int found = 0;
    int i = 0;

    cJSON_ArrayForEach(extension, shape_extensions(rd->resource, "criteria"))
    {
        enum extension_kind kind;
        const cJSON *value = extension_value(extension, &kind);

        (void)snprintf(path, sizeof path, "Subscription.criteria.extension[%d]",
                       i++);
        if (kind != EXTENSION_FILTER || rc != ERR_OK)
            continue;
        found++;
        if (found <= SUBSCRIPTION_FILTERS_MAX)
            rc = read_filter(rd, value, path);
        else if (found == SUBSCRIPTION_FILTERS_MAX + 1)
            issues_add(rd->issues, ERR_UNPROCESSABLE, path,
                       "more than %d filters", SUBSCRIPTION_FILTERS_MAX);
    }
    return rc;
}

static enum err_code read_all(const struct reader *rd)
{
    enum err_code rc;

    shape_check(rd->resource, !rd->classic, rd->issues);
    read_type(rd);
    read_status(rd);
    read_end(rd);
    rc = read_criteria(rd);
    if (rc == ERR_OK)
        rc = read_filters(rd);
    if (rc == ERR_OK)
        rc = channel_read(
            cJSON_GetObjectItemCaseSensitive(rd->resource, "channel"),
            rd->rules, rd->s, rd->issues);
    if (rc == ERR_OK)
        check_backfill(rd);
    return rc;
}

static bool is_classic(const cJSON *resource)
{
    return classic_is(bytes_of(shape_string(resource, "criteria"))) &&
           !classic_is_denied(resource);
}

enum err_code subscription_read(const cJSON *resource,
                                const struct subscription_rules *r,
                                struct subscription **out,
                                struct issues *issues)
{
    struct reader rd = {.resource = resource,
                        .classic = is_classic(resource),
                        .rules = r,
                        .s = calloc(1, sizeof *rd.s),
                        .issues = issues};
    enum err_code rc = rd.s ? read_all(&rd) : ERR_NOMEM;

    *out = NULL;
    if (rc == ERR_NOMEM)
        issues_add(issues, rc, "", "out of memory");
    else if (issues->count > 0)
        rc = issues->items[0].code;
    if (rc != ERR_OK) {
        subscription_free(rd.s);
        return rc;
    }
    *out = rd.s;
    return ERR_OK;
}

void subscription_free(struct subscription *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->filter_count; i++)
        filter_fini(&s->filters[i]);
    for (size_t i = 0; i < s->header_count; i++)
        free(s->headers[i]);
    topic_unref(s->topic);
    free(s->filters);
    free(s->headers);
    free(s->canonical);
    free(s->endpoint);
    free(s->mime_type);
    free(s->secret);
    free(s);
}

bool subscription_filters_trace(const struct subscription *s,
                                const struct search_values *v,
                                const struct trace *trace)
{
    bool all = true;

    for (size_t i = 0; i < s->filter_count; i++) {
        all = filter_holds(&s->filters[i], v, trace) && all;
        if (!all && !trace)
            break;
    }
    return all;
}

bool subscription_filters_match(const struct subscription *s,
                                const struct search_values *v)
{
    return subscription_filters_trace(s, v, NULL);
}
