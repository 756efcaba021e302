#include "server/cli/config.h"

#include "fhir/subscription/limits.h"
#include "server/http/listen.h"

#include <netinet/in.h>
#include <stddef.h>

#define CONFIG_TEXT_BYTES ((size_t)256 << 10)
#define DAY_S ((uint64_t)86400)
#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define TIB ((uint64_t)1 << 40)

#define AT(member) offsetof(struct config, member)

static const char *const validation_words[] = {"strict", "lenient", NULL};

/* The order of enum log_format and enum log_level. */
static const char *const format_words[] = {"json", "text", NULL};
static const char *const level_words[] = {"debug", "info", "warn", "error",
                                          NULL};

static const struct option_row rows[] = {
    {.name = "listen",
     .kind = OPTION_TEXT,
     .value = "ADDR:PORT",
     .standard = "127.0.0.1:8080",
     .offset = AT(listen),
     .help = "Where to listen. The address is a number ([::1]:8080 for IPv6) "
             "and a loopback one; port 0 takes a free port."},
    {.name = "data",
     .kind = OPTION_TEXT,
     .value = "DIR",
     .standard = "./data",
     .offset = AT(data),
     .help = "The data folder, created when it is not there. One server at a "
             "time."},
    {.name = "base-url",
     .kind = OPTION_TEXT,
     .value = "URL",
     .offset = AT(base_url),
     .help = "The base of the resources as clients and subscribers see it. "
             "Default: derived from --listen and the port that was bound, "
             "http://127.0.0.1:8080/fhir; https with --tls-cert."},
    {.name = "topics",
     .kind = OPTION_TEXTS,
     .value = "DIR",
     .offset = AT(topics),
     .help = "A folder of SubscriptionTopic files (*.json). Default: "
             "profiles/topics below the current folder, else "
             "/usr/share/belfry/topics."},
    {.name = "tls-cert",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .offset = AT(tls_cert),
     .help = "Serve HTTPS with the certificate chain of this PEM file. "
             "Default: plain HTTP."},
    {.name = "tls-key",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .offset = AT(tls_key),
     .help = "The PEM file of the certificate's private key. Default: none; "
             "goes with --tls-cert."},
    {.name = "egress",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .offset = AT(egress),
     .help = "The rules of where notifications may go besides public "
             "addresses over https. Default: nowhere else."},
    {.name = "ca-file",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .offset = AT(ca_file),
     .help = "The PEM file of the authorities that endpoints' certificates "
             "are checked against. Default: the system's."},
    {.name = "dns-servers",
     .kind = OPTION_TEXT,
     .value = "ADDR[:PORT],...",
     .offset = AT(dns_servers),
     .help = "Who resolves the names of endpoints. Default: the system's."},
    {.name = "dev",
     .kind = OPTION_SWITCH,
     .standard = "false",
     .offset = AT(dev),
     .help = "For one's own machine: binds to loopback only, needs no "
             "credentials, and lets endpoints be http, on any port, and on "
             "loopback and private networks."},
    {.name = "validation",
     .kind = OPTION_CHOICE,
     .value = "strict|lenient",
     .standard = "strict",
     .words = validation_words,
     .offset = AT(validation),
     .help = "What happens to a resource that R4's definitions forbid: strict "
             "refuses it with every problem named, lenient stores it and "
             "warns a client that asks with Prefer: return=OperationOutcome."},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .value = "json|text",
     .standard = "json",
     .words = format_words,
     .offset = AT(log_format),
     .help = "Logs go to standard error: a JSON object a line, or text for "
             "people."},
    {.name = "log-level",
     .kind = OPTION_CHOICE,
     .value = "debug|info|warn|error",
     .standard = "info",
     .words = level_words,
     .offset = AT(log_level),
     .help = "The least important thing that is logged."},
    {.name = "drain",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "25",
     .max = 3600,
     .offset = AT(drain_s),
     .help = "After SIGTERM, how long requests and deliveries in flight may "
             "take to finish."},
    {.name = "map-size",
     .kind = OPTION_SIZE,
     .value = "SIZE",
     .standard = "64G",
     .min = 16 * MIB,
     .max = 64 * TIB,
     .offset = AT(map_bytes),
     .help = "The upper bound of the data file. It is sparse: this costs "
             "address space, not disk."},
    {.name = "index",
     .kind = OPTION_TEXT,
     .value = "TYPES",
     .standard = "all",
     .offset = AT(index),
     .help = "Resource types that the search index holds: all, none, or types "
             "with commas between them. Others are searched by reading them "
             "one by one. A change makes the index anew at the next start."},
    {.name = "http-threads",
     .kind = OPTION_NUMBER,
     .value = "N",
     .min = 1,
     .max = 64,
     .offset = AT(http_threads),
     .help = "Threads that serve HTTP. Default: half of the processor's "
             "cores, at least 1."},
    {.name = "max-body",
     .kind = OPTION_SIZE,
     .value = "SIZE",
     .standard = "4M",
     .min = KIB,
     .max = 256 * MIB,
     .offset = AT(body_bytes),
     .help = "The largest body of a request; past it 413."},
    {.name = "max-header",
     .kind = OPTION_SIZE,
     .value = "SIZE",
     .standard = "16K",
     .min = KIB,
     .max = MIB,
     .offset = AT(header_bytes),
     .help = "The largest request line and headers together; past it 431."},
    {.name = "max-connections",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "1024",
     .min = 1,
     .max = 1000000,
     .offset = AT(connections),
     .help = "Client connections at one time; past it 503."},
    {.name = "idle-timeout",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "60",
     .min = 1,
     .max = DAY_S,
     .offset = AT(idle_s),
     .help = "How long a connection may stay open without a request."},
    {.name = "request-timeout",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "30",
     .min = 1,
     .max = 3600,
     .offset = AT(request_s),
     .help = "How long a client may take to send a request; past it 408."},
    {.name = "handshake-delay",
     .kind = OPTION_NUMBER,
     .value = "MS",
     .standard = "1000",
     .max = 60000,
     .offset = AT(handshake_delay_ms),
     .help = "Milliseconds from the answer to a Subscription's create to its "
             "handshake."},
    {.name = "handshake-attempts",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "3",
     .min = 1,
     .max = 20,
     .offset = AT(handshake_attempts),
     .help = "Handshakes that may fail before the status becomes error."},
    {.name = "retry-schedule",
     .kind = OPTION_NUMBERS,
     .value = "SECONDS,...",
     .standard = "5,30,120,600,1800,7200,18000,36000,50400,72000,86400",
     .min = 1,
     .max = 7 * DAY_S,
     .offset = AT(retry_s),
     .help = "The waits before each further attempt of a notification that "
             "failed; the last one repeats."},
    {.name = "retry-for",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "604800",
     .min = 1,
     .max = 366 * DAY_S,
     .offset = AT(retry_for_s),
     .help = "How long a notification is tried before the Subscription's "
             "status becomes error; its events are kept."},
    {.name = "timeout",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "20",
     .min = 1,
     .max = SUBSCRIPTION_TIMEOUT_S_MAX,
     .offset = AT(timeout_s),
     .help = "How long one attempt may take, where the Subscription does not "
             "say."},
    {.name = "max-count",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "100",
     .min = 1,
     .max = SUBSCRIPTION_MAX_COUNT_MAX,
     .offset = AT(max_count),
     .help = "Events in one notification, where the Subscription does not "
             "say."},
    {.name = "retention-days",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "30",
     .max = 36500,
     .offset = AT(retention_days),
     .help = "How long the events of a Subscription are kept for $events and "
             "$resend; 0 keeps them for ever. A Subscription whose events "
             "could not be delivered by then goes to error before they are "
             "removed; $status tells how many were lost."},
    {.name = "retention-events",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "0",
     .max = UINT64_MAX / 2,
     .offset = AT(retention_events),
     .help = "How many events of one Subscription are kept, the newest; 0 "
             "sets no limit."},
    {.name = "endpoint-concurrency",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "8",
     .min = 1,
     .max = 256,
     .offset = AT(endpoint_concurrency),
     .help = "Notifications in flight to one endpoint (scheme, host, port)."},
    {.name = "delivery-concurrency",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "256",
     .min = 1,
     .max = 16384,
     .offset = AT(delivery_concurrency),
     .help = "Notifications in flight to all endpoints together; those that "
             "fail or are slow hold a quarter at the most."},
    {.name = "endpoint-rate",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "0",
     .max = 100000,
     .offset = AT(endpoint_rate),
     .help = "Attempts a second to one endpoint, with a burst of one second's "
             "worth; 0 for no limit."},
    {.name = "breaker-failures",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "5",
     .min = 1,
     .max = 1000,
     .offset = AT(breaker_failures),
     .help = "Failures in a row after which an endpoint is left alone for a "
             "while, and then tried with one notification at a time."},
    {.name = "breaker-cooldown",
     .kind = OPTION_NUMBER,
     .value = "SECONDS",
     .standard = "5",
     .min = 1,
     .max = 900,
     .offset = AT(breaker_cooldown_s),
     .help = "How long that while is at first; it doubles with every trial "
             "that fails, up to 15 minutes or the longest wait of "
             "--retry-schedule."},
    {.name = "park-after",
     .kind = OPTION_NUMBER,
     .value = "N",
     .standard = "3",
     .min = 1,
     .max = 100,
     .offset = AT(park_after),
     .help = "Refusals (HTTP 4xx) of a notification before it goes to the "
             "dead-letter list, for Subscriptions that ask for it."},
    {.name = "config",
     .kind = OPTION_TEXT,
     .value = "FILE",
     .offset = AT(file),
     .help = "A file of options. Default: none."},
};

#define NO_AUTH                                                               \
    "authentication comes with a later version of belfry; this one does not " \
    "offer it"

static const struct option_later later[] = {
    {"auth", NO_AUTH},
    {"tls-client-ca", NO_AUTH},
    {NULL, NULL},
};

static const struct option_table table = {
    .usage = "belfry serve [options]",
    .about = "Runs the server. When it is ready it prints one line to standard "
             "output: `belfry: listening on http://ADDR:PORT/fhir`. SIGTERM "
             "and SIGINT drain it; a second one ends it at once.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .later = later,
    .prefix = "BELFRY_",
    .file = "config",
};

/* ---- the rules ---- */

/* True for 127.0.0.0/8 and ::1. */
static bool is_loopback(const struct http_address *address)
{
    const void *p = &address->storage;
    const struct sockaddr_in *four = p;
    const struct sockaddr_in6 *six = p;

    if (address->storage.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* DESIGN section 9: belfry refuses to be reached without authentication, and
 * this version has none to offer. */
static enum err_code check_listen(const struct config *c, struct err *e)
{
    struct http_address address;
    enum err_code code;

    code = http_address_parse(c->listen, &address, e);
    if (code != ERR_OK || is_loopback(&address))
        return code;
    if (c->dev)
        return err_set(e, ERR_INVALID,
                       "--dev binds to loopback only, and %s is not loopback",
                       c->listen);
    return err_set(e, ERR_INVALID,
                   "%s is beyond loopback, which needs %sauthentication, and "
                   "authentication is not in this version; listen on "
                   "127.0.0.1 and put a reverse proxy that has both in front",
                   c->listen,
                   c->tls_cert ? "" : "TLS (--tls-cert, --tls-key) and ");
}

static enum err_code check_base_url(const char *url, struct err *e)
{
    struct bytes text = bytes_of(url);
    size_t scheme = bytes_starts(text, "https://")  ? 8
                    : bytes_starts(text, "http://") ? 7
                                                    : 0;

    if (scheme == 0 || text.n == scheme)
        return err_set(e, ERR_INVALID,
                       "--base-url: \"%.80s\" is not an http(s) URL", url);
    if (text.n > SUBSCRIPTION_ENDPOINT_BYTES_MAX)
        return err_set(e, ERR_INVALID, "--base-url: longer than %d bytes",
                       SUBSCRIPTION_ENDPOINT_BYTES_MAX);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~' || strchr("?#\"\\<>", url[i]))
            return err_set(e, ERR_INVALID,
                           "--base-url: the byte at %zu may not be in a base "
                           "URL",
                           i);
    if (text.p[text.n - 1] == '/')
        return err_set(e, ERR_INVALID, "--base-url: ends in a slash");
    return ERR_OK;
}

static enum err_code check(const struct config *c, struct err *e)
{
    if (c->tls_cert && !c->tls_key)
        return err_set(e, ERR_INVALID, "--tls-cert needs --tls-key");
    if (c->tls_key && !c->tls_cert)
        return err_set(e, ERR_INVALID, "--tls-key needs --tls-cert");
    if (c->base_url && check_base_url(c->base_url, e) != ERR_OK)
        return ERR_INVALID;
    return check_listen(c, e);
}

enum err_code config_read(const struct option_input *in, struct config *out,
                          bool *help, struct err *e)
{
    enum err_code code;

    memset(out, 0, sizeof *out);
    arena_init(&out->texts, CONFIG_TEXT_BYTES);
    code = options_read(&table, in, out, &out->texts, help, e);
    if (code != ERR_OK || *help)
        return code;
    return check(out, e);
}

void config_fini(struct config *c)
{
    arena_fini(&c->texts);
}

void config_help(FILE *out)
{
    options_help(&table, out);
}
