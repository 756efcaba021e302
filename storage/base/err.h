/* err: what went wrong, in one value that travels up the call chain.
 * Owns:   nothing; a struct err lives on the caller's stack.
 * Thread: any.
 * Bounds: texts are cut at ERR_MESSAGE_BYTES and ERR_EXPRESSION_BYTES.
 * Whoever fails describes (err_set); whoever decides logs or answers. One
 * table, fhir/outcome/outcome.c, maps a code to HTTP and OperationOutcome. */
#ifndef BELFRY_STORAGE_BASE_ERR_H
#define BELFRY_STORAGE_BASE_ERR_H

#include <stdbool.h>

#define ERR_MESSAGE_BYTES 320
#define ERR_EXPRESSION_BYTES 160

#define MUST_CHECK __attribute__((warn_unused_result))

enum err_code {
    ERR_OK = 0,
    ERR_SYNTAX,         /* not JSON, not UTF-8, duplicate key: 400 structure */
    ERR_INVALID,        /* a parameter or an id is wrong: 400 invalid */
    ERR_NOT_SUPPORTED,  /* legal FHIR that belfry does not do: 400 */
    ERR_FORBIDDEN,      /* 403 */
    ERR_NOT_FOUND,      /* 404 */
    ERR_METHOD,         /* 405 */
    ERR_NOT_ACCEPTABLE, /* 406 */
    ERR_TIMEOUT,        /* 408 */
    ERR_CONFLICT,       /* 409 */
    ERR_GONE,           /* 410: deleted */
    ERR_PRECONDITION,   /* 412 */
    ERR_TOO_LARGE,      /* 413 */
    ERR_MEDIA_TYPE,     /* 415 */
    ERR_UNPROCESSABLE,  /* 422: understood and refused */
    ERR_UNPROCESSABLE_REQUIRED,  /* 422: a required element is missing */
    ERR_UNPROCESSABLE_STRUCTURE, /* 422: not the shape of the element */
    ERR_UNPROCESSABLE_CODE,      /* 422: not a code of the value set */
    ERR_UNPROCESSABLE_INVARIANT, /* 422: a rule between elements is broken */
    ERR_TOO_COSTLY,              /* 422: would take too much work */
    ERR_BUSY,                    /* 503 with Retry-After: a bound was reached */
    ERR_FULL,                    /* 507: disk or map full */
    ERR_NOMEM,                   /* 503 */
    ERR_IO,                      /* 500: the disk or a socket failed */
    ERR_FORMAT,                  /* 500: stored data that belfry cannot read */
    ERR_STALE, /* internal: the state moved on, prepare the command again */
    ERR_BUG    /* 500 */
};

struct err {
    enum err_code code;
    int system; /* errno, MDB_* or CURLcode, 0 when there is none */
    char message[ERR_MESSAGE_BYTES];
    char expression[ERR_EXPRESSION_BYTES]; /* FHIRPath of the element or "" */
};

/* Records the failure and returns code, so that a function ends with
 * `return err_set(e, ERR_INVALID, "...")`. e may be NULL. */
enum err_code err_set(struct err *e, enum err_code code, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* As err_set, with the FHIRPath expression of the element at fault. */
enum err_code err_set_at(struct err *e, enum err_code code,
                         const char *expression, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As err_set for a failed system call; appends the text of errno. */
enum err_code err_set_errno(struct err *e, enum err_code code, int errno_value,
                            const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "out of memory", with ERR_NOMEM. */
enum err_code err_nomem(struct err *e);

#endif
