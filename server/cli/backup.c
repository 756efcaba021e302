#include "server/cli/backup.h"

#include "server/cli/damage.h"
#include "server/cli/option.h"
#include "storage/store/backup.h"

#include <inttypes.h>
#include <stddef.h>

struct backup {
    const char *data;
};

static const struct option_row rows[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .value = "DIR",
     .standard = "./data",
     .offset = offsetof(struct backup, data),
     .help = "The data folder to copy, of a server that runs or of none."},
};

static const struct option_table table = {
    .usage = "belfry backup TARGET [--data DIR]",
    .about =
        "Copies a data folder into the folder TARGET, which is made when it is "
        "missing and must be empty. A server may run on the data folder: the "
        "copy holds what was committed at one moment, resources, "
        "subscriptions, queues and what was delivered, all of it consistent. "
        "When the command says so the copy is safely on the disk. To restore "
        "is to start on it: belfry serve --data TARGET (on a copy of it, to "
        "keep the backup). Events delivered since the backup was made are "
        "then sent again with their numbers. The command needs to write to "
        "lock.mdb in the data folder, so run it as the server's user. While "
        "it runs the server's data file reuses no pages that were freed "
        "meanwhile, so it may grow. Exit status: 0, 1 when it failed, 2 for "
        "wrong usage.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
};

/* Takes the one argument that is no option and no option's value out of argv;
 * NULL without. */
static const char *take_target(int *argc, char **argv)
{
    for (int i = 0; i < *argc; i++) {
        const char *target = argv[i];

        if (target[0] == '-') {
            i += !strchr(target, '=');
            continue;
        }
        for (int k = i; k + 1 < *argc; k++)
            argv[k] = argv[k + 1];
        (*argc)--;
        return target;
    }
    return NULL;
}

static enum err_code last_change(const char *dir, uint64_t *out, struct err *e)
{
    struct store *s = NULL;
    struct store_txn *t = NULL;
    enum err_code code = store_open_read(dir, &s, e);

    if (code == ERR_OK)
        code = store_begin_read(s, &t, e);
    if (code == ERR_OK)
        code = store_log_last(t, out, e);
    store_abort(&t);
    store_close(&s);
    return code;
}

static enum err_code copy(const char *data, const char *target, struct err *e)
{
    struct store *s = NULL;
    uint64_t last = 0;
    enum err_code code = store_open_read(data, &s, e);

    if (code == ERR_OK)
        code = backup_write(s, target, e);
    store_close(&s);
    /* what cannot be opened is no backup */
    if (code == ERR_OK)
        code = last_change(target, &last, e);
    if (code == ERR_OK && printf("belfry backup: %s holds everything up to "
                                 "change %" PRIu64 "\n",
                                 target, last) < 0)
        code = err_set(e, ERR_IO, "standard output cannot be written");
    return code;
}

int cli_backup(int argc, char **argv)
{
    const char *target = take_target(&argc, argv);
    struct option_input in = {argc, (const char *const *)argv, NULL};
    struct backup config = {.data = NULL};
    struct damage_before before;
    struct arena texts;
    struct err e = {0};
    enum err_code code;
    bool help;

    arena_init(&texts, OPTION_FILE_BYTES);
    code = options_read(&table, &in, &config, &texts, &help, &e);
    if (code == ERR_OK && help) {
        options_help(&table, stdout);
    } else if (code == ERR_OK && !target) {
        code = err_set(&e, ERR_INVALID, "into which folder?");
    } else if (code == ERR_OK) {
        damage_watch(&before);
        code = copy(config.data, target, &e);
    }
    arena_fini(&texts);
    return options_exit("backup", code, &e);
}
