/* Every shipped topic over its examples in profiles/examples: each pair of
 * versions fires the topic or does not, as its name says. A pair is
 * NAME.before.json and NAME.after.json; without the first it is a create,
 * without the second a delete. */
#include "fhir/topic/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "fhir/json/gate.h"
#include "fhir/model/validate.h"

#define BASE "https://server.example/fhir"
#define PROFILES BELFRY_SOURCE_DIR "/profiles/"
#define ARENA_BYTES ((size_t)1 << 20)
#define FILE_BYTES ((size_t)1 << 18)
#define PATH_BYTES 512
#define TOPICS_SHIPPED 10

/* What the examples of one topic came to. */
struct tally {
    unsigned fired;
    unsigned silent;
    unsigned creates;
    unsigned updates;
};

/* NULL when there is no such file. */
static char *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "re");
    char *text;

    if (!file)
        return NULL;
    text = malloc(FILE_BYTES);
    assert_non_null(text);
    *n = fread(text, 1, FILE_BYTES, file);
    assert_true(*n > 0 && *n < FILE_BYTES);
    (void)fclose(file);
    return text;
}

static struct topic *compile_topic(const char *name)
{
    struct issues issues = {.count = 0};
    struct topic *t = NULL;
    char path[PATH_BYTES];
    char *text;
    size_t n;

    assert_true(snprintf(path, sizeof path, PROFILES "topics/%s.json", name) >
                0);
    text = read_file(path, &n);
    if (!text)
        fail_msg("%s is not there", path);
    if (topic_compile(bytes_make(text, n), bytes_of(BASE), &t, &issues) !=
        ERR_OK)
        fail_msg("%s: %s", path, issues.items[0].message);
    free(text);
    return t;
}

static void must_be_valid(const char *path, struct bytes text,
                          struct arena *arena)
{
    struct issues issues = {.count = 0};
    struct err e = {0};

    if (json_gate(text, &e) != ERR_OK ||
        model_validate(text, arena, &issues, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.message);
    if (issues.count > 0)
        fail_msg("%s: %s: %s", path, issues.items[0].expression,
                 issues.items[0].message);
}

static const struct search_values *read_side(const char *topic,
                                             const char *name, size_t name_n,
                                             const char *side,
                                             struct arena *arena)
{
    struct search_values *values = NULL;
    struct err e = {0};
    char path[PATH_BYTES];
    char *text;
    size_t n;

    assert_true(snprintf(path, sizeof path, PROFILES "examples/%s/%.*s.%s.json",
                         topic, (int)name_n, name, side) > 0);
    text = read_file(path, &n);
    if (!text)
        return NULL;
    must_be_valid(path, bytes_make(text, n), arena);
    assert_int_equal(search_values_read(bytes_make(text, n), bytes_of(BASE),
                                        arena, &values, &e),
                     ERR_OK);
    free(text);
    return values;
}

static bool fires(const struct topic *t, const struct search_values *before,
                  const struct search_values *after)
{
    const struct change_view view = {
        .interaction = !before  ? INTERACTION_CREATE
                       : !after ? INTERACTION_DELETE
                                : INTERACTION_UPDATE,
        .resource_type = search_values_type(after ? after : before),
        .previous = before,
        .current = after};

    return topic_fires(t, &view);
}

static void judge(const struct topic *t, const char *topic, const char *name,
                  size_t name_n, struct tally *tally)
{
    bool want = strncmp(name, "fires-", 6) == 0;
    const struct search_values *before, *after;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    before = read_side(topic, name, name_n, "before", &arena);
    after = read_side(topic, name, name_n, "after", &arena);
    if (fires(t, before, after) != want)
        fail_msg("%s: %.*s: %s", topic, (int)name_n, name,
                 want ? "does not fire" : "fires");
    tally->fired += want;
    tally->silent += !want;
    tally->creates += !before;
    tally->updates += before && after;
    arena_fini(&arena);
}

/* Each pair once: by its after, or by its before where that is all. */
static bool leads(const char *topic, const char *file, size_t *name_n)
{
    const char *after = strstr(file, ".after.json");
    const char *before = strstr(file, ".before.json");
    char path[PATH_BYTES];
    char *text;
    size_t n;

    if (!after && !before)
        fail_msg("examples/%s/%s is of neither side", topic, file);
    *name_n = (size_t)((after ? after : before) - file);
    if (after)
        return true;
    assert_true(snprintf(path, sizeof path,
                         PROFILES "examples/%s/%.*s.after.json", topic,
                         (int)*name_n, file) > 0);
    text = read_file(path, &n);
    free(text);
    return !text;
}

static void judge_topic(const char *name)
{
    struct topic *t = compile_topic(name);
    struct tally tally = {0};
    char path[PATH_BYTES];
    struct dirent *entry;
    size_t n;
    DIR *dir;

    assert_true(snprintf(path, sizeof path, PROFILES "examples/%s", name) > 0);
    dir = opendir(path);
    if (!dir)
        fail_msg("%s has no examples", name);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || !leads(name, entry->d_name, &n))
            continue;
        if (strncmp(entry->d_name, "fires-", 6) != 0 &&
            strncmp(entry->d_name, "silent-", 7) != 0)
            fail_msg("%s/%s says not what it is", name, entry->d_name);
        judge(t, name, entry->d_name, n, &tally);
    }
    (void)closedir(dir);
    topic_unref(t);
    assert_true(tally.fired > 0 && tally.silent >= 2);
    assert_true(tally.creates > 0 && tally.updates > 0);
}

static void
shipped_topics_fire_on_their_examples_and_not_on_near_misses(void **state)
{
    DIR *dir = opendir(PROFILES "topics");
    struct dirent *entry;
    unsigned topics = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char *suffix = strstr(entry->d_name, ".json");

        if (!suffix)
            continue;
        *suffix = '\0';
        judge_topic(entry->d_name);
        topics++;
    }
    (void)closedir(dir);
    assert_true(topics >= TOPICS_SHIPPED);
}

/* A folder of examples whose topic is gone would never be judged. */
static void every_folder_of_examples_has_its_topic(void **state)
{
    DIR *dir = opendir(PROFILES "examples");
    struct dirent *entry;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && !strchr(entry->d_name, '.'))
            topic_unref(compile_topic(entry->d_name));
    (void)closedir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            shipped_topics_fire_on_their_examples_and_not_on_near_misses),
        cmocka_unit_test(every_folder_of_examples_has_its_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
