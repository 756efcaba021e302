/* option: a sub-command's options as one table that drives both the parsing
 * and the help, so that the help is complete and its defaults are true.
 * Owns:   nothing; texts are copied into the caller's arena.
 * Thread: main, before threads start.
 * Bounds: OPTION_LIST_MAX values of a list, OPTION_FILE_BYTES of a file.
 * Errors: ERR_INVALID that names the option, where it was given, and for an
 *         unknown one the nearest known; ERR_IO (file), ERR_NOMEM.
 * A flag beats the environment beats the file beats the default. Flags are
 * `--name VALUE` or `--name=VALUE`, and the last one counts; variables are the
 * prefix and the name in capitals with `_` for `-`; files have a
 * `name = value` line each, and lines that start with `#`. */
#ifndef BELFRY_SERVER_CLI_OPTION_H
#define BELFRY_SERVER_CLI_OPTION_H

#include <stdio.h>

#include "storage/base/arena.h"
#include "storage/base/err.h"

#define OPTION_LIST_MAX 32
#define OPTION_FILE_BYTES ((size_t)64 << 10)
#define OPTION_NAME_BYTES 32

struct option_texts {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

struct option_numbers {
    uint64_t items[OPTION_LIST_MAX];
    size_t count;
};

/* The kind says what stands at the row's offset in the target. */
enum option_kind {
    OPTION_TEXT,    /* const char *, NULL when not given */
    OPTION_TEXTS,   /* struct option_texts; repeated, or `:` between them in
                       the environment */
    OPTION_SWITCH,  /* bool; a flag needs no value */
    OPTION_NUMBER,  /* uint64_t */
    OPTION_SIZE,    /* uint64_t of bytes; K, M, G or T may follow */
    OPTION_NUMBERS, /* struct option_numbers; `,` between them */
    OPTION_CHOICE   /* uint64_t: which of the words */
};

struct option_row {
    const char *name;
    enum option_kind kind;
    const char *value;    /* what the help calls it: "FILE" */
    const char *standard; /* the default as one would write it, or NULL */
    uint64_t min;         /* of numbers and sizes */
    uint64_t max;
    const char *const *words; /* of a choice, ends with NULL */
    size_t offset;
    const char *help; /* says what stands for the default when it is NULL */
};

/* An option that the design has and this version does not. */
struct option_later {
    const char *name; /* NULL ends the list */
    const char *why;
};

struct option_table {
    const char *usage;
    const char *about;
    const struct option_row *rows;
    size_t count;
    const struct option_later *later; /* may be NULL */
    const char *prefix;               /* of the environment; NULL: flags only */
    const char *file; /* the option that names a file; NULL: none */
};

/* Where the values come from. */
struct option_input {
    int argc;
    const char *const *argv; /* what follows the sub-command's name */
    const char *const *environment;
};

/* Fills target, which the caller zeroed. *help is set and nothing else done
 * when --help or -h is among the flags. */
MUST_CHECK enum err_code options_read(const struct option_table *t,
                                      const struct option_input *in,
                                      void *target, struct arena *arena,
                                      bool *help, struct err *e);

void options_help(const struct option_table *t, FILE *out);

/* The exit status of a sub-command that ended so: 0; 2 for ERR_INVALID, with
 * where the help is; 1. A failure is told on standard error. */
int options_exit(const char *command, enum err_code code, const struct err *e);

/* The candidate (of count, each found by name(ctx, i)) that is spelled most
 * like text; NULL when none is near. */
const char *option_nearest(struct bytes text,
                           const char *(*name)(const void *ctx, size_t i),
                           const void *ctx, size_t count);

#endif
