/* Any text as a SubscriptionTopic, in its JSON form or as a Basic: it is
 * refused with an issue or compiled, and what is compiled can be asked
 * everything: it is evaluated with and without a trace (which must agree),
 * takes filters, and leads to the other form and back. */
#include "fhir/topic/topic.h"

#include <stdlib.h>

#include "fhir/json/tree.h"
#include "fhir/topic/basic.h"
#include "fhir/topic/include.h"

#define BASE "http://host/fhir"
#define ARENA_BYTES ((size_t)1 << 20)
#define REFERENCES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char before_text[] =
    "{\"resourceType\":\"Encounter\",\"id\":\"1\",\"status\":\"planned\","
    "\"class\":{\"code\":\"AMB\"},\"subject\":{\"reference\":\"Patient/1\"}}";
static const char after_text[] =
    "{\"resourceType\":\"Encounter\",\"id\":\"1\",\"status\":\"finished\","
    "\"class\":{\"code\":\"AMB\"},\"subject\":{\"reference\":\"Patient/1\"}}";

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct versions {
    cJSON *before;
    cJSON *after;
};

static const cJSON *previous(void *ctx, struct err *e)
{
    (void)e;
    return ((struct versions *)ctx)->before;
}

static const cJSON *current(void *ctx, struct err *e)
{
    (void)e;
    return ((struct versions *)ctx)->after;
}

static void on_open(void *ctx, const struct trace_group *group)
{
    require(group->kind[0] != '\0');
    ++*(int *)ctx;
}

static void on_test(void *ctx, const struct trace_test *test)
{
    require(*(int *)ctx == 1 && test->name[0] != '\0');
}

static void on_close(void *ctx, bool passed)
{
    (void)passed;
    --*(int *)ctx;
}

static struct search_values *values_of(const char *text, struct arena *arena)
{
    struct search_values *v = NULL;

    require(search_values_read(bytes_of(text), bytes_of(BASE), arena, &v,
                               NULL) == ERR_OK);
    return v;
}

static void follow(const struct topic *t, const struct search_values *v)
{
    struct include_reference out[REFERENCES_MAX];
    const struct include_from from = {bytes_of("Encounter"), v, true};

    require(include_references(t, &from, out, REFERENCES_MAX) <=
            REFERENCES_MAX);
}

static void evaluate(const struct topic *t)
{
    struct versions versions = {NULL, NULL};
    struct arena arena, scratch;
    struct change_trees trees = {previous, current, &versions, &scratch, 1};
    struct change_view view = {.interaction = INTERACTION_UPDATE,
                               .resource_type = bytes_of("Encounter"),
                               .trees = &trees};
    int depth = 0;
    const struct trace trace = {on_open, on_test, on_close, &depth};
    bool fires;

    arena_init(&arena, ARENA_BYTES);
    arena_init(&scratch, ARENA_BYTES);
    require(json_tree_parse(bytes_of(before_text), &versions.before, NULL) ==
                ERR_OK &&
            json_tree_parse(bytes_of(after_text), &versions.after, NULL) ==
                ERR_OK);
    view.previous = values_of(before_text, &arena);
    view.current = values_of(after_text, &arena);
    fires = topic_fires(t, &view);
    view.trace = &trace;
    require(topic_fires(t, &view) == fires && depth == 0);
    follow(t, view.current);
    cJSON_Delete(versions.before);
    cJSON_Delete(versions.after);
    arena_fini(&scratch);
    arena_fini(&arena);
}

static void filter(const struct topic *t)
{
    static const char *const texts[] = {"patient=Patient/1", "Encounter?_id=1",
                                        "status:not=planned"};
    struct filter filters[TOPIC_TYPES_MAX];
    struct err e = {0};
    size_t n = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (topic_filter_compile(t, bytes_of(texts[i]), bytes_of(BASE), filters,
                                 &n, &e) != ERR_OK)
            require(e.code != ERR_OK && n == 0);
        while (n)
            filter_fini(&filters[--n]);
    }
}

/* One's texts may say more than the other form can. */
static void convert(const struct topic *t)
{
    struct issues issues = {.count = 0};
    struct bytes text = topic_text(t);
    cJSON *json = cJSON_ParseWithLength(text.p, text.n);
    cJSON *basic = basic_from_topic(json);
    cJSON *back;

    require(json && basic && basic_is_topic(basic));
    back = basic_to_topic(basic, &issues);
    require(back || issues.count > 0);
    cJSON_Delete(back);
    cJSON_Delete(basic);
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {(const char *)data, size};
    struct issues issues = {.count = 0};
    struct topic *t = NULL;

    if (topic_compile(text, bytes_of(BASE), &t, &issues) != ERR_OK) {
        require(!t && issues.count > 0 && issues.items[0].message[0] != '\0');
        return 0;
    }
    require(t && topic_url(t)[0] != '\0' && topic_id(t)[0] != '\0' &&
            topic_trigger_count(t) > 0);
    evaluate(t);
    filter(t);
    convert(t);
    topic_unref(t);
    return 0;
}
