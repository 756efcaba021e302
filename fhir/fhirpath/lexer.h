/* lexer: the tokens of an expression (FHIRPath 2.0, appendix B).
 * Owns:   nothing; texts of strings and identifiers go to the arena.
 * Thread: one at a time.
 * Errors: ERR_SYNTAX with line and column, ERR_NOMEM. */
#ifndef BELFRY_FHIR_FHIRPATH_LEXER_H
#define BELFRY_FHIR_FHIRPATH_LEXER_H

#include "storage/base/arena.h"
#include "storage/base/bytes.h"
#include "storage/base/err.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,      /* an identifier or a keyword */
    TOKEN_DELIMITED, /* `an identifier` */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_DATE, /* the text is without "@" */
    TOKEN_DATETIME,
    TOKEN_TIME,     /* the text is without "@T" */
    TOKEN_DOLLAR,   /* $this: the text is "this" */
    TOKEN_EXTERNAL, /* %x, %`x`, %'x', %"x": the text is "x" */
    TOKEN_SYMBOL    /* the text is the operator or bracket */
};

struct token {
    enum token_kind kind;
    struct bytes text; /* what it means: escapes are undone */
    size_t offset;
};

struct lexer {
    struct bytes text;
    size_t at;
    struct arena *arena;
    struct err *e;
};

/* The next token. */
MUST_CHECK enum err_code lexer_next(struct lexer *lexer, struct token *out);

/* Records "line 1, column 5: ..." and returns code. */
enum err_code lexer_refuse(struct err *e, enum err_code code, struct bytes text,
                           size_t offset, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
