#include "server/rest/metadata.h"

#include "fhir/model/types.h"
#include "fhir/search/table.h"
#include "server/engine/read.h"
#include "server/rest/reply.h"

#define OWN "https://belfry.example/fhir"
#define BACKPORT "http://hl7.org/fhir/uv/subscriptions-backport"

static void add_member(struct buf *b, const char *name, const char *value)
{
    buf_add_char(b, ',');
    buf_add_json_string(b, bytes_of(name));
    buf_add_char(b, ':');
    buf_add_json_string(b, bytes_of(value));
}

static void add_search_parameter(struct buf *b, const char *name,
                                 const char *type)
{
    buf_add_text(b, "{\"name\":");
    buf_add_json_string(b, bytes_of(name));
    add_member(b, "type", type);
    buf_add_char(b, '}');
}

static void add_base(struct buf *b, const struct search_base *base, bool first)
{
    for (size_t i = 0; i < base->count; i++) {
        if (i > 0 || !first)
            buf_add_char(b, ',');
        add_search_parameter(b, base->parameters[i].code,
                             search_type_name(base->parameters[i].type));
    }
}

/* The topics that this server detects, as section "Topic discovery" of the
 * guide wants them in R4. */
static void add_topics(struct buf *b, const struct topic_set *topics)
{
    size_t n = topic_set_count(topics);

    if (n == 0)
        return;
    buf_add_text(b, "\"extension\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(b, ',');
        buf_add_text(b, "{\"url\":\"" BACKPORT "/StructureDefinition/"
                        "capabilitystatement-subscriptiontopic-canonical\"");
        add_member(b, "valueCanonical", topic_url(topic_set_at(topics, i)));
        buf_add_char(b, '}');
    }
    buf_add_text(b, "],");
}

static void add_interactions(struct buf *b)
{
    static const char *const codes[] = {"read",   "vread",  "update",
                                        "delete", "create", "search-type"};

    buf_add_text(b, ",\"interaction\":[");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        buf_add_format(b, "%s{\"code\":\"%s\"}", i ? "," : "", codes[i]);
    buf_add_char(b, ']');
}

/* A Subscription's status changes without a new version: no 304 for it. */
static void add_versioning(struct buf *b, bool subscription)
{
    const char *conditional = subscription ? "false" : "true";

    buf_add_format(b,
                   ",\"versioning\":\"versioned\",\"readHistory\":true,"
                   "\"updateCreate\":true,\"conditionalCreate\":%s,"
                   "\"conditionalRead\":\"%s\",\"conditionalUpdate\":%s,"
                   "\"conditionalDelete\":\"%s\"",
                   conditional, subscription ? "not-supported" : "full-support",
                   conditional, subscription ? "not-supported" : "single");
}

/* What _include takes; _revinclude takes the same of all types. */
static void add_includes(struct buf *b, const char *type)
{
    const struct search_base *base = search_base_find(bytes_of(type));
    const char *before = ",\"searchInclude\":[";

    for (size_t i = 0; i < base->count; i++) {
        if (base->parameters[i].type != SEARCH_REFERENCE)
            continue;
        buf_add_format(b, "%s\"%s:%s\"", before, type,
                       base->parameters[i].code);
        before = ",";
    }
    buf_add_text(b, before[1] ? "" : "]");
}

static void add_search(struct buf *b, const char *type)
{
    buf_add_text(b, ",\"searchParam\":[");
    add_base(b, search_base_common(), true);
    add_base(b, search_base_find(bytes_of(type)), false);
    buf_add_char(b, ']');
}

/* The first is every type's, the others are Subscription's. */
static void add_operations(struct buf *b, bool subscription)
{
    static const struct {
        const char *name;
        const char *definition;
    } operations[] = {
        {"validate",
         "http://hl7.org/fhir/OperationDefinition/Resource-validate"},
        {"status",
         BACKPORT "/OperationDefinition/backport-subscription-status"},
        {"events",
         BACKPORT "/OperationDefinition/backport-subscription-events"},
        {"explain", "https://belfry.example/fhir/OperationDefinition/"
                    "subscription-explain"},
        {"resend",
         BACKPORT "/OperationDefinition/backport-subscription-resend"},
        {"pause", OWN "/OperationDefinition/subscription-pause"},
        {"resume", OWN "/OperationDefinition/subscription-resume"},
        {"dead-letters", OWN "/OperationDefinition/subscription-dead-letters"},
        {"redeliver", OWN "/OperationDefinition/subscription-redeliver"},
        {"discard", OWN "/OperationDefinition/subscription-discard"},
    };

    size_t n = subscription ? sizeof operations / sizeof operations[0] : 1;

    buf_add_text(b, ",\"operation\":[");
    for (size_t i = 0; i < n; i++) {
        buf_add_format(b, "%s{\"name\":\"%s\"", i ? "," : "",
                       operations[i].name);
        add_member(b, "definition", operations[i].definition);
        buf_add_char(b, '}');
    }
    buf_add_char(b, ']');
}

static void add_resource(struct buf *b, const char *type, struct metadata *out)
{
    bool subscription = strcmp(type, "Subscription") == 0;

    buf_add_char(b, '{');
    if (subscription)
        out->topics_at = b->n;
    buf_add_text(b, "\"type\":");
    buf_add_json_string(b, bytes_of(type));
    if (subscription)
        buf_add_text(b, ",\"supportedProfile\":[\"" BACKPORT
                        "/StructureDefinition/backport-subscription\"]");
    add_interactions(b);
    add_versioning(b, subscription);
    add_includes(b, type);
    add_search(b, type);
    add_operations(b, subscription);
    buf_add_char(b, '}');
}

static void add_head(struct buf *b, const struct rest_config *config)
{
    char date[INSTANT_TEXT_BYTES];

    instant_format(clock_wall_ms(config->clock), date);
    buf_add_text(b, "{\"resourceType\":\"CapabilityStatement\","
                    "\"name\":\"Belfry\",\"title\":\"belfry\","
                    "\"status\":\"active\",\"date\":");
    buf_add_json_string(b, bytes_make(date, sizeof date));
    buf_add_text(b, ",\"kind\":\"instance\",\"instantiates\":[\"" BACKPORT
                    "/CapabilityStatement/backport-subscription-server-r4\"],"
                    "\"software\":{\"name\":\"belfry\"");
    add_member(b, "version", config->version);
    buf_add_text(b, "},\"implementation\":{\"description\":"
                    "\"A FHIR R4 Subscription server\"");
    add_member(b, "url", config->base_url);
    buf_add_text(b, "},\"fhirVersion\":\"4.0.1\","
                    "\"format\":[\"application/fhir+json\",\"json\"],"
                    "\"implementationGuide\":[\"" BACKPORT
                    "/ImplementationGuide/hl7.fhir.uv.subscriptions-backport"
                    "\"]");
}

enum err_code metadata_build(const struct rest_config *config,
                             struct metadata *out, struct err *e)
{
    struct buf b;
    enum err_code code;

    buf_init(&b, METADATA_BYTES_MAX);
    add_head(&b, config);
    buf_add_text(&b, ",\"rest\":[{\"mode\":\"server\",\"resource\":[");
    for (size_t i = 0; i < model_resource_type_count(); i++) {
        if (i)
            buf_add_char(&b, ',');
        add_resource(&b, model_resource_type(i), out);
    }
    buf_add_text(&b, "],\"interaction\":[{\"code\":\"transaction\"},"
                     "{\"code\":\"batch\"}]}]}");
    code = buf_check(&b, e);
    if (code != ERR_OK) {
        buf_fini(&b);
        return code;
    }
    out->text = buf_take(&b, &out->bytes);
    return out->text ? ERR_OK : err_nomem(e);
}

/* mode=full is what is answered anyway. */
static enum err_code check_mode(const struct exchange *x, struct err *e)
{
    static const char *const allowed[] = {"mode", NULL};
    struct bytes mode = params_get(&x->params, "mode");
    enum err_code code = params_only(&x->params, allowed, e);

    if (code != ERR_OK)
        return code;
    if (mode.p && !bytes_is(mode, "full"))
        return err_set(e, ERR_NOT_SUPPORTED,
                       "only mode=full is supported for metadata");
    return ERR_OK;
}

enum http_next metadata_get(struct exchange *x)
{
    const struct metadata *m = &x->rest->metadata;
    struct topic_set *topics;
    struct buf body;
    struct err e;

    if (check_mode(x, &e) != ERR_OK)
        return reply_error(x, &e);
    buf_init(&body, METADATA_BYTES_MAX);
    topics = engine_topics(x->rest->config.engine);
    buf_add(&body, bytes_make(m->text, m->topics_at));
    add_topics(&body, topics);
    buf_add(&body, bytes_make(m->text + m->topics_at, m->bytes - m->topics_at));
    topic_set_unref(topics);
    return reply_body(x, 200, &body);
}
