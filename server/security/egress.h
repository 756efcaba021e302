/* egress: which targets belfry may call. A URL is judged when a Subscription
 * is stored, for a good message; the defence is the address check, made on
 * every address a name resolves to, again when a socket is opened, and again
 * on a reused connection. Text tricks (0x7f000001, 127.1, circled digits)
 * cannot pass it.
 * Owns:   the rules.
 * Thread: rules are immutable once read; checks by any thread.
 * Bounds: EGRESS_PORTS_MAX, EGRESS_NETWORKS_MAX.
 * Errors: ERR_INVALID with the line of a rule that cannot be read;
 *         ERR_UNPROCESSABLE for a URL that is refused; ERR_IO, ERR_NOMEM.
 *
 * A rule file has one rule a line, '#' begins a comment:
 *   allow http                   plain http besides https
 *   allow port 9000              besides 443 and 8443; "any" for all
 *   allow network 10.1.0.0/16    private addresses (also IPv6)
 *   allow loopback               127.0.0.0/8 and ::1
 * Link-local, cloud metadata, multicast and reserved addresses stay refused
 * whatever the rules say, and so does belfry's own. */
#ifndef BELFRY_SERVER_SECURITY_EGRESS_H
#define BELFRY_SERVER_SECURITY_EGRESS_H

#include <sys/socket.h>

#include "storage/base/bytes.h"
#include "storage/base/err.h"

#define EGRESS_PORTS_MAX 64
#define EGRESS_NETWORKS_MAX 256
#define EGRESS_HOST_BYTES 256
#define EGRESS_URL_BYTES_MAX 2048
#define EGRESS_OWN_PATH_BYTES 256

struct egress_rules;

/* https, ports 443 and 8443, public addresses. */
MUST_CHECK enum err_code egress_new(struct egress_rules **out, struct err *e);
void egress_free(struct egress_rules *r);

/* Adds the rules of a text; name is the file's, for messages. On an error the
 * rules before the line at fault stay added. */
MUST_CHECK enum err_code egress_add(struct egress_rules *r, struct bytes text,
                                    const char *name, struct err *e);
MUST_CHECK enum err_code egress_add_file(struct egress_rules *r,
                                         const char *path, struct err *e);

/* For one's own machine: http, any port, loopback and private networks. */
void egress_allow_dev(struct egress_rules *r);

/* Where belfry itself is reached: its listening address as a URL without a
 * path, and the base of its resources. A notification sent there would be a
 * change that makes the next one. Replaces what was told before; to be called
 * before the rules are used. */
MUST_CHECK enum err_code egress_set_own(struct egress_rules *r,
                                        const char *root, const char *base_url,
                                        struct err *e);

/* A URL taken apart: what is called, and under which name it is verified. */
struct egress_target {
    bool tls;
    uint16_t port;
    char host[EGRESS_HOST_BYTES]; /* lower case; IPv6 without brackets */
    bool literal;                 /* host is an address: then address is it */
    struct sockaddr_storage address;
};

/* Syntax only: http or https, a host, no user, no fragment. */
MUST_CHECK enum err_code
egress_parse_url(const char *url, struct egress_target *out, struct err *e);

/* Scheme, port, and the address where the host is one. Names are not
 * resolved here. */
MUST_CHECK enum err_code egress_check_target(const struct egress_rules *r,
                                             const struct egress_target *t,
                                             struct err *e);

/* Both of them, and that it is not belfry's own, at create time. */
MUST_CHECK enum err_code egress_check_url(const struct egress_rules *r,
                                          const char *url, struct err *e);

/* IPv4 and IPv6; anything else is refused. The port tells belfry's own
 * address from its neighbours. */
bool egress_check_address(const struct egress_rules *r,
                          const struct sockaddr *address);

#endif
