/* runner: plays a scenario file line by line; README.md tells the language.
 * usage: scenario_runner FILE */
#include "tests/scenario/world.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/log.h"
#include "server/delivery/http_status.h"
#include "server/engine/dead_letter.h"
#include "storage/base/instant.h"

#define WORDS_MOST 40
#define LINE_BYTES 1024
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define OWN "https://belfry.example/fhir/StructureDefinition/subscription-"

struct run {
    struct world world;
    const char *file;
    int line;
    char *words[WORDS_MOST];
    int n;
    int64_t mark_ms;
    size_t mark_shot;
    unsigned version; /* of the next change, so that each differs */
};

#define FAIL(r, ...)                                            \
    do {                                                        \
        (void)fprintf(stderr, "%s:%d: ", (r)->file, (r)->line); \
        world_fail(__VA_ARGS__);                                \
    } while (0)

/* ---- words ---- */

static const char *word(struct run *r, int i)
{
    if (i >= r->n)
        FAIL(r, "something is missing at the end of the line");
    return r->words[i];
}

static bool is_word(struct run *r, int i, const char *text)
{
    return i < r->n && strcmp(r->words[i], text) == 0;
}

static uint64_t number(struct run *r, const char *text)
{
    uint64_t value;

    if (!bytes_to_u64(bytes_of(text), &value))
        FAIL(r, "%s is not a number", text);
    return value;
}

/* "500ms", "5s", "2m35s", "8d". */
static int64_t duration(struct run *r, const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    int64_t total = 0;
    char *at;

    if (strcmp(text, "0") == 0)
        return 0;
    while (*text) {
        int64_t value = strtoll(text, &at, 10);
        size_t i = 0;

        while (i < 5 && strncmp(at, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (i == 5 || at == text)
            FAIL(r, "%s is not a duration", text);
        total += value * units[i].ms;
        text = at + strlen(units[i].unit);
    }
    return total;
}

/* "204", "503 retry-after 60s", or a class: "timeout", "connect". */
static struct outcome outcome(struct run *r, int at)
{
    struct outcome o = {.failure = FAILURE_CLASSES};
    int64_t hint = 0;

    if (is_word(r, at + 1, "retry-after"))
        hint = duration(r, word(r, at + 2));
    if (isdigit((unsigned char)word(r, at)[0]))
        return http_status_outcome((int)number(r, word(r, at)), hint);
    for (int c = FAILURE_NAME; c < FAILURE_CLASSES; c++)
        if (is_word(r, at, failure_name((enum failure_class)c)))
            o.failure = (enum failure_class)c;
    if (o.failure == FAILURE_CLASSES && !is_word(r, at, "silence"))
        FAIL(r, "%s is no outcome", word(r, at));
    return o;
}

/* ---- what is done ---- */

static void add_extension(struct buf *b, const char *url, const char *value)
{
    buf_add_format(b, ",{\"url\":\"%s\",%s}", url, value);
}

static void add_option(struct run *r, struct buf *b, const char *key,
                       const char *value)
{
    char text[128];
    static const struct {
        const char *key;
        const char *url;
        const char *type;
        bool quoted;
    } options[] = {
        {"heartbeat", BX "backport-heartbeat-period", "valueUnsignedInt", 0},
        {"timeout", BX "backport-timeout", "valueUnsignedInt", 0},
        {"max-count", BX "backport-max-count", "valuePositiveInt", 0},
        {"order", OWN "order", "valueCode", true},
        {"refusal", OWN "refusal", "valueCode", true},
        {"linger", OWN "linger", "valueUnsignedInt", 0}};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].key, key) != 0)
            continue;
        if (snprintf(text, sizeof text,
                     options[i].quoted ? "\"%s\":\"%s\"" : "\"%s\":%s",
                     options[i].type, value) > 0)
            add_extension(b, options[i].url, text);
        return;
    }
    FAIL(r, "%s is no option", key);
}

/* subscribe ID to URL [KEY VALUE]... */
static void do_subscribe(struct run *r)
{
    const char *id = word(r, 1), *status = "requested";
    char end[64] = "", at[INSTANT_TEXT_BYTES];
    struct buf extensions, text;

    buf_init(&extensions, 4096);
    buf_init(&text, 8192);
    for (int i = 4; i < r->n; i += 2) {
        if (is_word(r, i, "status")) {
            status = word(r, i + 1);
        } else if (is_word(r, i, "end")) {
            instant_format(r->world.wall_ms + duration(r, word(r, i + 1)), at);
            if (snprintf(end, sizeof end, "\"end\":\"%.*s\",",
                         INSTANT_TEXT_BYTES, at) < 0)
                end[0] = '\0';
        } else {
            add_option(r, &extensions, word(r, i), word(r, i + 1));
        }
    }
    buf_add_char(&extensions, '\0');
    buf_add_format(
        &text,
        "{\"resourceType\":\"Subscription\",\"id\":\"%s\",\"status\":\"%s\","
        "%s\"reason\":\"scenario\",\"criteria\":"
        "\"https://belfry.example/fhir/SubscriptionTopic/stay\","
        "\"channel\":{%s%s%s\"type\":\"rest-hook\",\"endpoint\":\"%s\","
        "\"payload\":\"application/fhir+json\",\"_payload\":{\"extension\":[{"
        "\"url\":\"" BX "backport-payload-content\",\"valueCode\":"
        "\"id-only\"}]}}}",
        id, status, end, extensions.p[0] ? "\"extension\":[" : "",
        extensions.p[0] ? extensions.p + 1 : "", extensions.p[0] ? "]," : "",
        word(r, 3));
    buf_add_char(&text, '\0');
    world_put(&r->world, "Subscription", id, text.p);
    buf_fini(&text);
    buf_fini(&extensions);
    world_settle(&r->world);
}

static void do_unsubscribe(struct run *r)
{
    world_put(&r->world, "Subscription", word(r, 1), NULL);
    world_settle(&r->world);
}

/* change ID [COUNT] */
static void do_change(struct run *r)
{
    uint64_t n = r->n > 2 ? number(r, word(r, 2)) : 1;
    char text[256];

    for (uint64_t i = 0; i < n; i++) {
        if (snprintf(text, sizeof text,
                     "{\"resourceType\":\"Encounter\",\"id\":\"%s\","
                     "\"status\":\"planned\",\"language\":\"x-%u\"}",
                     word(r, 1), r->version++) < 0)
            FAIL(r, "too long");
        world_put(&r->world, "Encounter", word(r, 1), text);
    }
    world_settle(&r->world);
}

static size_t find_flying(struct run *r, const char *id, const char *events)
{
    struct world *w = &r->world;

    for (size_t i = 0; i < w->flying_count; i++) {
        const struct shot *s = &w->shots[w->flying[i].shot];

        if (strcmp(s->id, id) == 0 &&
            (!events || strcmp(s->events, events) == 0))
            return i;
    }
    FAIL(r, "nothing%s%s is being sent to %s", events ? " with events " : "",
         events ? events : "", id);
    return 0;
}

/* answer ID [events LIST] OUTCOME */
static void do_answer(struct run *r)
{
    bool chosen = is_word(r, 2, "events");
    const struct outcome o = outcome(r, chosen ? 4 : 2);

    world_answer(&r->world,
                 find_flying(r, word(r, 1), chosen ? word(r, 3) : NULL), &o);
    world_settle(&r->world);
}

/* crash [after ID OUTCOME]: what came of that attempt is known to nobody. */
static void do_crash(struct run *r)
{
    struct outcome o;

    if (r->n > 1) {
        o = outcome(r, 3);
        world_answer(&r->world, find_flying(r, word(r, 2), NULL), &o);
        r->world.link.report_count = 0;
    }
    world_restart(&r->world);
}

/* always URL OUTCOME */
static void do_always(struct run *r)
{
    struct world *w = &r->world;
    struct standing *s = &w->standing[w->standing_count];

    if (w->standing_count++ == WORLD_ANSWERS ||
        snprintf(s->prefix, sizeof s->prefix, "%s", word(r, 1)) < 0)
        FAIL(r, "too many");
    s->outcome = outcome(r, 2);
    world_settle(w);
}

static void do_wait(struct run *r)
{
    world_wait(&r->world, duration(r, word(r, 1)));
}

static void do_clock(struct run *r)
{
    const char *by = word(r, 1);
    int64_t ms = duration(r, by + 1);

    world_set_clock(&r->world, by[0] == '-' ? -ms : ms);
    r->mark_ms += by[0] == '-' ? -ms : ms;
}

static void do_mark(struct run *r)
{
    r->mark_ms = r->world.wall_ms;
    r->mark_shot = r->world.shot_count;
}

static void do_restart(struct run *r)
{
    world_restart(&r->world);
}

/* down DURATION: not running for that time. */
static void do_down(struct run *r)
{
    r->world.wall_ms += duration(r, word(r, 1));
    world_restart(&r->world);
}

/* ---- what is expected ---- */

static const char *type_name(enum notification_type type)
{
    if (type == NOTIFY_HANDSHAKE)
        return "handshake";
    return type == NOTIFY_HEARTBEAT ? "heartbeat" : "events";
}

/* expect sending ID handshake|heartbeat|events LIST */
static void expect_sending(struct run *r)
{
    struct world *w = &r->world;
    const char *id = word(r, 2), *type = word(r, 3);
    bool events = strcmp(type, "events") == 0;
    size_t at = find_flying(r, id, events ? word(r, 4) : NULL);
    const struct shot *s = &w->shots[w->flying[at].shot];

    if (strcmp(type_name(s->type), type) != 0)
        FAIL(r, "%s gets %s", id, type_name(s->type));
}

/* expect nothing [ID] */
static void expect_nothing(struct run *r)
{
    struct world *w = &r->world;

    for (size_t i = 0; i < w->flying_count; i++) {
        const struct shot *s = &w->shots[w->flying[i].shot];

        if (r->n < 3 || strcmp(s->id, word(r, 2)) == 0)
            FAIL(r, "%s gets %s %s", s->id, type_name(s->type), s->events);
    }
}

static void expect_status(struct run *r)
{
    struct subscription_state s = world_state(&r->world, word(r, 2));

    if (strcmp(subscription_status_text(s.status), word(r, 3)) != 0)
        FAIL(r, "status is %s (%s)", subscription_status_text(s.status),
             s.error);
}

static void check_number(struct run *r, uint64_t is, int at)
{
    if (is != number(r, word(r, at)))
        FAIL(r, "it is %llu", (unsigned long long)is);
}

static void expect_delivered(struct run *r)
{
    check_number(r, world_state(&r->world, word(r, 2)).delivered, 3);
}

static void expect_events(struct run *r)
{
    check_number(r, world_state(&r->world, word(r, 2)).last_event, 3);
}

static void expect_attempts(struct run *r)
{
    check_number(r, world_state(&r->world, word(r, 2)).attempts, 3);
}

/* expect error ID [WORDS...]: the text holds them; none: there is no error */
static void expect_error(struct run *r)
{
    struct subscription_state s = world_state(&r->world, word(r, 2));
    char wanted[LINE_BYTES] = "";
    size_t n = 0;

    for (int i = 3; i < r->n; i++) {
        int rc = snprintf(wanted + n, sizeof wanted - n, "%s%s",
                          i > 3 ? " " : "", r->words[i]);

        n += rc > 0 ? (size_t)rc : 0;
    }
    if (r->n == 3 ? s.error[0] != '\0' : !strstr(s.error, wanted))
        FAIL(r, "the error is \"%s\"", s.error);
}

static void expect_failure(struct run *r)
{
    struct subscription_state s = world_state(&r->world, word(r, 2));

    if (strcmp(failure_name(s.failure), word(r, 3)) != 0)
        FAIL(r, "the class is %s", failure_name(s.failure));
}

/* expect letter ID NUMBER events LIST */
static void expect_letter(struct run *r)
{
    struct subscription_state s = world_state(&r->world, word(r, 2));
    struct dead_letter d;
    char events[64];
    struct err e;

    if (engine_dead_letter(r->world.engine, s.number, number(r, word(r, 3)), &d,
                           &e) != ERR_OK)
        FAIL(r, "there is no such letter (%llu are)",
             (unsigned long long)s.parked);
    if (snprintf(events, sizeof events,
                 d.first == d.last ? "%llu" : "%llu-%llu",
                 (unsigned long long)d.first, (unsigned long long)d.last) < 0 ||
        strcmp(events, word(r, 5)) != 0)
        FAIL(r, "it holds %s", events);
}

static void expect_letters(struct run *r)
{
    check_number(r, world_state(&r->world, word(r, 2)).parked, 3);
}

/* expect times ID DURATION...: when attempts began, since the mark */
static void expect_times(struct run *r)
{
    const struct world *w = &r->world;
    int at = 3;

    for (size_t i = r->mark_shot; i < w->shot_count; i++) {
        int64_t since = w->shots[i].time_ms - r->mark_ms;

        if (strcmp(w->shots[i].id, word(r, 2)) != 0)
            continue;
        if (at >= r->n)
            FAIL(r, "one more, at %lld ms", (long long)since);
        if (since != duration(r, word(r, at)))
            FAIL(r, "not at %s but at %lld ms", word(r, at), (long long)since);
        at++;
    }
    if (at < r->n)
        FAIL(r, "none at %s", word(r, at));
}

static const struct shot *last_shot(struct run *r, size_t *before)
{
    const struct world *w = &r->world;

    while (*before > 0) {
        const struct shot *s = &w->shots[--*before];

        if (strcmp(s->id, word(r, 2)) == 0)
            return s;
    }
    FAIL(r, "there were no two attempts");
    return NULL;
}

/* expect same ID, expect different ID: of the last two messages */
static void expect_same(struct run *r)
{
    size_t before = r->world.shot_count;
    const struct shot *a = last_shot(r, &before);
    const struct shot *b = last_shot(r, &before);
    bool same_id = strcmp(a->message, b->message) == 0;
    bool same = same_id && a->body_hash == b->body_hash;

    if (is_word(r, 1, "same") ? !same : same_id)
        FAIL(r, "they are %s and %s, the bytes %s", b->message, a->message,
             a->body_hash == b->body_hash ? "the same" : "differ");
}

/* expect gone ID */
static void expect_gone(struct run *r)
{
    struct subscription_state s;
    struct err e;

    if (engine_subscription_by_id(r->world.engine, bytes_of(word(r, 2)), &s,
                                  NULL, &e) == ERR_OK)
        FAIL(r, "it is there");
}

struct verb {
    const char *name;
    void (*run)(struct run *r);
};

static const struct verb expectations[] = {{"sending", expect_sending},
                                           {"nothing", expect_nothing},
                                           {"status", expect_status},
                                           {"delivered", expect_delivered},
                                           {"events", expect_events},
                                           {"attempts", expect_attempts},
                                           {"error", expect_error},
                                           {"failure", expect_failure},
                                           {"letter", expect_letter},
                                           {"letters", expect_letters},
                                           {"times", expect_times},
                                           {"same", expect_same},
                                           {"different", expect_same},
                                           {"gone", expect_gone},
                                           {NULL, NULL}};

static void do_verb(struct run *r, const struct verb *verbs, int at)
{
    for (; verbs->name; verbs++) {
        if (is_word(r, at, verbs->name)) {
            verbs->run(r);
            return;
        }
    }
    FAIL(r, "%s is not known", word(r, at));
}

static void do_expect(struct run *r)
{
    do_verb(r, expectations, 1);
}

static const struct verb deeds[] = {{"subscribe", do_subscribe},
                                    {"unsubscribe", do_unsubscribe},
                                    {"change", do_change},
                                    {"answer", do_answer},
                                    {"always", do_always},
                                    {"wait", do_wait},
                                    {"clock", do_clock},
                                    {"mark", do_mark},
                                    {"restart", do_restart},
                                    {"crash", do_crash},
                                    {"down", do_down},
                                    {"expect", do_expect},
                                    {NULL, NULL}};

static void do_line(struct run *r, char *line)
{
    char *save = NULL;

    line[strcspn(line, "#\n")] = '\0';
    r->n = 0;
    for (char *w = strtok_r(line, " \t", &save); w;
         w = strtok_r(NULL, " \t", &save)) {
        if (r->n == WORDS_MOST)
            FAIL(r, "too many words");
        r->words[r->n++] = w;
    }
    if (r->n > 0)
        do_verb(r, deeds, 0);
}

int main(int argc, char **argv)
{
    static struct run r;
    char line[LINE_BYTES];
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;

    if (!file) {
        (void)fputs("usage: scenario_runner FILE\n", stderr);
        return 2;
    }
    log_setup(LOG_JSON, LOG_ERROR);
    r.file = argv[1];
    world_init(&r.world);
    r.mark_ms = r.world.wall_ms;
    while (fgets(line, sizeof line, file)) {
        r.line++;
        do_line(&r, line);
    }
    (void)fclose(file); /* was only read */
    world_fini(&r.world);
    return 0;
}
