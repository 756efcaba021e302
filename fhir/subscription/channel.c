#include "fhir/subscription/channel.h"

#include "fhir/subscription/extension.h"
#include "fhir/subscription/limits.h"
#include "fhir/subscription/shape.h"
#include "fhir/subscription/wire.h"
#include "storage/base/instant.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES 96
#define CHANNEL "Subscription.channel"

static enum err_code copy_text(char **to, const char *text)
{
    *to = strdup(text);
    return *to ? ERR_OK : ERR_NOMEM;
}

/* Adds a described refusal as an issue on path; only a lack of memory is an
 * error of the reader itself. */
static enum err_code refuse(struct issues *issues, const char *path,
                            const struct err *e)
{
    if (e->code == ERR_NOMEM)
        return ERR_NOMEM;
    issues_add(issues, ERR_UNPROCESSABLE, path, "%s", e->message);
    return ERR_OK;
}

/* ---- type ---- */

static void read_type(const cJSON *channel, struct issues *issues)
{
    const char *type = shape_string(channel, "type");
    const cJSON *extension;
    char path[PATH_BYTES];
    int i = 0;

    if (type && strcmp(type, "rest-hook") != 0)
        issues_add(issues, ERR_UNPROCESSABLE, CHANNEL ".type",
                   "channel type %s is not supported, rest-hook is", type);
    cJSON_ArrayForEach(extension, shape_extensions(channel, "type"))
    {
        enum extension_kind kind;

        (void)snprintf(path, sizeof path, CHANNEL ".type.extension[%d]", i++);
        (void)extension_value(extension, &kind);
        if (kind == EXTENSION_CHANNEL_TYPE)
            issues_add(issues, ERR_UNPROCESSABLE, path,
                       "custom channel types are not supported, rest-hook is");
    }
}

/* ---- endpoint ---- */

static bool is_rest_hook(const cJSON *channel)
{
    const char *type = shape_string(channel, "type");

    return type && strcmp(type, "rest-hook") == 0;
}

static enum err_code read_endpoint(const cJSON *channel,
                                   const struct subscription_rules *r,
                                   struct subscription *s,
                                   struct issues *issues)
{
    const char *url = shape_string(channel, "endpoint");
    struct err e = {.code = ERR_OK};
    enum err_code rc;

    if (!is_rest_hook(channel))
        return ERR_OK;
    if (!cJSON_GetObjectItemCaseSensitive(channel, "endpoint"))
        issues_add(issues, ERR_UNPROCESSABLE_REQUIRED, CHANNEL ".endpoint",
                   "a rest-hook needs an endpoint");
    if (!url)
        return ERR_OK;
    rc = wire_check_endpoint(bytes_of(url), &e);
    if (rc == ERR_OK && r->endpoint)
        rc = r->endpoint(r->endpoint_ctx, url, &e);
    if (rc != ERR_OK)
        return refuse(issues, CHANNEL ".endpoint", &e);
    if (subscription_is_classic(s) && shape_string(channel, "payload") &&
        strchr(url, '?'))
        issues_add(issues, ERR_UNPROCESSABLE, CHANNEL ".endpoint",
                   "with a payload the endpoint is the base of a service that "
                   "resources are PUT to: it has no query");
    return copy_text(&s->endpoint, url);
}

/* ---- payload ---- */

static void read_content(const cJSON *channel, struct subscription *s,
                         struct issues *issues)
{
    const cJSON *extension;
    char path[PATH_BYTES];
    int found = 0;
    int i = 0;

    cJSON_ArrayForEach(extension, shape_extensions(channel, "payload"))
    {
        enum extension_kind kind;
        const cJSON *value = extension_value(extension, &kind);

        (void)snprintf(path, sizeof path, CHANNEL ".payload.extension[%d]",
                       i++);
        if (kind != EXTENSION_CONTENT)
            continue;
        if (found++)
            issues_add(issues, ERR_UNPROCESSABLE, path,
                       "the content level is given more than once");
        else if (!content_level_parse(bytes_of(value->valuestring),
                                      &s->content))
            issues_add(issues, ERR_UNPROCESSABLE, path,
                       "the content level is empty, id-only or full-resource, "
                       "not %s",
                       value->valuestring);
    }
    if (!found)
        issues_add(issues, ERR_UNPROCESSABLE_REQUIRED,
                   CHANNEL ".payload.extension",
                   "the content level (backport-payload-content) is required");
}

static enum err_code read_payload(const cJSON *channel, struct subscription *s,
                                  struct issues *issues)
{
    const char *type = shape_string(channel, "payload");
    struct err e = {.code = ERR_OK};

    if (subscription_is_classic(s))
        s->content = type ? CONTENT_FULL_RESOURCE : CONTENT_EMPTY;
    else
        read_content(channel, s, issues);
    if (!type)
        return ERR_OK;
    if (wire_check_media_type(bytes_of(type), &e) != ERR_OK)
        return refuse(issues, CHANNEL ".payload", &e);
    return copy_text(&s->mime_type, type);
}

/* ---- header ---- */

/* Kept as "Name: value" whatever white space stood around the value. */
static enum err_code add_header(struct subscription *s,
                                const struct wire_header *h)
{
    size_t n = h->name.n + 2 + h->value.n;
    char *line = malloc(n + 1);

    if (!line)
        return ERR_NOMEM;
    memcpy(line, h->name.p, h->name.n);
    memcpy(line + h->name.n, ": ", 2);
    memcpy(line + h->name.n + 2, h->value.p, h->value.n);
    line[n] = '\0';
    s->headers[s->header_count++] = line;
    return ERR_OK;
}

static enum err_code read_header(const cJSON *item, int index,
                                 struct subscription *s, struct issues *issues)
{
    struct err e = {.code = ERR_OK};
    struct wire_header h;
    char path[PATH_BYTES];

    if (!cJSON_IsString(item))
        return ERR_OK;
    if (wire_check_header(bytes_of(item->valuestring), &h, &e) == ERR_OK)
        return add_header(s, &h);
    (void)snprintf(path, sizeof path, CHANNEL ".header[%d]", index);
    return refuse(issues, path, &e);
}

static enum err_code read_headers(const cJSON *channel, struct subscription *s,
                                  struct issues *issues)
{
    const cJSON *array = shape_array(channel, "header");
    const cJSON *item;
    enum err_code rc = ERR_OK;
    int n = cJSON_GetArraySize(array);
    int i = 0;

    if (n == 0)
        return ERR_OK;
    if (n > SUBSCRIPTION_HEADERS_MAX) {
        issues_add(issues, ERR_UNPROCESSABLE, CHANNEL ".header",
                   "more than %d headers", SUBSCRIPTION_HEADERS_MAX);
        return ERR_OK;
    }
    s->headers = calloc((size_t)n, sizeof *s->headers);
    if (!s->headers)
        return ERR_NOMEM;
    cJSON_ArrayForEach(item, array)
    {
        if (rc == ERR_OK)
            rc = read_header(item, i++, s, issues);
    }
    return rc;
}

/* ---- extensions of the channel ---- */

struct extensions {
    struct subscription *s;
    struct issues *issues;
    unsigned seen; /* a bit for each enum extension_kind */
};

/* cJSON keeps numbers as doubles: fractions and what does not fit show. */
static bool read_number(const cJSON *value, const uint32_t range[2],
                        uint32_t *out)
{
    double d = value->valuedouble;

    if (!(d >= (double)range[0] && d <= (double)range[1]))
        return false;
    *out = (uint32_t)d;
    return !((double)*out < d);
}

static void take_number(struct extensions *x, const cJSON *value,
                        enum extension_kind kind, const char *path)
{
    uint32_t range[2] = {1, SUBSCRIPTION_MAX_COUNT_MAX};
    uint32_t *to = &x->s->max_count;

    if (kind == EXTENSION_HEARTBEAT) {
        range[0] = SUBSCRIPTION_HEARTBEAT_S_MIN;
        range[1] = SUBSCRIPTION_HEARTBEAT_S_MAX;
        to = &x->s->heartbeat_s;
    } else if (kind == EXTENSION_TIMEOUT) {
        range[1] = SUBSCRIPTION_TIMEOUT_S_MAX;
        to = &x->s->timeout_s;
    } else if (kind == EXTENSION_LINGER) {
        range[0] = 0;
        range[1] = SUBSCRIPTION_LINGER_MS_MAX;
        to = &x->s->linger_ms;
    }
    if (!read_number(value, range, to))
        issues_add(x->issues, ERR_UNPROCESSABLE, path,
                   "must be a whole number from %u to %u", range[0], range[1]);
}

/* What belongs to bundles, and to a channel that is never silent. */
static bool is_of_topics(const struct extensions *x, enum extension_kind kind)
{
    return subscription_is_classic(x->s) &&
           (kind == EXTENSION_HEARTBEAT || kind == EXTENSION_MAX_COUNT);
}

static enum err_code take_secret(struct extensions *x, const cJSON *value,
                                 const char *path)
{
    struct err e = {.code = ERR_OK};

    if (wire_check_secret(bytes_of(value->valuestring), &e) != ERR_OK)
        return refuse(x->issues, path, &e);
    return copy_text(&x->s->secret, value->valuestring);
}

/* One of two words; the second one is the one that is not the default. */
static void take_choice(struct extensions *x, const cJSON *value,
                        const char *path, enum extension_kind kind)
{
    bool order = kind == EXTENSION_ORDER;
    const char *standard = order ? "strict" : "stop";
    const char *other = order ? "per-focus" : "park";
    bool *to = order ? &x->s->per_focus : &x->s->park;

    *to = strcmp(value->valuestring, other) == 0;
    if (!*to && strcmp(value->valuestring, standard) != 0)
        issues_add(x->issues, ERR_UNPROCESSABLE, path, "must be %s or %s",
                   standard, other);
}

static void take_backfill(struct extensions *x, const cJSON *value,
                          const char *path, enum extension_kind kind)
{
    struct subscription *s = x->s;
    bool since = kind == EXTENSION_BACKFILL_SINCE;

    if (s->backfill != BACKFILL_NONE)
        issues_add(x->issues, ERR_UNPROCESSABLE, path,
                   "a backfill begins with the resources as they stand or with "
                   "an instant, not with both");
    else if (since && !instant_parse(bytes_of(value->valuestring),
                                     &s->backfill_since_ms))
        issues_add(x->issues, ERR_UNPROCESSABLE, path,
                   "must be an instant: date, time with seconds, and zone");
    else if (!since && strcmp(value->valuestring, "current") != 0)
        issues_add(x->issues, ERR_UNPROCESSABLE, path, "must be current");
    s->backfill = since ? BACKFILL_SINCE : BACKFILL_CURRENT;
}

static bool is_ours(enum extension_kind kind)
{
    return kind >= EXTENSION_HEARTBEAT && kind <= EXTENSION_BACKFILL_SINCE;
}

static enum err_code take_extension(struct extensions *x,
                                    const cJSON *extension, int index)
{
    enum extension_kind kind;
    const cJSON *value = extension_value(extension, &kind);
    char path[PATH_BYTES];

    if (!is_ours(kind))
        return ERR_OK;
    (void)snprintf(path, sizeof path, CHANNEL ".extension[%d]", index);
    if (x->seen & (1U << kind)) {
        issues_add(x->issues, ERR_UNPROCESSABLE, path,
                   "the extension is given more than once");
        return ERR_OK;
    }
    x->seen |= 1U << kind;
    if (is_of_topics(x, kind)) {
        issues_add(x->issues, ERR_UNPROCESSABLE, path,
                   "is for topic-based Subscriptions; this one's criteria is "
                   "a query");
        return ERR_OK;
    }
    if (kind == EXTENSION_SECRET)
        return take_secret(x, value, path);
    if (kind == EXTENSION_ORDER || kind == EXTENSION_REFUSAL)
        take_choice(x, value, path, kind);
    else if (kind == EXTENSION_BACKFILL || kind == EXTENSION_BACKFILL_SINCE)
        take_backfill(x, value, path, kind);
    else
        take_number(x, value, kind, path);
    return ERR_OK;
}

static enum err_code read_extensions(const cJSON *channel,
                                     struct subscription *s,
                                     struct issues *issues)
{
    struct extensions x = {s, issues, 0};
    const cJSON *extension;
    enum err_code rc = ERR_OK;
    int i = 0;

    cJSON_ArrayForEach(extension, shape_array(channel, "extension"))
    {
        if (rc == ERR_OK)
            rc = take_extension(&x, extension, i++);
    }
    return rc;
}

enum err_code channel_read(const cJSON *channel,
                           const struct subscription_rules *r,
                           struct subscription *s, struct issues *issues)
{
    enum err_code rc;

    if (!cJSON_IsObject(channel))
        return ERR_OK;
    read_type(channel, issues);
    rc = read_endpoint(channel, r, s, issues);
    if (rc == ERR_OK)
        rc = read_payload(channel, s, issues);
    if (rc == ERR_OK)
        rc = read_headers(channel, s, issues);
    if (rc == ERR_OK)
        rc = read_extensions(channel, s, issues);
    return rc;
}
