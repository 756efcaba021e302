/* A Subscription that is accepted holds nothing that could break an HTTP
 * request, shows no credential when masked, and survives being shown and sent
 * back; one that is refused is refused by 422 with the element's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "fhir/json/gate.h"
#include "fhir/subscription/redact.h"

#define ARENA_BYTES (1U << 22)
#define BASE "https://belfry.example/fhir"
#define SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"https://t.example/s\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\"}],"
    "\"canFilterBy\":[{\"resource\":\"Encounter\","
    "\"filterParameter\":\"patient\"},{\"resource\":\"Encounter\","
    "\"filterParameter\":\"date\",\"comparator\":[\"gt\"]}]}";

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void require_gate(const struct buf *text)
{
    struct err e;

    require(buf_check(text, &e) == ERR_OK, "the output is complete");
    require(json_gate(buf_bytes(text), &e) == ERR_OK, "the output is JSON");
}

static struct topic_set *make_topics(void)
{
    struct topic_set *set = topic_set_new();
    struct issues issues = {.count = 0};
    struct topic *topic;
    struct err e;

    require(set != NULL, "there is memory");
    require(topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic,
                          &issues) == ERR_OK,
            "the topic compiles");
    require(topic_set_add(set, &topic, &e) == ERR_OK, "the topic is added");
    return set;
}

static void check_refusal(const struct issues *issues, enum err_code code)
{
    require(issues->count > 0 && issues->items[0].code == code,
            "a refusal has issues and the first one's code");
    for (size_t i = 0; i < issues->count; i++) {
        enum err_code c = issues->items[i].code;

        require(c == ERR_UNPROCESSABLE || c == ERR_UNPROCESSABLE_REQUIRED,
                "refusals are 422");
        require(strncmp(issues->items[i].expression, "Subscription", 12) == 0,
                "a refusal names the element");
    }
}

static bool one_line(const char *text)
{
    for (; *text; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    }
    return true;
}

static void check_accepted(const struct subscription *s)
{
    require(s->topic != NULL && s->canonical != NULL, "there is a topic");
    require(content_level_text(s->content) != NULL, "there is a level");
    require(s->endpoint != NULL && one_line(s->endpoint) &&
                !strchr(s->endpoint, '#'),
            "the endpoint is one URL");
    require(s->mime_type != NULL && one_line(s->mime_type), "the type is one");
    require(s->header_count <= SUBSCRIPTION_HEADERS_MAX, "few headers");
    for (size_t i = 0; i < s->header_count; i++)
        require(one_line(s->headers[i]) && strstr(s->headers[i], ": "),
                "a header is one line");
    require(s->secret != NULL, "a completed subscription has a secret");
    require(s->timeout_s <= 300 && s->max_count <= 1000, "numbers in bounds");
}

static struct subscription *read(struct bytes text,
                                 const struct topic_set *topics)
{
    const struct subscription_rules rules = {
        .topics = topics, .base_url = bytes_of(BASE), .now_ms = 1767225600000};
    cJSON *json = cJSON_ParseWithLength(text.p, text.n);
    struct issues issues = {.count = 0};
    struct subscription *s;
    enum err_code code;

    require(json != NULL, "cJSON reads what the gate passes");
    code = subscription_read(json, &rules, &s, &issues);
    cJSON_Delete(json);
    if (code != ERR_OK) {
        require(s == NULL, "a refusal leaves nothing behind");
        check_refusal(&issues, code);
    } else {
        require(issues.count == 0, "what is accepted has no issues");
        check_accepted(s);
    }
    return s;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text);
    size_t tail_n = strlen(tail);

    return n >= tail_n && strcmp(text + n - tail_n, tail) == 0;
}

static void check_masked(struct bytes shown)
{
    cJSON *json = cJSON_ParseWithLength(shown.p, shown.n);
    const cJSON *channel = cJSON_GetObjectItemCaseSensitive(json, "channel");
    const cJSON *item;

    require(json != NULL, "cJSON reads what is shown");
    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(channel, "header"))
    {
        require(cJSON_IsString(item) && ends_with(item->valuestring, ": ****"),
                "headers are masked");
    }
    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(channel, "extension"))
    {
        const cJSON *url = cJSON_GetObjectItemCaseSensitive(item, "url");
        const cJSON *value =
            cJSON_GetObjectItemCaseSensitive(item, "valueString");

        if (strcmp(url->valuestring, REDACT_SECRET_URL) == 0)
            require(strcmp(value->valuestring, "whsec_****") == 0,
                    "the secret is masked");
    }
    cJSON_Delete(json);
}

/* Shown with its own status and sent back, a stored text is what it was. */
static void check_round_trip(struct bytes stored, bool off)
{
    const struct subscription_face face = {.status = off ? STATUS_OFF
                                                         : STATUS_REQUESTED};
    const struct subscription_previous previous = {stored, NULL};
    struct issues issues = {.count = 0};
    struct arena scratch;
    struct buf shown;
    struct buf again;
    struct err e;

    arena_init(&scratch, ARENA_BYTES);
    buf_init(&shown, stored.n * 2 + 4096);
    buf_init(&again, stored.n * 2 + 4096);
    require(subscription_show(stored, &face, &scratch, &shown, &e) == ERR_OK,
            "what is stored can be shown");
    require_gate(&shown);
    check_masked(buf_bytes(&shown));
    require(subscription_complete(buf_bytes(&shown), &previous, &scratch,
                                  &again, &issues) == ERR_OK,
            "what is shown can be sent back");
    require(bytes_equal(buf_bytes(&again), stored),
            "masked values come back as they were");
    buf_fini(&shown);
    buf_fini(&again);
    arena_fini(&scratch);
}

static void check_completed(struct bytes text, const struct topic_set *topics)
{
    struct subscription *s = read(text, topics);

    if (s)
        check_round_trip(text, s->off);
    subscription_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_make((const char *)data, size);
    const struct subscription_previous previous = {{NULL, 0}, SECRET};
    struct issues issues = {.count = 0};
    struct topic_set *topics;
    struct arena scratch;
    struct buf out;
    enum err_code code;

    if (json_gate(text, NULL) != ERR_OK)
        return 0;
    arena_init(&scratch, ARENA_BYTES);
    buf_init(&out, size * 2 + 4096);
    topics = make_topics();
    code = subscription_complete(text, &previous, &scratch, &out, &issues);
    if (code == ERR_OK) {
        require_gate(&out);
        check_completed(buf_bytes(&out), topics);
    } else {
        check_refusal(&issues, code);
    }
    topic_set_unref(topics);
    buf_fini(&out);
    arena_fini(&scratch);
    return 0;
}
