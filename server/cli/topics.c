#include "server/cli/topics.h"

#include "server/cli/notice.h"
#include "server/cli/option.h"
#include "server/engine/read.h"
#include "storage/base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_DIR "profiles/topics"
#define INSTALLED_DIR "/usr/share/belfry/topics"
#define READ_BYTES ((size_t)16384)
#define LIST_BYTES ((size_t)8 << 20)
#define LIST_COLUMNS 78
/* As the server's standard; nothing is written that could need more. */
#define LIST_MAP_BYTES ((size_t)64 << 30)
#define LIST_INDENT 12

/* Of a server that is not running: only absolute references in criteria to
 * the server itself would tell the difference. */
#define ANY_BASE_URL "http://127.0.0.1:8080/fhir"

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *topics_default_dir(void)
{
    return is_directory(SOURCE_DIR) ? SOURCE_DIR : INSTALLED_DIR;
}

/* ---- loading ---- */

struct loading {
    struct topic_set *set;
    struct bytes base_url;
    FILE *report;
    FILE *accepted; /* an `ok` line for each topic, NULL: none */
    size_t problems;
    bool nomem;
};

static void tell(struct loading *l, const char *path, const struct err *e)
{
    l->problems++;
    if (e->code == ERR_NOMEM)
        l->nomem = true;
    (void)fprintf(l->report, "%s: %s%s%s\n", path, e->expression,
                  e->expression[0] ? ": " : "", e->message);
}

static enum err_code read_all(int fd, struct buf *out, struct err *e)
{
    char *at;
    ssize_t n;

    do {
        at = buf_extend(out, READ_BYTES);
        if (!at)
            return buf_check(out, e);
        do
            n = read(fd, at, READ_BYTES);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return err_set_errno(e, ERR_IO, errno, "cannot read");
        out->n -= READ_BYTES - (size_t)n;
    } while (n > 0);
    return ERR_OK;
}

static enum err_code check_file(int fd, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set_errno(e, ERR_IO, errno, "cannot read");
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "is not a regular file");
    if (st.st_size > (off_t)TOPICS_FILE_BYTES)
        return err_set(e, ERR_TOO_LARGE, "is larger than %zu bytes",
                       TOPICS_FILE_BYTES);
    return ERR_OK;
}

static enum err_code read_file(const char *path, struct buf *out, struct err *e)
{
    /* O_NONBLOCK: a pipe among the files must not hang the start */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum err_code rc;

    if (fd < 0)
        return err_set_errno(e, ERR_IO, errno, "cannot open");
    rc = check_file(fd, e);
    if (rc == ERR_OK)
        rc = read_all(fd, out, e);
    (void)close(fd);
    return rc;
}

static void tell_issues(struct loading *l, const char *path,
                        const struct issues *issues)
{
    for (size_t i = 0; i < issues->count; i++)
        tell(l, path, &issues->items[i]);
    if (issues->dropped > 0) {
        l->problems += issues->dropped;
        (void)fprintf(l->report, "%s: and %zu more problems\n", path,
                      issues->dropped);
    }
}

/* What the topic will not do, though it is served. */
static void tell_warnings(struct loading *l, const char *path,
                          const struct topic *t)
{
    const struct issues *warnings = topic_warnings(t);

    if (!warnings)
        return;
    for (size_t i = 0; i < warnings->count; i++)
        (void)fprintf(l->report, "%s: warning: %s: %s\n", path,
                      warnings->items[i].expression,
                      warnings->items[i].message);
    if (warnings->dropped > 0)
        (void)fprintf(l->report, "%s: warning: and %zu more\n", path,
                      warnings->dropped);
}

static void load_topic(struct loading *l, const char *path, struct bytes text)
{
    struct issues issues = {.count = 0};
    struct topic *t = NULL;
    const struct topic *added;
    struct err e = {0};

    if (topic_compile(text, l->base_url, &t, &issues) != ERR_OK) {
        tell_issues(l, path, &issues);
        return;
    }
    if (topic_set_add(l->set, &t, &e) != ERR_OK) {
        tell(l, path, &e);
        return;
    }
    added = topic_set_at(l->set, topic_set_count(l->set) - 1);
    tell_warnings(l, path, added);
    if (!l->accepted)
        return;
    (void)fprintf(l->accepted, "ok  %s  %s%s%s\n", path, topic_url(added),
                  topic_version(added)[0] ? "|" : "", topic_version(added));
}

static void load_file(struct loading *l, const char *path)
{
    struct buf text;
    struct err e = {0};

    /* room for the last read(), which meets the end */
    buf_init(&text, TOPICS_FILE_BYTES + READ_BYTES);
    if (read_file(path, &text, &e) != ERR_OK)
        tell(l, path, &e);
    else
        load_topic(l, path, buf_bytes(&text));
    buf_fini(&text);
}

static int is_topic_file(const struct dirent *entry)
{
    static const char SUFFIX[] = ".json";
    size_t n = strlen(entry->d_name);
    size_t suffix_n = sizeof SUFFIX - 1;

    return entry->d_name[0] != '.' && n > suffix_n &&
           strcmp(entry->d_name + n - suffix_n, SUFFIX) == 0;
}

/* Byte order: alphasort() would ask the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_entry(struct loading *l, const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct err e;
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= sizeof path) {
        (void)err_set(&e, ERR_INVALID, "the path is too long");
        tell(l, name, &e);
    } else if (!is_directory(path)) {
        load_file(l, path);
    }
}

static void load_directory(struct loading *l, const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_topic_file, by_name);
    struct err e;

    if (count < 0) {
        (void)err_set_errno(&e, errno == ENOMEM ? ERR_NOMEM : ERR_IO, errno,
                            "cannot read the directory");
        tell(l, dir, &e);
        return;
    }
    if (count > TOPIC_SET_MAX) {
        (void)err_set(&e, ERR_TOO_LARGE,
                      "has %d files; belfry holds at most %d topics", count,
                      TOPIC_SET_MAX);
        tell(l, dir, &e);
    }
    for (int i = 0; i < count; i++) {
        if (count <= TOPIC_SET_MAX)
            load_entry(l, dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static enum err_code load(struct loading *l, const char *const *paths, size_t n,
                          struct err *e)
{
    l->set = topic_set_new();
    if (!l->set)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        if (is_directory(paths[i]))
            load_directory(l, paths[i]);
        else
            load_file(l, paths[i]);
    }
    if (l->nomem)
        return err_nomem(e);
    if (l->problems > 0)
        return err_set(
            e, ERR_UNPROCESSABLE,
            "the topics have %zu problem%s; --topics DIR names their folder",
            l->problems, l->problems == 1 ? "" : "s");
    return ERR_OK;
}

enum err_code topics_load(const char *const *paths, size_t n,
                          const char *base_url, struct topic_set **out,
                          FILE *report, struct err *e)
{
    struct loading l = {.base_url = bytes_of(base_url), .report = report};
    enum err_code rc = load(&l, paths, n, e);

    *out = NULL;
    if (rc == ERR_OK)
        *out = l.set;
    else
        topic_set_unref(l.set);
    return rc;
}

/* ---- belfry topics check ---- */

static const struct option_table check_table = {
    .usage = "belfry topics check FILE...",
    .about = "Reads SubscriptionTopics, in their JSON form or as the Basic "
             "resources of R4, as the server would. For each one that "
             "it would serve, a line `ok  FILE  URL|VERSION` on standard "
             "output, and on standard error a line `FILE: warning: ELEMENT: "
             "REASON` for what it would leave out of it; for each problem of "
             "the others a line `FILE: ELEMENT: REASON` there. A directory "
             "stands for the *.json "
             "files in it. Two topics must not have the same url. Exit "
             "status: 0 when all are good, 1 when one was refused, 2 for "
             "wrong usage.",
};

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int check_files(int argc, char **argv)
{
    struct loading l = {.base_url = bytes_of(ANY_BASE_URL),
                        .report = stderr,
                        .accepted = stdout};
    struct err e;
    enum err_code rc = load(&l, (const char *const *)argv, (size_t)argc, &e);

    topic_set_unref(l.set);
    if (rc == ERR_NOMEM)
        return options_exit("topics check", rc, &e);
    return rc == ERR_OK ? 0 : 1; /* each reason was told already */
}

static int check_main(int argc, char **argv)
{
    struct err e;

    if (argc > 0 && is_help(argv[0])) {
        options_help(&check_table, stdout);
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "--") == 0)
        return check_files(argc - 1, argv + 1);
    for (int i = 0; i < argc; i++)
        if (argv[i][0] == '-')
            return options_exit(
                "topics check",
                err_set(&e, ERR_INVALID, "there is no option %s", argv[i]), &e);
    if (argc == 0)
        return options_exit("topics check",
                            err_set(&e, ERR_INVALID, "which files?"), &e);
    return check_files(argc, argv);
}

/* ---- belfry topics list ---- */

struct list_config {
    struct option_texts topics;
    const char *data;
};

static const struct option_row list_rows[] = {
    {.name = "topics",
     .kind = OPTION_TEXTS,
     .value = "DIR",
     .offset = offsetof(struct list_config, topics),
     .help =
         "A directory of topics, or a single file; may be repeated. "
         "Default: " SOURCE_DIR " when it is there, else " INSTALLED_DIR "."},
    {.name = "data",
     .kind = OPTION_TEXT,
     .value = "DIR",
     .offset = offsetof(struct list_config, data),
     .help = "The data folder of a server that is not running: the topics "
             "that were written over REST are listed as well."},
};

static const struct option_table list_table = {
    .usage = "belfry topics list [--topics DIR]... [--data DIR]",
    .about = "Prints the topics that a server started with the same --topics "
             "would serve: url and version, title, what triggers each, and "
             "what subscriptions can filter by. No server needs to run.",
    .rows = list_rows,
    .count = sizeof list_rows / sizeof list_rows[0],
};

/* Adds "word" to a comma-separated list that wraps under its first column. */
static void add_word(struct buf *out, size_t *column, bool first,
                     const char *word)
{
    size_t n = strlen(word) + 2;

    if (!first) {
        buf_add_char(out, ',');
        if (*column + n > LIST_COLUMNS) {
            buf_add_format(out, "\n%*s", LIST_INDENT + 2, "");
            *column = LIST_INDENT + 2;
        } else {
            buf_add_char(out, ' ');
        }
    }
    buf_add_text(out, word);
    *column += n;
}

/* True when an earlier trigger was for the same type. */
static bool is_repeat(const struct topic *t, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (bytes_equal(topic_trigger_type(t, i), topic_trigger_type(t, index)))
            return true;
    return false;
}

static bool any_has(const struct topic *t, struct bytes type,
                    enum interaction interaction)
{
    for (size_t i = 0; i < topic_trigger_count(t); i++)
        if (bytes_equal(topic_trigger_type(t, i), type) &&
            topic_trigger_has(t, i, interaction))
            return true;
    return false;
}

static void list_trigger(struct buf *out, const struct topic *t,
                         struct bytes type, const char *label)
{
    static const char *const words[] = {[INTERACTION_CREATE] = "create",
                                        [INTERACTION_UPDATE] = "update",
                                        [INTERACTION_DELETE] = "delete"};
    const char *comma = "";

    buf_add_format(out, "  %-*s%.*s (", LIST_INDENT - 2, label,
                   BYTES_ARG(type));
    for (int i = INTERACTION_CREATE; i <= INTERACTION_DELETE; i++)
        if (any_has(t, type, (enum interaction)i)) {
            buf_add_format(out, "%s%s", comma, words[i]);
            comma = ", ";
        }
    buf_add_text(out, ")\n");
}

static void list_filters(struct buf *out, const struct topic *t,
                         struct bytes type, const char *label)
{
    size_t column = LIST_INDENT + type.n + 2;
    bool first = true;

    buf_add_format(out, "  %-*s%.*s: ", LIST_INDENT - 2, label,
                   BYTES_ARG(type));
    for (size_t i = 0; i < topic_filter_count(t); i++) {
        const char *code = topic_filter_parameter(t, i, type);

        if (!code)
            continue;
        add_word(out, &column, first, code);
        first = false;
    }
    buf_add_text(out, first ? "none\n" : "\n");
}

static void list_topic(struct buf *out, const struct topic *t)
{
    notice_add_plain(out, bytes_of(topic_url(t)));
    if (topic_version(t)[0])
        buf_add_char(out, '|');
    notice_add_plain(out, bytes_of(topic_version(t)));
    buf_add_format(out, "\n  %-*s", LIST_INDENT - 2, "title");
    notice_add_plain(out, bytes_of(topic_title(t)));
    buf_add_char(out, '\n');
    for (size_t i = 0; i < topic_trigger_count(t); i++)
        if (!is_repeat(t, i))
            list_trigger(out, t, topic_trigger_type(t, i),
                         i == 0 ? "triggers" : "");
    for (size_t i = 0; i < topic_trigger_count(t); i++)
        if (!is_repeat(t, i))
            list_filters(out, t, topic_trigger_type(t, i),
                         i == 0 ? "filters" : "");
}

static enum err_code list_set(const struct topic_set *set, struct err *e)
{
    struct buf out;
    enum err_code rc;

    buf_init(&out, LIST_BYTES);
    for (size_t i = 0; i < topic_set_count(set); i++) {
        if (i > 0)
            buf_add_char(&out, '\n');
        list_topic(&out, topic_set_at(set, i));
    }
    rc = buf_check(&out, e);
    if (rc == ERR_OK && out.n > 0 &&
        (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0))
        rc = err_set_errno(e, ERR_IO, errno, "cannot print");
    buf_fini(&out);
    return rc;
}

/* Opening would make a data folder of whatever stands there. */
static bool holds_data(const char *data)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/data.mdb", data);

    return n >= 0 && (size_t)n < sizeof path && stat(path, &st) == 0;
}

/* The files' topics with those of the data folder. */
static enum err_code add_stored(const char *data, struct topic_set **set,
                                struct err *e)
{
    const struct engine_config config = {.data_dir = data,
                                         .map_bytes = LIST_MAP_BYTES,
                                         .clock = clock_system(),
                                         .topics = *set,
                                         .base_url = ANY_BASE_URL};
    struct engine *engine = NULL;
    enum err_code rc;

    if (!holds_data(data))
        return err_set(e, ERR_INVALID, "%s is not a data folder", data);
    rc = engine_open(&config, &engine, e);
    if (rc != ERR_OK)
        return rc;
    topic_set_unref(*set);
    *set = engine_topics(engine);
    engine_close(&engine);
    return ERR_OK;
}

static enum err_code list(struct list_config *c, struct err *e)
{
    struct topic_set *set;
    enum err_code rc;

    if (c->topics.count == 0)
        c->topics.items[c->topics.count++] = topics_default_dir();
    rc = topics_load(c->topics.items, c->topics.count, ANY_BASE_URL, &set,
                     stderr, e);
    if (rc == ERR_OK && c->data)
        rc = add_stored(c->data, &set, e);
    if (rc == ERR_OK)
        rc = list_set(set, e);
    topic_set_unref(set);
    return rc;
}

static int list_main(int argc, char **argv)
{
    struct option_input in = {argc, (const char *const *)argv, NULL};
    struct list_config config = {.topics.count = 0};
    struct arena texts;
    struct err e = {0};
    enum err_code rc;
    bool help;

    arena_init(&texts, OPTION_FILE_BYTES);
    rc = options_read(&list_table, &in, &config, &texts, &help, &e);
    if (rc == ERR_OK && help)
        options_help(&list_table, stdout);
    else if (rc == ERR_OK)
        rc = list(&config, &e);
    arena_fini(&texts);
    return options_exit("topics list", rc, &e);
}

/* ---- belfry topics ---- */

static const char topics_usage[] =
    "Usage: belfry topics check FILE...\n"
    "       belfry topics list [--topics DIR]... [--data DIR]\n"
    "\n"
    "check  says whether belfry can serve the SubscriptionTopics in the files\n"
    "list   prints the topics of a server: url, title, triggers, filters\n"
    "\n"
    "Each has its own --help.\n";

int cli_topics(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "topics") == 0) {
        argc--;
        argv++;
    }
    if (argc > 0 && strcmp(argv[0], "check") == 0)
        return check_main(argc - 1, argv + 1);
    if (argc > 0 && strcmp(argv[0], "list") == 0)
        return list_main(argc - 1, argv + 1);
    if (argc > 0 && is_help(argv[0])) {
        (void)fputs(topics_usage, stdout);
        return 0;
    }
    if (argc > 0)
        (void)fprintf(stderr, "belfry topics: no such command: %.60s\n",
                      argv[0]);
    (void)fputs(topics_usage, stderr);
    return 2;
}
