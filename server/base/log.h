/* log: what the server says of itself, one line an event, on standard error.
 * Owns:   nothing but the format chosen at start.
 * Thread: any; a line is one write().
 * Bounds: a line is at most LOG_LINE_BYTES.
 * P6: no resource content, secret or header value is ever a field. */
#ifndef BELFRY_SERVER_BASE_LOG_H
#define BELFRY_SERVER_BASE_LOG_H

#include "storage/base/err.h"

#define LOG_LINE_BYTES 2048

enum log_format { LOG_JSON, LOG_TEXT };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Call once before threads start. */
void log_setup(enum log_format format, enum log_level least);

/* One line: the event's fixed name ("delivery.failed") and a readable text. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failure that somebody described. */
void log_err(enum log_level level, const char *event, const struct err *e);

#endif
