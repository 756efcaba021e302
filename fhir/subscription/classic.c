#include "fhir/subscription/classic.h"

#include <stdlib.h>

#include "fhir/model/types.h"
#include "fhir/search/binding.h"
#include "fhir/subscription/extension.h"
#include "fhir/subscription/shape.h"
#include "fhir/topic/topic_node.h"
#include "storage/base/buf.h"

#define CRITERIA "Subscription.criteria"
#define PROFILE                                      \
    "http://hl7.org/fhir/uv/subscriptions-backport/" \
    "StructureDefinition/backport-subscription"

static struct bytes without_slash(struct bytes criteria)
{
    return bytes_starts(criteria, "/") ? bytes_from(criteria, 1) : criteria;
}

bool classic_is(struct bytes criteria)
{
    struct bytes rest;

    return model_is_resource_type(
        bytes_split(without_slash(criteria), '?', &rest));
}

static bool claims_profile(const cJSON *resource)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(resource, "meta");
    const cJSON *profile;

    cJSON_ArrayForEach(profile, shape_array(meta, "profile"))
    {
        struct bytes version;
        struct bytes url =
            bytes_split(bytes_of(cJSON_GetStringValue(profile)), '|', &version);

        if (bytes_is(url, PROFILE))
            return true;
    }
    return false;
}

bool classic_is_denied(const cJSON *resource)
{
    const cJSON *channel =
        cJSON_GetObjectItemCaseSensitive(resource, "channel");
    const cJSON *extension;

    cJSON_ArrayForEach(extension, shape_extensions(channel, "payload"))
    {
        enum extension_kind kind;

        (void)extension_value(extension, &kind);
        if (kind == EXTENSION_CONTENT)
            return true;
    }
    return claims_profile(resource);
}

/* R4 search.html, "Search result parameters", and what only says how an answer
 * looks. */
static bool is_result_parameter(struct bytes name)
{
    static const char *const names[] = {
        "_format",        "_pretty",  "_count",     "_sort",
        "_summary",       "_total",   "_elements",  "_contained",
        "_containedType", "_include", "_revinclude"};

    name.n = bytes_find(name, ':');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_is(name, names[i]))
            return true;
    return false;
}

/* What selects, joined again. */
static void add_selecting(struct buf *out, struct bytes query)
{
    while (query.n) {
        struct bytes value;
        struct bytes part = bytes_split(query, '&', &query);

        if (part.n == 0 || is_result_parameter(bytes_split(part, '=', &value)))
            continue;
        if (out->n)
            buf_add_char(out, '&');
        buf_add(out, part);
    }
}

static enum err_code keep_filter(struct subscription *s, struct query *query)
{
    s->filters = calloc(1, sizeof *s->filters);
    if (!s->filters) {
        query_free(query);
        return ERR_NOMEM;
    }
    s->filters[0] = (struct filter){query, bytes_of(s->classic_type)};
    s->filter_count = 1;
    return ERR_OK;
}

static enum err_code compile(struct bytes query, struct bytes base_url,
                             struct subscription *s, struct issues *issues)
{
    struct query *compiled = NULL;
    struct err e = {.code = ERR_OK};
    enum err_code rc = query_compile(bytes_of(s->classic_type), query, base_url,
                                     &compiled, &e);

    if (rc == ERR_OK)
        rc = binding_check(compiled, &e);
    if (rc == ERR_OK)
        return keep_filter(s, compiled);
    query_free(compiled);
    if (rc != ERR_NOMEM)
        issues_add(issues, ERR_UNPROCESSABLE, CRITERIA, "%s", e.message);
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

enum err_code classic_read(struct bytes criteria, struct bytes base_url,
                           struct subscription *s, struct issues *issues)
{
    struct bytes query;
    struct bytes type = bytes_split(without_slash(criteria), '?', &query);
    struct buf selecting;
    struct err e = {.code = ERR_OK};
    enum err_code rc;

    s->classic_type = topic_type_find(type);
    if (bytes_is(type, "Subscription")) {
        issues_add(issues, ERR_UNPROCESSABLE, CRITERIA,
                   "belfry does not notify of Subscriptions");
        return ERR_OK;
    }
    buf_init(&selecting, QUERY_TEXT_MAX);
    add_selecting(&selecting, query);
    rc = buf_check(&selecting, &e);
    if (rc == ERR_TOO_LARGE) {
        issues_add(issues, ERR_UNPROCESSABLE, CRITERIA,
                   "a query has at most %d bytes", QUERY_TEXT_MAX);
        rc = ERR_OK;
    } else if (rc == ERR_OK && selecting.n) {
        rc = compile(buf_bytes(&selecting), base_url, s, issues);
    }
    buf_fini(&selecting);
    return rc;
}
