#include "server/rest/topic_view.h"

#include "fhir/topic/basic.h"
#include "server/engine/read.h"
#include "server/rest/reply.h"
#include "server/rest/search.h"
#include "server/rest/text.h"

#define BUNDLE_BYTES_MAX ((size_t)64 << 20)

static bool is_json_form(struct bytes type)
{
    return bytes_is(type, BASIC_TOPIC_CODE);
}

/* "SubscriptionTopic", alone or with its system, among the values. */
static bool names_topics(struct bytes value)
{
    while (value.n) {
        struct bytes one = bytes_split(value, ',', &value);

        if (bytes_is(one, BASIC_TOPIC_CODE) ||
            bytes_is(one, BASIC_TOPIC_SYSTEM "|" BASIC_TOPIC_CODE))
            return true;
    }
    return false;
}

bool topic_view_is_search(const struct exchange *x)
{
    return is_json_form(x->route.type) ||
           (bytes_is(x->route.type, "Basic") &&
            names_topics(params_get(&x->params, "code")));
}

/* ---- one topic in one form ---- */

static bool is_stored_as(const struct topic *t, struct bytes type)
{
    const char *owner = topic_owner(t);

    return strncmp(owner, type.p, type.n) == 0 && owner[type.n] == '/';
}

static struct bytes stored_text(struct exchange *x, const struct topic *t)
{
    struct resource_version v = {0};
    struct bytes id;
    struct bytes type = bytes_split(bytes_of(topic_owner(t)), '/', &id);

    if (engine_read(x->rest->config.engine,
                    &(struct resource_query){type, id, 0}, &x->scratch, &v,
                    NULL) != ERR_OK)
        return bytes_make(NULL, 0);
    return v.text;
}

static struct bytes basic_text(struct exchange *x, const struct topic *t)
{
    struct bytes json = topic_text(t), out = {NULL, 0};
    cJSON *topic = cJSON_ParseWithLength(json.p, json.n);
    cJSON *basic = topic ? basic_from_topic(topic) : NULL;
    char *text;

    if (basic && !cJSON_GetObjectItemCaseSensitive(basic, "id"))
        (void)cJSON_AddStringToObject(basic, "id", topic_id(t));
    text = basic ? cJSON_PrintUnformatted(basic) : NULL;
    if (text)
        out = arena_copy(&x->scratch, bytes_of(text));
    cJSON_free(text);
    cJSON_Delete(basic);
    cJSON_Delete(topic);
    return out;
}

/* As it was sent, where it was sent in this form. */
static struct bytes text_of(struct exchange *x, const struct topic *t)
{
    struct bytes text = {NULL, 0};

    if (is_stored_as(t, x->route.type))
        text = stored_text(x, t);
    if (text.n)
        return text;
    return is_json_form(x->route.type) ? arena_copy(&x->scratch, topic_text(t))
                                       : basic_text(x, t);
}

struct bytes topic_view_find(struct exchange *x)
{
    struct topic_set *set = engine_topics(x->rest->config.engine);
    struct bytes text = {NULL, 0};

    for (size_t i = 0; !text.n && i < topic_set_count(set); i++) {
        const struct topic *t = topic_set_at(set, i);

        if (bytes_is(x->route.id, topic_id(t)) &&
            !is_stored_as(t, x->route.type))
            text = text_of(x, t);
    }
    topic_set_unref(set);
    return text;
}

/* ---- the search ---- */

struct listing {
    struct exchange *x;
    size_t count; /* of a page */
    size_t from;
    size_t total;
    size_t shown;
    bool failed;
    struct buf out;
};

static bool value_is_one_of(struct bytes text, const struct exchange *x,
                            const char *name)
{
    struct bytes wanted = params_get(&x->params, name);

    if (!wanted.p)
        return true;
    while (wanted.n)
        if (bytes_equal(bytes_split(wanted, ',', &wanted), text))
            return true;
    return false;
}

static const char *status_text(const struct topic *t)
{
    switch (topic_status(t)) {
    case TOPIC_DRAFT:
        return "draft";
    case TOPIC_ACTIVE:
        return "active";
    case TOPIC_RETIRED:
        return "retired";
    case TOPIC_UNKNOWN:
        break;
    }
    return "unknown";
}

static bool is_wanted(const struct listing *l, const struct topic *t)
{
    return value_is_one_of(bytes_of(topic_id(t)), l->x, "_id") &&
           value_is_one_of(bytes_of(topic_url(t)), l->x, "url") &&
           value_is_one_of(bytes_of(status_text(t)), l->x, "status");
}

static void add_entry(struct listing *l, const struct topic *t)
{
    struct bytes text = text_of(l->x, t);

    if (!text.n) {
        l->failed = true;
        return;
    }
    buf_add_text(&l->out, l->shown++ ? "," : ",\"entry\":[");
    buf_add_text(&l->out, "{\"fullUrl\":\"");
    buf_add(&l->out, l->x->rest->base_url);
    buf_add_char(&l->out, '/');
    buf_add(&l->out, l->x->route.type);
    buf_add_char(&l->out, '/');
    buf_add_text(&l->out, topic_id(t));
    buf_add_text(&l->out, "\",\"resource\":");
    buf_add(&l->out, text);
    buf_add_text(&l->out, ",\"search\":{\"mode\":\"match\"}}");
}

static void add_link(struct listing *l, const char *relation,
                     const size_t *page)
{
    const struct exchange *x = l->x;
    const char *separator = "?";

    buf_add_format(&l->out, "{\"relation\":\"%s\",\"url\":\"", relation);
    buf_add(&l->out, x->rest->base_url);
    buf_add_char(&l->out, '/');
    buf_add(&l->out, x->route.type);
    for (size_t i = 0; i < x->params.n; i++) {
        const struct param *p = &x->params.items[i];

        if (page && bytes_is(p->name, "_page"))
            continue;
        buf_add_text(&l->out, separator);
        text_percent_encode(&l->out, p->name);
        buf_add_char(&l->out, '=');
        text_percent_encode(&l->out, p->value);
        separator = "&";
    }
    if (page)
        buf_add_format(&l->out, "%s_page=%zu", separator, *page);
    buf_add_text(&l->out, "\"}");
}

static void write_bundle(struct listing *l, const struct topic_set *set)
{
    char uuid[RNG_UUID_BYTES];
    size_t next = l->from + l->count;

    rng_uuid(l->x->rest->config.rng, uuid);
    buf_add_format(&l->out,
                   "{\"resourceType\":\"Bundle\",\"id\":\"%s\","
                   "\"type\":\"searchset\"",
                   uuid);
    for (size_t i = 0; i < topic_set_count(set); i++) {
        const struct topic *t = topic_set_at(set, i);

        if (!is_wanted(l, t))
            continue;
        if (l->total >= l->from && l->total < next)
            add_entry(l, t);
        l->total++;
    }
    if (l->shown)
        buf_add_char(&l->out, ']');
    buf_add_format(&l->out, ",\"total\":%zu,\"link\":[", l->total);
    add_link(l, "self", NULL);
    if (l->total > next && l->count) {
        buf_add_char(&l->out, ',');
        add_link(l, "next", &next);
    }
    buf_add_text(&l->out, "]}");
}

static enum err_code read_number(const struct exchange *x, const char *name,
                                 size_t *out, struct err *e)
{
    struct bytes text = params_get(&x->params, name);
    uint64_t number;

    if (!text.p)
        return ERR_OK;
    if (!bytes_to_u64(text, &number) || number > SEARCH_COUNT_MAX)
        return err_set(e, ERR_INVALID, "%s must be a number from 0 to %d", name,
                       SEARCH_COUNT_MAX);
    *out = (size_t)number;
    return ERR_OK;
}

static enum err_code read_terms(struct listing *l, struct err *e)
{
    static const char *const of_basic[] = {"code",   "_id",   "url", "status",
                                           "_count", "_page", NULL};
    static const char *const of_topic[] = {"_id",    "url",   "status",
                                           "_count", "_page", NULL};
    enum err_code code = params_only(
        &l->x->params, is_json_form(l->x->route.type) ? of_topic : of_basic, e);

    if (code == ERR_OK)
        code = read_number(l->x, "_count", &l->count, e);
    if (code == ERR_OK)
        code = read_number(l->x, "_page", &l->from, e);
    return code;
}

enum http_next topic_view_search(struct exchange *x)
{
    struct listing l = {.x = x, .count = SEARCH_COUNT_MAX};
    struct topic_set *set;
    struct err e;

    if (read_terms(&l, &e) != ERR_OK)
        return reply_error(x, &e);
    set = engine_topics(x->rest->config.engine);
    buf_init(&l.out, BUNDLE_BYTES_MAX);
    write_bundle(&l, set);
    topic_set_unref(set);
    if (l.failed) {
        buf_fini(&l.out);
        (void)err_nomem(&e);
        return reply_error(x, &e);
    }
    return reply_body(x, 200, &l.out);
}
