#include "server/cli/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Further off than this, a name is another word, not a slip of the finger. */
#define NEAR_MAX 3
#define HELP_COLUMNS 78
#define HELP_INDENT 8

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

/* The one value being set: where it came from is part of every refusal. */
struct setting {
    const struct option_row *row;
    enum source source;
    struct bytes value;
    const char *where; /* "--listen", "BELFRY_LISTEN", "belfry.conf:3: ..." */
    bool fresh;        /* the first of its source: a list starts anew */
};

struct reading {
    const struct option_table *table;
    void *target;
    struct arena *arena;
    unsigned char *from; /* per row: the highest source so far */
};

/* ---- names ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[OPTION_NAME_BYTES + 1];
    size_t diagonal;
    size_t above;

    if (a.n > OPTION_NAME_BYTES || b.n > OPTION_NAME_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1,
                           diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[b.n];
}

const char *option_nearest(struct bytes text,
                           const char *(*name)(const void *ctx, size_t i),
                           const void *ctx, size_t count)
{
    const char *best = NULL;
    size_t best_distance = NEAR_MAX + 1;
    size_t d;

    for (size_t i = 0; i < count; i++) {
        d = distance(text, bytes_of(name(ctx, i)));
        /* a word that shares no letter with a short name is not near it */
        if (d < best_distance && d < text.n) {
            best = name(ctx, i);
            best_distance = d;
        }
    }
    return best;
}

static const char *row_name(const void *ctx, size_t i)
{
    const struct option_table *t = ctx;

    return t->rows[i].name;
}

static const struct option_row *find_row(const struct option_table *t,
                                         struct bytes name)
{
    for (size_t i = 0; i < t->count; i++)
        if (bytes_is(name, t->rows[i].name))
            return &t->rows[i];
    return NULL;
}

/* ASCII, whatever the locale. */
static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* A name as the environment spells it: "max-body" is "MAX_BODY". */
static void spell_variable(const char *prefix, const char *name,
                           char out[2 * OPTION_NAME_BYTES])
{
    size_t n = strlen(prefix);
    size_t i;

    memcpy(out, prefix, n);
    for (i = 0; name[i] && n + i + 1 < (size_t)2 * OPTION_NAME_BYTES; i++) {
        out[n + i] = upper(name[i]);
        if (name[i] == '-')
            out[n + i] = '_';
    }
    out[n + i] = '\0';
}

/* How one would write the option in the source. */
static void spell(const struct option_table *t, enum source source,
                  const char *name, char out[2 * OPTION_NAME_BYTES])
{
    if (source == FROM_ENVIRONMENT) {
        spell_variable(t->prefix, name, out);
        return;
    }
    if (snprintf(out, (size_t)2 * OPTION_NAME_BYTES, "%s%s",
                 source == FROM_FLAG ? "--" : "", name) < 0)
        out[0] = '\0';
}

static enum err_code unknown(const struct option_table *t, enum source source,
                             struct bytes name, const char *where,
                             struct err *e)
{
    char spelled[2 * OPTION_NAME_BYTES];
    const char *nearest;

    for (const struct option_later *l = t->later; l && l->name; l++)
        if (bytes_is(name, l->name))
            return err_set(e, ERR_INVALID, "%s: %s", where, l->why);
    nearest = option_nearest(name, row_name, t, t->count);
    if (!nearest)
        return err_set(e, ERR_INVALID, "%s: no such option", where);
    spell(t, source, nearest, spelled);
    return err_set(e, ERR_INVALID, "%s: no such option; did you mean %s?",
                   where, spelled);
}

/* ---- values ---- */

static void *at_offset(struct reading *r, const struct option_row *row)
{
    return (char *)r->target + row->offset;
}

/* What a unit's letter shifts by; 0 for any other character. */
static unsigned unit_shift(char c)
{
    static const char units[] = "KMGT";

    for (unsigned i = 0; units[i]; i++)
        if (upper(c) == units[i])
            return 10 * (i + 1);
    return 0;
}

static bool read_size(struct bytes text, uint64_t *out)
{
    unsigned shift = text.n > 1 ? unit_shift(text.p[text.n - 1]) : 0;

    if (shift)
        text.n--;
    if (!bytes_to_u64(text, out) || *out > UINT64_MAX >> shift)
        return false;
    *out <<= shift;
    return true;
}

static const char *kind_text(enum option_kind kind)
{
    switch (kind) {
    case OPTION_SIZE:
        return "a size in bytes, K, M, G or T";
    case OPTION_NUMBERS:
        return "numbers with commas between them, each";
    case OPTION_NUMBER:
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_SWITCH:
    case OPTION_CHOICE:
        break;
    }
    return "a whole number";
}

static enum err_code bad_number(const struct setting *s, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "%s: \"%.*s\" is not %s from %" PRIu64 " to %" PRIu64,
                   s->where, (int)least(s->value.n, 40), s->value.p,
                   kind_text(s->row->kind), s->row->min, s->row->max);
}

static enum err_code set_number(struct reading *r, const struct setting *s,
                                struct err *e)
{
    uint64_t number;
    bool legal = s->row->kind == OPTION_SIZE ? read_size(s->value, &number)
                                             : bytes_to_u64(s->value, &number);

    if (!legal || number < s->row->min || number > s->row->max)
        return bad_number(s, e);
    memcpy(at_offset(r, s->row), &number, sizeof number);
    return ERR_OK;
}

static struct bytes trim(struct bytes text)
{
    while (text.n && isspace((unsigned char)text.p[0]))
        text = bytes_from(text, 1);
    while (text.n && isspace((unsigned char)text.p[text.n - 1]))
        text.n--;
    return text;
}

static enum err_code set_numbers(struct reading *r, const struct setting *s,
                                 struct err *e)
{
    struct option_numbers *list = at_offset(r, s->row);
    struct bytes rest = s->value;
    struct bytes item;
    bool last;

    list->count = 0;
    do {
        last = bytes_find(rest, ',') == rest.n;
        item = trim(bytes_split(rest, ',', &rest));
        if (list->count == OPTION_LIST_MAX)
            return err_set(e, ERR_INVALID, "%s: more than %d numbers", s->where,
                           OPTION_LIST_MAX);
        if (!bytes_to_u64(item, &list->items[list->count]) ||
            list->items[list->count] < s->row->min ||
            list->items[list->count] > s->row->max)
            return bad_number(s, e);
        list->count++;
    } while (!last);
    return ERR_OK;
}

static enum err_code set_text(struct reading *r, const struct setting *s,
                              struct err *e)
{
    struct bytes copy;

    if (s->value.n == 0)
        return err_set(e, ERR_INVALID, "%s: the value is empty", s->where);
    copy = arena_copy(r->arena, s->value);
    if (!copy.p)
        return err_nomem(e);
    memcpy(at_offset(r, s->row), &copy.p, sizeof copy.p);
    return ERR_OK;
}

static enum err_code add_text(struct reading *r, const struct setting *s,
                              struct bytes item, struct err *e)
{
    struct option_texts *list = at_offset(r, s->row);
    struct bytes copy;

    if (item.n == 0)
        return err_set(e, ERR_INVALID, "%s: a value is empty", s->where);
    if (list->count == OPTION_LIST_MAX)
        return err_set(e, ERR_INVALID, "%s: more than %d values", s->where,
                       OPTION_LIST_MAX);
    copy = arena_copy(r->arena, item);
    if (!copy.p)
        return err_nomem(e);
    list->items[list->count++] = copy.p;
    return ERR_OK;
}

static enum err_code set_texts(struct reading *r, const struct setting *s,
                               struct err *e)
{
    struct option_texts *list = at_offset(r, s->row);
    struct bytes rest = s->value;
    enum err_code code;
    bool last;

    if (s->fresh)
        list->count = 0;
    if (s->source != FROM_ENVIRONMENT)
        return add_text(r, s, s->value, e);
    do {
        last = bytes_find(rest, ':') == rest.n;
        code = add_text(r, s, bytes_split(rest, ':', &rest), e);
    } while (code == ERR_OK && !last);
    return code;
}

static enum err_code set_switch(struct reading *r, const struct setting *s,
                                struct err *e)
{
    bool on = bytes_is(s->value, "true");

    if (!on && !bytes_is(s->value, "false"))
        return err_set(e, ERR_INVALID, "%s: neither true nor false", s->where);
    memcpy(at_offset(r, s->row), &on, sizeof on);
    return ERR_OK;
}

static const char *word_name(const void *ctx, size_t i)
{
    const struct option_row *row = ctx;

    return row->words[i];
}

static enum err_code set_choice(struct reading *r, const struct setting *s,
                                struct err *e)
{
    uint64_t index = 0;
    const char *nearest;

    while (s->row->words[index] && !bytes_is(s->value, s->row->words[index]))
        index++;
    if (!s->row->words[index]) {
        nearest = option_nearest(s->value, word_name, s->row, index);
        return err_set(e, ERR_INVALID, "%s: not one of %s%s%s%s", s->where,
                       s->row->value, nearest ? "; did you mean " : "",
                       nearest ? nearest : "", nearest ? "?" : "");
    }
    memcpy(at_offset(r, s->row), &index, sizeof index);
    return ERR_OK;
}

static enum err_code set_value(struct reading *r, const struct setting *s,
                               struct err *e)
{
    switch (s->row->kind) {
    case OPTION_TEXT:
        return set_text(r, s, e);
    case OPTION_TEXTS:
        return set_texts(r, s, e);
    case OPTION_SWITCH:
        return set_switch(r, s, e);
    case OPTION_NUMBER:
    case OPTION_SIZE:
        return set_number(r, s, e);
    case OPTION_NUMBERS:
        return set_numbers(r, s, e);
    case OPTION_CHOICE:
        return set_choice(r, s, e);
    }
    return err_set(e, ERR_BUG, "%s: no such kind of option", s->where);
}

static enum err_code set_row(struct reading *r, struct setting *s,
                             struct err *e)
{
    size_t index = (size_t)(s->row - r->table->rows);

    s->fresh = r->from[index] != (unsigned char)s->source;
    r->from[index] = (unsigned char)s->source;
    return set_value(r, s, e);
}

/* ---- sources ---- */

static enum err_code read_defaults(struct reading *r, struct err *e)
{
    struct setting s = {.source = FROM_DEFAULT};
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < r->table->count; i++) {
        s.row = &r->table->rows[i];
        s.where = s.row->name;
        s.value = bytes_of(s.row->standard);
        if (s.row->standard)
            code = set_row(r, &s, e);
    }
    return code;
}

/* A name longer than every option's cannot be one; cut for the message. */
static struct bytes cut_name(struct bytes name)
{
    name.n = least(name.n, (size_t)OPTION_NAME_BYTES);
    return name;
}

static enum err_code read_line(struct reading *r, struct bytes line,
                               const char *place, struct err *e)
{
    struct bytes value;
    struct bytes name;
    char where[160];
    struct setting s = {.source = FROM_FILE, .where = where};

    if (bytes_find(line, '=') == line.n)
        return err_set(e, ERR_INVALID, "%s: not of the form \"name = value\"",
                       place);
    name = trim(bytes_split(line, '=', &value));
    if (snprintf(where, sizeof where, "%s: %.*s", place,
                 BYTES_ARG(cut_name(name))) < 0)
        return err_set(e, ERR_BUG, "the place cannot be named");
    s.row = find_row(r->table, name);
    if (!s.row || strcmp(s.row->name, r->table->file) == 0)
        return unknown(r->table, FROM_FILE, name, where, e);
    if (r->from[s.row - r->table->rows] == FROM_FILE &&
        s.row->kind != OPTION_TEXTS)
        return err_set(e, ERR_INVALID, "%s: given twice", where);
    s.value = trim(value);
    return set_row(r, &s, e);
}

static enum err_code read_lines(struct reading *r, const char *path,
                                struct bytes text, struct err *e)
{
    enum err_code code = ERR_OK;
    struct bytes line;
    char place[120];

    for (size_t number = 1; code == ERR_OK && text.n > 0; number++) {
        line = trim(bytes_split(text, '\n', &text));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (snprintf(place, sizeof place, "%s:%zu", path, number) < 0)
            return err_set(e, ERR_BUG, "the place cannot be named");
        code = read_line(r, line, place, e);
    }
    return code;
}

static enum err_code read_file(struct reading *r, const char *path,
                               struct err *e)
{
    enum err_code code;
    FILE *file = fopen(path, "re");
    char *text;
    size_t n;

    if (!file)
        return err_set_errno(e, ERR_IO, errno, "cannot read %s", path);
    text = malloc(OPTION_FILE_BYTES + 1);
    if (!text) {
        code = err_nomem(e);
        goto out;
    }
    n = fread(text, 1, OPTION_FILE_BYTES + 1, file);
    if (ferror(file))
        code = err_set_errno(e, ERR_IO, errno, "cannot read %s", path);
    else if (n > OPTION_FILE_BYTES)
        code = err_set(e, ERR_INVALID, "%s is larger than %zu bytes", path,
                       OPTION_FILE_BYTES);
    else
        code = read_lines(r, path, bytes_make(text, n), e);
out:
    free(text);
    (void)fclose(file); /* was only read */
    return code;
}

/* The row of a variable's name without its prefix. */
static const struct option_row *find_variable(const struct option_table *t,
                                              struct bytes variable)
{
    char spelled[2 * OPTION_NAME_BYTES];

    for (size_t i = 0; i < t->count; i++) {
        spell_variable(t->prefix, t->rows[i].name, spelled);
        if (bytes_is(variable, spelled))
            return &t->rows[i];
    }
    return NULL;
}

static enum err_code unknown_variable(const struct option_table *t,
                                      struct bytes variable, struct err *e)
{
    struct bytes tail = cut_name(bytes_from(variable, strlen(t->prefix)));
    char name[OPTION_NAME_BYTES + 1] = "";
    char where[2 * OPTION_NAME_BYTES];

    for (size_t i = 0; i < tail.n; i++) {
        name[i] = lower(tail.p[i]);
        if (tail.p[i] == '_')
            name[i] = '-';
    }
    if (snprintf(where, sizeof where, "%s%.*s", t->prefix, BYTES_ARG(tail)) < 0)
        return err_set(e, ERR_BUG, "the variable cannot be named");
    return unknown(t, FROM_ENVIRONMENT, bytes_of(name), where, e);
}

static enum err_code read_variable(struct reading *r, const char *entry,
                                   struct err *e)
{
    char where[2 * OPTION_NAME_BYTES];
    struct setting s = {.source = FROM_ENVIRONMENT, .where = where};
    struct bytes variable = bytes_split(bytes_of(entry), '=', &s.value);

    s.row = find_variable(r->table, variable);
    if (!s.row)
        return unknown_variable(r->table, variable, e);
    spell_variable(r->table->prefix, s.row->name, where);
    return set_row(r, &s, e);
}

static enum err_code read_environment(struct reading *r,
                                      const char *const *environment,
                                      struct err *e)
{
    enum err_code code = ERR_OK;

    if (!r->table->prefix || !environment)
        return ERR_OK;
    for (; code == ERR_OK && *environment; environment++)
        if (bytes_starts(bytes_of(*environment), r->table->prefix))
            code = read_variable(r, *environment, e);
    return code;
}

/* The flag at argv[*i]; moves *i past a value that stands apart. */
static enum err_code read_flag(struct reading *r, const struct option_input *in,
                               int *i, struct err *e)
{
    struct bytes text = bytes_of(in->argv[*i]);
    char where[OPTION_NAME_BYTES + 3];
    struct setting s = {.source = FROM_FLAG, .where = where};
    bool joined = bytes_find(text, '=') < text.n;
    struct bytes name;

    if (!bytes_starts(text, "--") || text.n == 2)
        return err_set(e, ERR_INVALID, "unexpected argument \"%.*s\"",
                       (int)least(text.n, 60), text.p);
    name = bytes_split(bytes_from(text, 2), '=', &s.value);
    if (snprintf(where, sizeof where, "--%.*s", BYTES_ARG(cut_name(name))) < 0)
        return err_set(e, ERR_BUG, "the flag cannot be named");
    s.row = find_row(r->table, name);
    if (!s.row)
        return unknown(r->table, FROM_FLAG, name, where, e);
    if (!joined && s.row->kind == OPTION_SWITCH)
        s.value = bytes_of("true");
    else if (!joined && ++*i >= in->argc)
        return err_set(e, ERR_INVALID, "%s: the value is missing (%s)", where,
                       s.row->value);
    else if (!joined)
        s.value = bytes_of(in->argv[*i]);
    return set_row(r, &s, e);
}

static enum err_code read_flags(struct reading *r,
                                const struct option_input *in, struct err *e)
{
    enum err_code code = ERR_OK;

    for (int i = 0; code == ERR_OK && i < in->argc; i++)
        code = read_flag(r, in, &i, e);
    return code;
}

static bool wants_help(const struct option_input *in)
{
    for (int i = 0; i < in->argc; i++)
        if (strcmp(in->argv[i], "--help") == 0 ||
            strcmp(in->argv[i], "-h") == 0)
            return true;
    return false;
}

/* What flags and environment say the file is; NULL without one. */
static enum err_code find_file(struct reading *r, const struct option_input *in,
                               const char **path, struct err *e)
{
    const struct option_row *row;
    enum err_code code;

    *path = NULL;
    if (!r->table->file)
        return ERR_OK;
    code = read_environment(r, in->environment, e);
    if (code == ERR_OK)
        code = read_flags(r, in, e);
    row = find_row(r->table, bytes_of(r->table->file));
    if (code == ERR_OK && row)
        memcpy(path, at_offset(r, row), sizeof *path);
    /* both are read again behind the file, into lists that start anew */
    memset(r->from, FROM_DEFAULT, r->table->count);
    return code;
}

enum err_code options_read(const struct option_table *t,
                           const struct option_input *in, void *target,
                           struct arena *arena, bool *help, struct err *e)
{
    struct reading r = {.table = t, .target = target, .arena = arena};
    enum err_code code;
    const char *path;

    *help = wants_help(in);
    if (*help)
        return ERR_OK;
    r.from = arena_alloc(arena, t->count);
    if (!r.from)
        return err_nomem(e);
    code = find_file(&r, in, &path, e);
    if (code == ERR_OK)
        code = read_defaults(&r, e);
    if (code == ERR_OK && path)
        code = read_file(&r, path, e);
    if (code == ERR_OK)
        code = read_environment(&r, in->environment, e);
    if (code == ERR_OK)
        code = read_flags(&r, in, e);
    return code;
}

/* ---- help ---- */

/* The text in lines of HELP_COLUMNS, each indented; stdio's errors show when
 * the stream is flushed. */
static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    struct bytes rest = bytes_of(text);
    size_t column = 0;
    struct bytes word;

    while (rest.n) {
        word = bytes_split(rest, ' ', &rest);
        if (column > 0 && column + 1 + word.n > HELP_COLUMNS) {
            (void)fputc('\n', out);
            column = 0;
        }
        if (column == 0) {
            (void)fprintf(out, "%*s%.*s", (int)indent, "", BYTES_ARG(word));
            column = indent + word.n;
        } else {
            (void)fprintf(out, " %.*s", BYTES_ARG(word));
            column += 1 + word.n;
        }
    }
    (void)fputc('\n', out);
}

static bool is_number(enum option_kind kind)
{
    return kind == OPTION_NUMBER || kind == OPTION_SIZE ||
           kind == OPTION_NUMBERS;
}

/* "64M" for 67108864; whole units only. */
static void print_bound(FILE *out, const struct option_row *row, uint64_t value)
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    size_t unit = 0;

    if (row->kind == OPTION_SIZE)
        for (; unit < 4 && value && value % 1024 == 0; unit++)
            value /= 1024;
    (void)fprintf(out, "%" PRIu64 "%s", value, units[unit]);
}

static void print_row(const struct option_row *row, FILE *out)
{
    (void)fprintf(out, "  --%s%s%s%s\n", row->name, row->value ? " " : "",
                  row->value ? row->value : "",
                  row->kind == OPTION_TEXTS ? "  (repeatable)" : "");
    print_wrapped(out, row->help, HELP_INDENT);
    if (is_number(row->kind)) {
        (void)fprintf(out, "%*sFrom ", HELP_INDENT, "");
        print_bound(out, row, row->min);
        (void)fputs(" to ", out);
        print_bound(out, row, row->max);
        (void)fputs(".\n", out);
    }
    if (row->standard)
        (void)fprintf(out, "%*sDefault: %s\n", HELP_INDENT, "", row->standard);
}

static void print_sources(const struct option_table *t, FILE *out)
{
    char spelled[2 * OPTION_NAME_BYTES];

    spell_variable(t->prefix, t->rows[0].name, spelled);
    (void)fprintf(out,
                  "\nEvery option is also an environment variable (--%s is "
                  "%s; capitals,\n`_` for `-`, `:` between repeated values) "
                  "and a line of the file that\n--%s names:\n\n"
                  "  # a comment\n  name = value\n\n"
                  "A flag beats the environment, the environment beats the "
                  "file. What belfry\ndoes not know is an error in all "
                  "three.\n",
                  t->rows[0].name, spelled, t->file);
}

void options_help(const struct option_table *t, FILE *out)
{
    (void)fprintf(out, "Usage: %s\n\n", t->usage);
    print_wrapped(out, t->about, 0);
    (void)fputs("\nOptions:\n", out);
    for (size_t i = 0; i < t->count; i++)
        print_row(&t->rows[i], out);
    (void)fputs("  --help\n        Prints this.\n", out);
    if (t->prefix && t->file)
        print_sources(t, out);
}

int options_exit(const char *command, enum err_code code, const struct err *e)
{
    if (code == ERR_OK)
        return 0;
    (void)fprintf(stderr, "belfry %s: %s\n", command, e->message);
    if (code != ERR_INVALID)
        return 1;
    (void)fprintf(stderr, "Try `belfry %s --help`.\n", command);
    return 2;
}
