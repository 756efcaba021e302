#include "fhir/outcome/issues.h"

#include <stdarg.h>
#include <stdio.h>

static struct err *next_item(struct issues *list)
{
    if (list->count == ISSUES_MAX) {
        list->dropped++;
        return NULL;
    }
    return &list->items[list->count++];
}

void issues_add(struct issues *list, enum err_code code, const char *expression,
                const char *format, ...)
{
    struct err *item = next_item(list);
    va_list ap;
    int n;

    if (!item)
        return;
    *item = (struct err){.code = code};
    va_start(ap, format);
    n = vsnprintf(item->message, sizeof item->message, format, ap);
    va_end(ap);
    if (n < 0)
        item->message[0] = '\0';
    n = snprintf(item->expression, sizeof item->expression, "%s", expression);
    if (n < 0)
        item->expression[0] = '\0';
}

void issues_add_err(struct issues *list, const struct err *e)
{
    struct err *item = next_item(list);

    if (item)
        *item = *e;
}
