#include "fhir/outcome/outcome.h"

#include "fhir/json/utf8.h"

struct row {
    int http_status;
    const char *issue_type; /* R4 valueset-issue-type */
    const char *text;       /* when the error's own words are not for clients */
    bool internal;          /* its own words never are */
};

static const struct row rows[] = {
    [ERR_OK] = {200, "informational", "all is well", false},
    [ERR_SYNTAX] = {400, "structure", "the text is not valid JSON", false},
    [ERR_INVALID] = {400, "invalid", "the request is not valid", false},
    [ERR_NOT_SUPPORTED] = {400, "not-supported", "this is not supported",
                           false},
    [ERR_FORBIDDEN] = {403, "forbidden", "this is not allowed", false},
    [ERR_NOT_FOUND] = {404, "not-found", "there is nothing here", false},
    [ERR_METHOD] = {405, "not-supported", "the method is not allowed here",
                    false},
    [ERR_NOT_ACCEPTABLE] = {406, "not-supported",
                            "the asked-for format is not available", false},
    [ERR_TIMEOUT] = {408, "timeout", "the request took too long", false},
    [ERR_CONFLICT] = {409, "conflict",
                      "the request conflicts with the present state", false},
    [ERR_GONE] = {410, "deleted", "the resource was deleted", false},
    [ERR_PRECONDITION] = {412, "conflict", "a precondition does not hold",
                          false},
    [ERR_TOO_LARGE] = {413, "too-long", "the request is too large", false},
    [ERR_MEDIA_TYPE] = {415, "not-supported",
                        "the format of the request is not supported", false},
    [ERR_UNPROCESSABLE] = {422, "value", "the content is refused", false},
    [ERR_UNPROCESSABLE_REQUIRED] = {422, "required",
                                    "a required element is missing", false},
    [ERR_UNPROCESSABLE_STRUCTURE] = {422, "structure",
                                     "the content is not of FHIR's shape",
                                     false},
    [ERR_UNPROCESSABLE_CODE] = {422, "code-invalid", "a code is refused",
                                false},
    [ERR_UNPROCESSABLE_INVARIANT] = {422, "invariant",
                                     "a rule between elements is broken",
                                     false},
    [ERR_TOO_COSTLY] = {422, "too-costly",
                        "the request would take too much work", false},
    [ERR_BUSY] = {503, "throttled", "the server is busy, try again later",
                  false},
    [ERR_FULL] = {507, "no-store", "the storage is full", true},
    [ERR_NOMEM] = {503, "transient", "the server is short of memory", true},
    [ERR_IO] = {500, "exception", "the server failed to read or write", true},
    [ERR_FORMAT] = {500, "exception", "the server cannot read what is stored",
                    true},
    [ERR_STALE] = {503, "transient", "the state has moved on, try again", true},
    [ERR_BUG] = {500, "exception", "the server failed", true},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct row *row_of(enum err_code code)
{
    return (size_t)code < ROW_COUNT ? &rows[code] : &rows[ERR_BUG];
}

int outcome_http_status(enum err_code code)
{
    return row_of(code)->http_status;
}

const char *outcome_issue_type(enum err_code code)
{
    return row_of(code)->issue_type;
}

/* Statuses that no code maps to, and those that several share. */
static const struct {
    int http_status;
    enum err_code code;
} statuses[] = {
    {400, ERR_INVALID},       {401, ERR_FORBIDDEN}, {411, ERR_INVALID},
    {414, ERR_TOO_LARGE},     {429, ERR_BUSY},      {431, ERR_TOO_LARGE},
    {500, ERR_BUG},           {503, ERR_BUSY},      {501, ERR_NOT_SUPPORTED},
    {505, ERR_NOT_SUPPORTED},
};

enum err_code outcome_code_of_status(int http_status)
{
    if (http_status < 400)
        return ERR_OK;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].http_status == http_status)
            return statuses[i].code;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].http_status == http_status)
            return (enum err_code)i;
    return http_status < 500 ? ERR_INVALID : ERR_BUG;
}

/* Texts are cut at a byte count and may quote what a client sent: what is not
 * UTF-8 becomes U+FFFD. */
static void add_string(struct buf *out, const char *text)
{
    char clean[3 * ERR_MESSAGE_BYTES];
    size_t n = 0, left = strlen(text), width;

    while (left > 0 && n + 4 <= sizeof clean) {
        width = utf8_sequence(text, left);
        if (width) {
            memcpy(clean + n, text, width);
            n += width;
        } else {
            memcpy(clean + n, "\xef\xbf\xbd", 3);
            n += 3;
            width = 1;
        }
        text += width;
        left -= width;
    }
    buf_add_json_string(out, bytes_make(clean, n));
}

static void begin(struct buf *out)
{
    buf_add_text(out, "{\"resourceType\":\"OperationOutcome\",\"issue\":[");
}

static void end(struct buf *out)
{
    buf_add_text(out, "]}");
}

static void add_issue(struct buf *out, const char *severity, const char *type,
                      const char *diagnostics)
{
    buf_add_format(out, "{\"severity\":\"%s\",\"code\":\"%s\"", severity, type);
    buf_add_text(out, ",\"diagnostics\":");
    add_string(out, diagnostics);
}

/* P6: what the system or the storage said stays in the log. */
static void add_err(struct buf *out, const char *severity, const struct err *e)
{
    const struct row *row = row_of(e->code);
    bool hidden = row->internal || e->system != 0 || e->message[0] == '\0';

    add_issue(out, severity, row->issue_type, hidden ? row->text : e->message);
    if (e->expression[0] != '\0' && !row->internal) {
        buf_add_text(out, ",\"expression\":[");
        add_string(out, e->expression);
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}

void outcome_write(struct buf *out, const struct err *e)
{
    begin(out);
    add_err(out, "error", e);
    end(out);
}

static void add_dropped(struct buf *out, size_t dropped)
{
    buf_add_format(out,
                   ",{\"severity\":\"information\",\"code\":\"informational\","
                   "\"diagnostics\":\"%zu more issues are not shown\"}",
                   dropped);
}

void outcome_write_issues(struct buf *out, const struct issues *list)
{
    if (list->count == 0) {
        /* R4 operationoutcome.html: at least one issue */
        outcome_write_information(out, "no issue was found");
        return;
    }
    begin(out);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        add_err(out, "error", &list->items[i]);
    }
    if (list->dropped > 0)
        add_dropped(out, list->dropped);
    end(out);
}

void outcome_write_warnings(struct buf *out, const char *text,
                            const struct issues *list)
{
    begin(out);
    add_issue(out, "information", "informational", text);
    buf_add_char(out, '}');
    for (size_t i = 0; i < list->count; i++) {
        buf_add_char(out, ',');
        add_err(out, "warning", &list->items[i]);
    }
    if (list->dropped > 0)
        add_dropped(out, list->dropped);
    end(out);
}

void outcome_write_information(struct buf *out, const char *text)
{
    begin(out);
    add_issue(out, "information", "informational", text);
    buf_add_char(out, '}');
    end(out);
}
