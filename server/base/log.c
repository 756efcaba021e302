#include "server/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "storage/base/buf.h"
#include "storage/base/instant.h"

/* The logger is the one piece of file-scope state that STYLE allows. */
static enum log_format chosen_format = LOG_JSON;
static enum log_level least_level = LOG_INFO;

void log_setup(enum log_format format, enum log_level least)
{
    chosen_format = format;
    least_level = least;
}

static void write_line(enum log_level level, const char *event,
                       const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char time[INSTANT_TEXT_BYTES];
    struct buf line;
    ssize_t written;

    instant_format(clock_wall_ms(clock_system()), time);
    buf_init(&line, (size_t)LOG_LINE_BYTES * 6);
    if (chosen_format == LOG_JSON) {
        buf_add_format(&line,
                       "{\"time\":\"%.24s\",\"level\":\"%s\","
                       "\"event\":\"%s\",\"message\":",
                       time, names[level], event);
        buf_add_json_string(&line, bytes_of(text));
        buf_add_text(&line, "}\n");
    } else {
        buf_add_format(&line, "%.24s %-5s %s: %s\n", time, names[level], event,
                       text);
    }
    if (line.failed == ERR_OK) {
        written = write(STDERR_FILENO, line.p, line.n);
        (void)written; /* nowhere to report that standard error is closed */
    }
    buf_fini(&line);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    char text[LOG_LINE_BYTES];
    va_list ap;
    int n;

    if (level < least_level)
        return;
    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n >= 0)
        write_line(level, event, text);
}

void log_err(enum log_level level, const char *event, const struct err *e)
{
    if (e->expression[0])
        log_event(level, event, "%s (%s)", e->message, e->expression);
    else
        log_event(level, event, "%s", e->message);
}
