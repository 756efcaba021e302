/* text: the small grammars of HTTP that the REST layer reads.
 * Owns:   nothing; parts borrow what they were split from.
 * Thread: any. */
#ifndef BELFRY_SERVER_REST_TEXT_H
#define BELFRY_SERVER_REST_TEXT_H

#include "storage/base/arena.h"
#include "storage/base/buf.h"

/* Equal but for the case of ASCII letters. */
bool text_same(struct bytes a, const char *b);

/* Without the spaces and tabs at both ends. */
struct bytes text_trim(struct bytes a);

/* Without the quotes of a quoted-string; escapes stay as they are. */
struct bytes text_unquote(struct bytes a);

/* Takes the next element, trimmed, off a list; separators inside double
 * quotes do not count. False at the end; empty elements are skipped. */
bool text_list_next(struct bytes *list, char separator, struct bytes *item);

/* Decodes %XX (and '+' as a space in a form). Nothing is copied when there is
 * nothing to decode. ERR_INVALID for a bad escape and for NUL. */
MUST_CHECK enum err_code text_percent_decode(struct bytes in, bool form,
                                             struct arena *arena,
                                             struct bytes *out, struct err *e);

/* Encodes all but the unreserved characters of RFC 3986 and "/:|,". */
void text_percent_encode(struct buf *out, struct bytes in);

/* What a stranger sent, made safe to repeat in a message: printable ASCII, cut
 * to the size. Returns out. */
#define TEXT_SHOW_BYTES 72
const char *text_show(struct bytes in, char out[TEXT_SHOW_BYTES]);

#endif
