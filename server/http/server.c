#include "server/http/server.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/http/listen.h"
#include "server/http/loop.h"
#include "server/http/tls.h"

struct http_server {
    /* immutable after start */
    unsigned port;
    unsigned loop_count;
    /* any thread, see there */
    struct http_shared shared;
    struct http_loop *loops[HTTP_LOOPS_MAX];
};

static enum err_code check_config(const struct http_config *config,
                                  struct err *e)
{
    assert(config->handler.handle && config->handler.refuse &&
           config->handler.done && config->clock);
    if (config->loops == 0 || config->loops > HTTP_LOOPS_MAX)
        return err_set(e, ERR_INVALID, "the number of loops is not 1 to %d",
                       HTTP_LOOPS_MAX);
    if (!config->tls_cert_pem != !config->tls_key_pem)
        return err_set(e, ERR_INVALID,
                       "TLS needs both a certificate and its key");
    if (config->tls_cert_pem)
        return http_tls_check(config->tls_cert_pem, config->tls_key_pem, e);
    return ERR_OK;
}

static enum err_code start_loops(struct http_server *s,
                                 const struct http_config *config, int *fds,
                                 struct err *e)
{
    enum err_code code = ERR_OK;

    for (unsigned i = 0; i < config->loops; i++) {
        if (code == ERR_OK) {
            code =
                http_loop_start(&s->shared, config, &fds[i], &s->loops[i], e);
            s->loop_count += code == ERR_OK;
        } else {
            close(fds[i]);
        }
    }
    return code;
}

enum err_code http_server_start(const struct http_config *config,
                                struct http_server **out, struct err *e)
{
    struct http_address address;
    struct http_server *s = NULL;
    int fds[HTTP_LOOPS_MAX];
    enum err_code code;

    code = check_config(config, e);
    if (code == ERR_OK)
        code = http_address_parse(config->address, &address, e);
    if (code != ERR_OK)
        return code;
    s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    s->shared.limits = config->limits;
    s->shared.handler = config->handler;
    s->shared.clock = config->clock;
    s->shared.tls = config->tls_cert_pem != NULL;
    code = http_listen(&address, config->loops, fds, e);
    if (code == ERR_OK) {
        s->port = http_address_port(&address);
        code = start_loops(s, config, fds, e);
    }
    if (code != ERR_OK) {
        http_server_stop(&s);
        return code;
    }
    *out = s;
    return ERR_OK;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_kick(struct http_server *s)
{
    for (unsigned i = 0; i < s->loop_count; i++)
        http_loop_kick(s->loops[i]);
}

void http_server_drain(struct http_server *s)
{
    atomic_store(&s->shared.draining, true);
    for (unsigned i = 0; i < s->loop_count; i++)
        http_loop_wake(s->loops[i]);
}

unsigned http_server_busy(const struct http_server *s)
{
    unsigned busy = 0;

    for (unsigned i = 0; i < s->loop_count; i++)
        busy += atomic_load(&s->loops[i]->busy);
    return busy;
}

void http_server_stop(struct http_server **s)
{
    if (!*s)
        return;
    for (unsigned i = 0; i < (*s)->loop_count; i++)
        http_loop_stop(&(*s)->loops[i]);
    free(*s);
    *s = NULL;
}
