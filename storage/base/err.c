#include "storage/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void
fill(struct err *e, enum err_code code, const char *format, va_list ap)
{
    e->code = code;
    e->system = 0;
    e->expression[0] = '\0';
    if (vsnprintf(e->message, sizeof e->message, format, ap) < 0)
        e->message[0] = '\0';
}

enum err_code err_set(struct err *e, enum err_code code, const char *format,
                      ...)
{
    va_list ap;

    if (e) {
        va_start(ap, format);
        fill(e, code, format, ap);
        va_end(ap);
    }
    return code;
}

enum err_code err_set_at(struct err *e, enum err_code code,
                         const char *expression, const char *format, ...)
{
    va_list ap;

    if (e) {
        va_start(ap, format);
        fill(e, code, format, ap);
        va_end(ap);
        if (snprintf(e->expression, sizeof e->expression, "%s", expression) < 0)
            e->expression[0] = '\0';
    }
    return code;
}

enum err_code err_set_errno(struct err *e, enum err_code code, int errno_value,
                            const char *format, ...)
{
    va_list ap;
    size_t used;
    char text[128];

    if (e) {
        va_start(ap, format);
        fill(e, code, format, ap);
        va_end(ap);
        e->system = errno_value;
        used = strlen(e->message);
        /* the GNU strerror_r: thread-safe, returns the text */
        const char *reason = strerror_r(errno_value, text, sizeof text);
        if (snprintf(e->message + used, sizeof e->message - used, ": %s",
                     reason) < 0)
            e->message[used] = '\0';
    }
    return code;
}

enum err_code err_nomem(struct err *e)
{
    return err_set(e, ERR_NOMEM, "out of memory");
}
