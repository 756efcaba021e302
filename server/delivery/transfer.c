#include "server/delivery/transfer.h"

#include "server/delivery/http_status.h"
#include "server/delivery/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Bodies past this are given back to the heap, not kept with the handle. */
#define KEPT_BODY_BYTES ((size_t)128 << 10)

/* ---- what curl calls ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    (void)p;
    t->answer_bytes += size * n;
    return t->answer_bytes <= DELIVERY_ANSWER_BYTES ? size * n : 0;
}

/* "HTTP/1.1 204 No Content": the status, 0 for any other line. */
static int status_of(struct bytes line)
{
    struct bytes rest;
    uint64_t status;

    if (!bytes_starts(line, "HTTP/"))
        return 0;
    bytes_split(line, ' ', &rest);
    rest.n = rest.n < 3 ? rest.n : 3;
    return bytes_to_u64(rest, &status) ? (int)status : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct bytes line = bytes_make(p, size * n);
    int status = status_of(line);

    t->header_bytes += line.n;
    if (t->header_bytes > DELIVERY_ANSWER_HEADER_BYTES) {
        t->too_large = true;
        return 0;
    }
    if (status > 0)
        t->status = status;
    if ((bytes_is(line, "\r\n") || bytes_is(line, "\n")) && t->status >= 200)
        t->answered = true;
    return line.n;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct transfer *t = ctx;
    int fd;

    (void)purpose;
    if (!egress_check_address(t->common->egress, &address->addr)) {
        t->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                address->protocol);
    if (fd < 0 && errno != EAFNOSUPPORT)
        t->no_socket = true;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static bool is_peer_allowed(const struct transfer *t, const char *ip)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, ip, &in4.sin_addr) == 1)
        return egress_check_address(t->common->egress,
                                    (const struct sockaddr *)&in4);
    return inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1 &&
           egress_check_address(t->common->egress,
                                (const struct sockaddr *)&in6);
}

/* Before each sending, on new and on reused connections. */
static int on_send(void *ctx, char *peer, char *local, int peer_port,
                   int local_port)
{
    struct transfer *t = ctx;

    (void)local;
    (void)peer_port;
    (void)local_port;
    if (!is_peer_allowed(t, peer)) {
        t->forbidden = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->sends++;
    return t->sends > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- the handle ---- */

static bool set_callbacks(struct transfer *t)
{
    CURL *c = t->easy;
    bool ok = curl_easy_setopt(c, CURLOPT_PRIVATE, t) == CURLE_OK;

    ok &= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) ==
          CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_send) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_PREREQDATA, t) == CURLE_OK;
    return ok;
}

static bool set_text(CURL *c, CURLoption option, const char *text)
{
    return curl_easy_setopt(c, option, text) == CURLE_OK;
}

static bool set_number(CURL *c, CURLoption option, long value)
{
    return curl_easy_setopt(c, option, value) == CURLE_OK;
}

static bool set_fixed(struct transfer *t)
{
    const struct transfer_common *common = t->common;
    CURL *c = t->easy;
    bool ok = set_callbacks(t);

    ok &= set_number(c, CURLOPT_POST, 1);
    ok &= set_number(c, CURLOPT_NOSIGNAL, 1);
    ok &= set_number(c, CURLOPT_FOLLOWLOCATION, 0);
    ok &= set_number(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    ok &= set_number(c, CURLOPT_HTTP09_ALLOWED, 0);
    ok &= set_number(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1);
    ok &= set_number(c, CURLOPT_QUICK_EXIT, 1);
    ok &= set_number(c, CURLOPT_MAXAGE_CONN, 30);
    ok &= set_number(c, CURLOPT_MAXLIFETIME_CONN, 600);
    ok &= set_number(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    ok &= set_text(c, CURLOPT_PROXY, "");
    ok &= set_text(c, CURLOPT_PROTOCOLS_STR, "http,https");
    ok &= set_text(c, CURLOPT_USERAGENT, "belfry/" BELFRY_VERSION);
    /* Debian's default folder of certificates switches curl's cache of the
     * store off, and would trust more than the file that was named. */
    ok &= set_text(c, CURLOPT_CAPATH, NULL);
    if (common->ca_file)
        ok &= set_text(c, CURLOPT_CAINFO, common->ca_file);
    ok &= curl_easy_setopt(c, CURLOPT_SHARE, common->share) == CURLE_OK;
    return ok;
}

struct transfer *transfer_new(const struct transfer_common *common)
{
    struct transfer *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->common = common;
    buf_init(&t->message.body, DELIVERY_BODY_BYTES);
    t->easy = curl_easy_init();
    if (!t->easy || !set_fixed(t)) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->pinned);
    buf_fini(&t->message.body);
    free(t);
}

void transfer_reset(struct transfer *t)
{
    curl_slist_free_all(t->pinned);
    t->pinned = NULL;
    if (t->message.body.capacity > KEPT_BODY_BYTES)
        buf_fini(&t->message.body);
    buf_reset(&t->message.body);
    t->attempt = NULL;
    t->resent = false;
    t->running = false;
    t->outcome = (struct outcome){0};
}

/* ---- one request ---- */

static bool add_address(struct buf *b, const union resolver_address *a,
                        char separator)
{
    char text[INET6_ADDRSTRLEN];
    bool is6 = a->any.sa_family == AF_INET6;
    const void *raw =
        is6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in4.sin_addr;

    if (!inet_ntop(a->any.sa_family, raw, text, sizeof text))
        return false;
    buf_add_char(b, separator);
    buf_add_format(b, is6 ? "[%s]" : "%s", text);
    return true;
}

bool transfer_pin(struct transfer *t, const struct resolver_answer *a)
{
    struct buf b;
    bool ok = true;

    buf_init(&b, 2048);
    buf_add_format(&b, "%s:%u", t->prepared->target.host,
                   t->prepared->target.port);
    for (size_t i = 0; ok && i < a->n; i++)
        ok = add_address(&b, &a->addresses[i], i == 0 ? ':' : ',');
    buf_add_char(&b, '\0');
    if (ok && b.failed == ERR_OK)
        t->pinned = curl_slist_append(NULL, b.p);
    buf_fini(&b);
    return t->pinned != NULL;
}

static bool sign(struct transfer *t, int64_t wall_s)
{
    static const char prefix[] = "webhook-signature: ";
    struct signature_message m = {.id = bytes_of(t->message.id),
                                  .timestamp_s = wall_s,
                                  .body = buf_bytes(&t->message.body)};

    memcpy(t->signature_line, prefix, sizeof prefix);
    return signer_sign(t->common->signer, &t->prepared->key, &m,
                       t->signature_line + sizeof prefix - 1, NULL) == ERR_OK;
}

static bool set_lines(struct transfer *t, int64_t wall_s)
{
    size_t n = 2;

    if (snprintf(t->id_line, sizeof t->id_line, "webhook-id: %s",
                 t->message.id) < 0 ||
        snprintf(t->timestamp_line, sizeof t->timestamp_line,
                 "webhook-timestamp: %lld", (long long)wall_s) < 0)
        return false;
    t->lines[0].data = t->id_line;
    t->lines[1].data = t->timestamp_line;
    if (t->prepared->is_signed) {
        if (!sign(t, wall_s))
            return false;
        t->lines[n++].data = t->signature_line;
    }
    for (size_t i = 0; i + 1 < n; i++)
        t->lines[i].next = &t->lines[i + 1];
    t->lines[n - 1].next = t->prepared->headers;
    return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines) == CURLE_OK;
}

/* curl copies the URL. */
static bool set_target(struct transfer *t)
{
    const char *base = t->prepared->url;
    const char *path = t->message.path;
    size_t n = strlen(base);
    char *url = NULL;
    bool ok = set_text(t->easy, CURLOPT_CUSTOMREQUEST, path[0] ? "PUT" : NULL);

    if (!path[0])
        return ok && set_text(t->easy, CURLOPT_URL, base);
    if (asprintf(&url, "%s%s%s", base, n && base[n - 1] == '/' ? "" : "/",
                 path) < 0)
        return false;
    ok &= set_text(t->easy, CURLOPT_URL, url);
    free(url);
    return ok;
}

bool transfer_set_up(struct transfer *t, int64_t wall_s, int64_t timeout_ms,
                     bool fresh)
{
    CURL *c = t->easy;
    bool ok = set_lines(t, wall_s);
    long connect_ms = timeout_ms < DELIVERY_CONNECT_MS ? (long)timeout_ms
                                                       : DELIVERY_CONNECT_MS;

    t->answer_bytes = 0;
    t->header_bytes = 0;
    t->sends = 0;
    t->status = 0;
    t->answered = false;
    t->forbidden = false;
    t->too_large = false;
    t->no_socket = false;
    ok &= set_target(t);
    ok &= set_text(c, CURLOPT_POSTFIELDS,
                   t->message.body.n ? t->message.body.p : "");
    ok &= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)t->message.body.n) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_RESOLVE, t->pinned) == CURLE_OK;
    ok &= set_number(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    ok &= set_number(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    ok &= set_number(c, CURLOPT_FRESH_CONNECT, fresh ? 1 : 0);
    return ok;
}

/* ---- what came of it ---- */

static enum failure_class class_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return FAILURE_NAME;
    case CURLE_COULDNT_CONNECT:
        return FAILURE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return FAILURE_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
        return FAILURE_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return FAILURE_CERTIFICATE;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_ABORTED_BY_CALLBACK: /* a repeat, and no resend left */
        return FAILURE_CLOSED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* not HTTP */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_OK: /* without a final header */
        return FAILURE_GARBLED;
    default:
        return FAILURE_LOCAL;
    }
}

static int64_t retry_after_ms(const struct transfer *t)
{
    curl_off_t seconds = 0;

    if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds) !=
            CURLE_OK ||
        seconds <= 0)
        return 0;
    /* the longest that anybody honours, and no overflow */
    if (seconds > 7 * 24 * 3600)
        seconds = (curl_off_t)7 * 24 * 3600;
    return (int64_t)seconds * 1000;
}

static enum failure_class class_of_transfer(const struct transfer *t,
                                            CURLcode code)
{
    if (t->forbidden)
        return FAILURE_FORBIDDEN;
    if (t->no_socket)
        return FAILURE_LOCAL;
    return t->too_large ? FAILURE_GARBLED : class_of(code);
}

/* An answer counts whatever became of its body. */
struct outcome transfer_outcome(const struct transfer *t, CURLcode code)
{
    if (t->answered)
        return http_status_outcome(t->status, retry_after_ms(t));
    return (struct outcome){.failure = class_of_transfer(t, code)};
}

bool transfer_was_repeat(const struct transfer *t, CURLcode code)
{
    return code == CURLE_ABORTED_BY_CALLBACK && t->sends > 1 && !t->answered &&
           !t->forbidden;
}
