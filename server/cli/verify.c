#include "server/cli/verify.h"

#include "server/base/clock.h"
#include "server/base/json_scope.h"
#include "server/cli/damage.h"
#include "server/cli/option.h"
#include "server/cli/topics.h"
#include "server/engine/engine.h"
#include "server/engine/verify.h"

#include <inttypes.h>
#include <stddef.h>

#define MIB ((uint64_t)1 << 20)
#define TIB ((uint64_t)1 << 40)

struct verify {
    const char *data;
    bool rebuild;
    struct option_texts topics;
    const char *base_url;
    const char *index;
    uint64_t map_bytes;
};

#define AT(member) offsetof(struct verify, member)

static const struct option_row rows[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .value = "DIR",
     .standard = "./data",
     .offset = AT(data),
     .help = "The data folder. A server may run on it, but with --rebuild."},
    {.name = "rebuild",
     .kind = OPTION_SWITCH,
     .offset = AT(rebuild),
     .help = "Drop the views and make them anew from the log, then check. "
             "Give the --topics and the --base-url that the server is started "
             "with: a subscription whose topic is not there goes to error. "
             "Default: check only."},
    {.name = "topics",
     .kind = OPTION_TEXTS,
     .value = "DIR",
     .offset = AT(topics),
     .help = "For --rebuild: a folder of SubscriptionTopic files, as for "
             "`belfry serve`. Default: profiles/topics below the current "
             "folder, else /usr/share/belfry/topics."},
    {.name = "base-url",
     .kind = OPTION_TEXT,
     .value = "URL",
     .standard = "http://127.0.0.1:8080/fhir",
     .offset = AT(base_url),
     .help = "For --rebuild: the base of the resources."},
    {.name = "index",
     .kind = OPTION_TEXT,
     .value = "TYPES",
     .standard = "all",
     .offset = AT(index),
     .help = "For --rebuild: the types that the search index holds, as for "
             "`belfry serve`."},
    {.name = "map-size",
     .kind = OPTION_SIZE,
     .value = "SIZE",
     .standard = "64G",
     .min = 16 * MIB,
     .max = 64 * TIB,
     .offset = AT(map_bytes),
     .help = "For --rebuild: the upper bound of the data file."},
};

static const struct option_table table = {
    .usage = "belfry verify [--data DIR] [--rebuild [--topics DIR]... "
             "[--base-url URL]]",
    .about =
        "Says whether a data folder is sound: its format; that each record of "
        "the log is there, is whole by its checksum and can be read; that the "
        "versions of each resource and the events of each subscription are "
        "numbered without gap or repeat; and that the views (current "
        "versions, history, queues, subscriptions, dead letters) hold what "
        "the log says and nothing else. Problems are told on standard error, "
        "one a line, the result on standard output. It reads everything once; "
        "on the folder of a running server it sees one moment, and the data "
        "file reuses no pages meanwhile. Exit status: 0 when the folder is "
        "sound, 1 when it is not or cannot be read, 2 for wrong usage.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
};

static void tell(void *ctx, const char *problem)
{
    (void)ctx;
    (void)fprintf(stderr, "belfry verify: %s\n", problem);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static enum err_code print_result(const char *data,
                                  const struct verify_counts *n, struct err *e)
{
    if (n->problems > VERIFY_TOLD_MAX)
        (void)fprintf(stderr, "belfry verify: and %" PRIu64 " more problem%s\n",
                      n->problems - VERIFY_TOLD_MAX,
                      plural(n->problems - VERIFY_TOLD_MAX));
    if (n->problems > 0)
        return err_set(e, ERR_FORMAT, "%s is damaged: %" PRIu64 " problem%s",
                       data, n->problems, plural(n->problems));
    if (printf("belfry verify: %s is sound: %" PRIu64 " change%s, %" PRIu64
               " record%s of deliveries, %" PRIu64 " resource%s, %" PRIu64
               " subscription%s, %" PRIu64 " event%s\n",
               data, n->changes, plural(n->changes), n->other_records,
               plural(n->other_records), n->resources, plural(n->resources),
               n->subscriptions, plural(n->subscriptions), n->events,
               plural(n->events)) < 0)
        return err_set(e, ERR_IO, "standard output cannot be written");
    return ERR_OK;
}

static enum err_code check(const char *data, struct err *e)
{
    struct verify_counts counts = {.changes = 0};
    struct store *s = NULL;
    enum err_code code = store_open_read(data, &s, e);

    if (code == ERR_OK)
        code = verify_store(s, tell, NULL, &counts, e);
    store_close(&s);
    return code == ERR_OK ? print_result(data, &counts, e) : code;
}

/* The folder must be there: opening one that is not would make it. */
static enum err_code rebuild(const struct verify *c, struct err *e)
{
    const char *standard = topics_default_dir();
    struct engine_config config = {.data_dir = c->data,
                                   .map_bytes = (size_t)c->map_bytes,
                                   .clock = clock_system(),
                                   .base_url = c->base_url,
                                   .index = c->index};
    struct store *s = NULL;
    enum err_code code = store_open_read(c->data, &s, e);

    store_close(&s);
    if (code == ERR_OK)
        code = topics_load(c->topics.count ? c->topics.items : &standard,
                           c->topics.count ? c->topics.count : 1, c->base_url,
                           &config.topics, stderr, e);
    if (code != ERR_OK)
        return code;
    json_scope_install();
    code = engine_rebuild(&config, e);
    topic_set_unref(config.topics);
    return code;
}

int cli_verify(int argc, char **argv)
{
    struct option_input in = {argc, (const char *const *)argv, NULL};
    struct verify config = {.data = NULL};
    struct damage_before before;
    struct arena texts;
    struct err e = {0};
    enum err_code code;
    bool help;

    arena_init(&texts, OPTION_FILE_BYTES);
    code = options_read(&table, &in, &config, &texts, &help, &e);
    if (code == ERR_OK && help) {
        options_help(&table, stdout);
    } else if (code == ERR_OK) {
        damage_watch(&before);
        if (config.rebuild)
            code = rebuild(&config, &e);
        if (code == ERR_OK)
            code = check(config.data, &e);
    }
    arena_fini(&texts);
    return options_exit("verify", code, &e);
}
