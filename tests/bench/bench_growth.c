/* bench_growth: what a change costs the writer when much is stored already.
 * In one process, without HTTP: creates COUNT resources, and tells the CPU a
 * change over the first and the last tenth, and the size of the data file.
 * usage: bench_growth RESOURCE COUNT
 * Prints one line of key=value. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/engine/apply.h"
#include "server/engine/core.h"
#include "server/engine/writer.h"
#include "server/rest/exchange.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define BATCH 64
#define BODY_BYTES ((size_t)4 << 20)

struct bench {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
    struct rest rest;
    struct bytes resource;
};

static void must(enum err_code code, const char *what, const struct err *e)
{
    if (code == ERR_OK)
        return;
    fprintf(stderr, "bench_growth: %s: %s\n", what, e ? e->message : "");
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct command *create(struct bench *x)
{
    struct write w = {.rest = &x->rest,
                      .kind = COMMAND_CREATE,
                      .type = bytes_of("MedicationRequest"),
                      .body = x->resource};
    struct arena scratch;
    struct err e = {0};

    arena_init(&scratch, 4 * BODY_BYTES);
    w.scratch = &scratch;
    must(prepare_write(&w, &e), "prepare", &e);
    arena_fini(&scratch);
    w.command->time_ms = clock_wall_ms(clock_system());
    return w.command;
}

/* As the writer works; returns the CPU that it took. */
static double write_batch(struct bench *x, struct command **commands)
{
    struct batch_outcome outcome;
    struct views *views = &x->engine->views;
    struct batch b;
    struct err e = {0};
    double begin = cpu_seconds();

    must(batch_begin(&b, &x->engine->state, commands[0]->time_ms, &e), "begin",
         &e);
    for (size_t i = 0; i < BATCH; i++) {
        must(apply_command(&b, commands[i], &e), "apply", &e);
        must(commands[i]->result.code, "a change", &commands[i]->result.err);
    }
    must(views_merge(views, b.txn, b.records * WRITER_MERGE_PER_CHANGE, &e),
         "merge", &e);
    must(batch_commit(&b, &outcome, &e), "commit", &e);
    views_committed(views);
    views_freeze(views, false);
    free(outcome.numbers);
    return cpu_seconds() - begin;
}

static double write_some(struct bench *x, size_t count)
{
    struct command *commands[BATCH];
    double cpu = 0;

    for (size_t done = 0; done < count; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            commands[i] = create(x);
        cpu += write_batch(x, commands);
        for (size_t i = 0; i < BATCH; i++)
            command_free(commands[i]);
    }
    return cpu / (double)count * 1e6;
}

static void open_all(struct bench *x)
{
    struct engine_config config = {.data_dir = x->dir,
                                   .map_bytes = (size_t)64 << 30,
                                   .clock = clock_system(),
                                   .base_url = BASE};
    struct err e = {0};

    x->topics = topic_set_new();
    config.topics = x->topics;
    must(x->topics ? ERR_OK : ERR_NOMEM, "memory", NULL);
    must(engine_open(&config, &x->engine, &e), "the engine", &e);
    x->rest = (struct rest){.config = {.engine = x->engine,
                                       .base_url = BASE,
                                       .clock = clock_system(),
                                       .rng = rng_system(),
                                       .body_bytes = BODY_BYTES},
                            .base_url = bytes_of(BASE)};
}

static double file_bytes(const struct bench *x)
{
    struct stat s = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/data.mdb", x->dir);
    return stat(path, &s) == 0 ? (double)s.st_blocks * 512 : 0;
}

static void close_all(struct bench *x)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    char path[128];

    engine_close(&x->engine);
    topic_set_unref(x->topics);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", x->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(x->dir);
}

int main(int argc, char **argv)
{
    static char text[BODY_BYTES];
    struct bench x = {.topics = NULL};
    size_t count = argc == 3 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
    FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;
    double first, last;

    if (!f || count < 10 * BATCH) {
        fprintf(stderr, "usage: bench_growth RESOURCE COUNT (at least %d)\n",
                10 * BATCH);
        return 2;
    }
    x.resource = bytes_make(text, fread(text, 1, sizeof text, f));
    (void)fclose(f);
    memcpy(x.dir, "/tmp/belfry-growth-XXXXXX", 26);
    must(mkdtemp(x.dir) ? ERR_OK : ERR_IO, "a folder", NULL);
    open_all(&x);
    first = write_some(&x, count / 10);
    (void)write_some(&x, count - 2 * (count / 10));
    last = write_some(&x, count / 10);
    printf("stored=%zu first_us=%.2f last_us=%.2f file_bytes=%.0f\n", count,
           first, last, file_bytes(&x));
    close_all(&x);
    return 0;
}
