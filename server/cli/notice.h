/* notice: a received notification bundle in words for people.
 * Owns:   nothing; the result is appended to a buf.
 * Thread: any.
 * Bounds: the buf's maximum; texts are cut at NOTICE_TEXT_BYTES.
 * The body comes from a stranger: control characters never reach the terminal
 * and no shape of JSON is taken for granted. */
#ifndef BELFRY_SERVER_CLI_NOTICE_H
#define BELFRY_SERVER_CLI_NOTICE_H

#include "storage/base/buf.h"

#define NOTICE_TEXT_BYTES 200

/* One line for the notification and two at most for each event. ERR_SYNTAX
 * (not JSON) or ERR_UNPROCESSABLE (no notification bundle) with out as it
 * was. */
MUST_CHECK enum err_code notice_write(struct buf *out, struct bytes body,
                                      struct err *e);

/* The text with control characters replaced by `?`, cut to
 * NOTICE_TEXT_BYTES. */
void notice_add_plain(struct buf *out, struct bytes text);

#endif
