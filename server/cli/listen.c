#include "server/cli/listen.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "server/cli/notice.h"
#include "server/cli/option.h"
#include "server/cli/receipts.h"
#include "server/cli/signals.h"
#include "server/http/server.h"
#include "storage/base/buf.h"
#include "storage/base/instant.h"

#define TEXT_BYTES ((size_t)64 << 10)
/* Of one notification's printed form: two lines for each of 1,000 events. */
#define PRINT_BYTES ((size_t)4 << 20)

struct listen_config {
    uint64_t port;
    const char *secret;
};

static const struct option_row rows[] = {
    {.name = "port",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "9000",
     .max = UINT16_MAX,
     .offset = offsetof(struct listen_config, port),
     .help = "The port on 127.0.0.1; 0 takes a free one."},
    {.name = "secret",
     .kind = OPTION_TEXT,
     .value = "whsec_...",
     .offset = offsetof(struct listen_config, secret),
     .help = "The subscription's secret: notifications whose signature does "
             "not match are answered with 401, and the gap proof of the others "
             "is followed: what is missing is told. Default: none, neither is "
             "checked."},
};

static const struct option_table table = {
    .usage = "belfry listen [--port N] [--secret whsec_...]",
    .about = "Receives notifications on 127.0.0.1, at any path, and prints "
             "each in words: time, type, subscription and status, and for "
             "each event its number, time and focus. When it is ready it "
             "prints `belfry: receiving on http://127.0.0.1:PORT/`.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
};

/* ---- one request ---- */

static void begin_line(const struct listener *l, struct buf *out)
{
    char time[INSTANT_TEXT_BYTES];

    instant_format(clock_wall_ms(l->clock), time);
    buf_add(out, bytes_make(time, sizeof time));
    buf_add_text(out, "  ");
}

static enum err_code verify(const struct listener *l,
                            const struct listener_message *m, struct err *e)
{
    if (!l->signer)
        return ERR_OK;
    return signer_verify(l->signer, &l->key, &m->headers, m->body,
                         clock_wall_ms(l->clock) / 1000, e);
}

static int refuse(struct buf *out, int status, const char *what,
                  const struct err *e)
{
    buf_add_format(out, "answered %d: %s: ", status, what);
    notice_add_plain(out, bytes_of(e->message));
    buf_add_char(out, '\n');
    return status;
}

int listener_receive(const struct listener *l, const struct listener_message *m,
                     struct buf *out)
{
    struct err e;

    begin_line(l, out);
    if (!bytes_is(m->method, "POST")) {
        buf_add_text(out, "answered 405: not a POST but ");
        notice_add_plain(out, m->method);
        buf_add_char(out, '\n');
        return 405;
    }
    if (verify(l, m, &e) != ERR_OK)
        return refuse(out, 401, "signature refused", &e);
    buf_add_text(out, l->signer ? "signature verified  "
                                : "signature not checked  ");
    if (notice_write(out, m->body, &e) != ERR_OK)
        return refuse(out, 400, "malformed", &e);
    if (l->receipts && receipts_take(l->receipts, m->body, out, &e) != ERR_OK)
        buf_add_text(out, "  proof: could not be checked\n");
    return 200;
}

/* ---- the server around it ---- */

static enum http_next handle(void *ctx, struct http_request *request,
                             struct http_response *response)
{
    const struct listener_message message = {
        .method = request->method,
        .headers = {http_request_header(request, "webhook-id"),
                    http_request_header(request, "webhook-timestamp"),
                    http_request_header(request, "webhook-signature")},
        .body = request->body};
    struct buf out;

    buf_init(&out, PRINT_BYTES);
    response->status = listener_receive(ctx, &message, &out);
    if (response->status == 405)
        http_response_header(response, "Allow", "POST");
    if (out.n)
        (void)fwrite(out.p, 1, out.n, stdout); /* a lost terminal is no error */
    if (out.failed != ERR_OK)
        (void)fputs("  (the rest is too long to print)\n", stdout);
    (void)fflush(stdout);
    buf_fini(&out);
    return HTTP_REPLY;
}

static void refuse_early(void *ctx, int status, const char *reason,
                         struct http_response *response)
{
    (void)ctx;
    response->status = status;
    (void)printf("answered %d: %s\n", status, reason);
    (void)fflush(stdout);
}

static void done(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
}

static enum err_code listen_run(struct listener *l,
                                const struct listen_config *config,
                                struct err *e)
{
    char address[32];
    struct http_config http = {.address = address,
                               .loops = 1,
                               .limits = {.header_bytes = (size_t)64 << 10,
                                          .body_bytes = LISTEN_BODY_BYTES,
                                          .connections = 256,
                                          .idle_s = 120,
                                          .request_s = 60},
                               .clock = l->clock,
                               .handler = {l, handle, refuse_early, done}};
    struct http_server *server = NULL;
    enum err_code code;

    if (snprintf(address, sizeof address, "127.0.0.1:%" PRIu64, config->port) <
        0)
        return err_set(e, ERR_BUG, "the address cannot be written");
    code = signals_block(e);
    if (code == ERR_OK)
        code = http_server_start(&http, &server, e);
    if (code != ERR_OK)
        return code;
    (void)printf("belfry: receiving on http://127.0.0.1:%u/\n",
                 http_server_port(server));
    (void)fflush(stdout);
    (void)signals_wait(-1);
    http_server_stop(&server);
    return ERR_OK;
}

static enum err_code listen_open(struct listener *l, const char *secret,
                                 struct err *e)
{
    enum err_code code;

    l->clock = clock_system();
    if (!secret)
        return ERR_OK;
    code = signature_key_parse(bytes_of(secret), &l->key, e);
    if (code != ERR_OK)
        return code;
    code = signer_new(&l->signer, e);
    return code == ERR_OK ? receipts_new(&l->key, &l->receipts, e) : code;
}

int cli_listen(int argc, char **argv)
{
    struct option_input in = {argc, (const char *const *)argv, NULL};
    struct listen_config config = {0};
    struct listener l = {0};
    struct arena texts;
    struct err e = {0};
    enum err_code code;
    bool help;

    arena_init(&texts, TEXT_BYTES);
    code = options_read(&table, &in, &config, &texts, &help, &e);
    if (code == ERR_OK && help) {
        options_help(&table, stdout);
        goto out;
    }
    if (code == ERR_OK)
        code = listen_open(&l, config.secret, &e);
    if (code == ERR_OK)
        code = listen_run(&l, &config, &e);
out:
    receipts_free(l.receipts);
    signer_free(l.signer);
    signature_key_fini(&l.key);
    arena_fini(&texts);
    return options_exit("listen", code, &e);
}
