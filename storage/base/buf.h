/* buf: output that grows up to a maximum, with a sticky error.
 * Owns:   its heap memory, until buf_fini() or buf_take().
 * Thread: one at a time.
 * Bounds: the maximum given at init; past it the buffer keeps what it had,
 *         marks itself failed and ignores every further append.
 * Errors: none per append; check once at the end with buf_check(). */
#ifndef BELFRY_STORAGE_BASE_BUF_H
#define BELFRY_STORAGE_BASE_BUF_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

struct buf {
    char *p;
    size_t n;
    size_t capacity;
    size_t max;
    enum err_code failed; /* ERR_OK, ERR_TOO_LARGE or ERR_NOMEM */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);

/* Forgets the contents, keeps the memory and clears the error. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, struct bytes text);
/* Inline, so that the length of a literal is known. */
static inline void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, bytes_of(text));
}

void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t value);
void buf_add_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends the text as a JSON string with its quotes. Control characters,
 * quote and backslash are escaped; the rest is copied as it is (the text must
 * be UTF-8). */
void buf_add_json_string(struct buf *b, struct bytes text);

/* Makes room for n bytes at the end and returns it, NULL once failed. The
 * bytes count as added. */
char *buf_extend(struct buf *b, size_t n);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->p, b->n};
}

/* The sticky error, described. */
MUST_CHECK enum err_code buf_check(const struct buf *b, struct err *e);

/* Hands the heap memory to the caller (free()) and empties the buffer. The
 * text is followed by a NUL that does not count. NULL after a failure. */
MUST_CHECK char *buf_take(struct buf *b, size_t *n);

#endif
