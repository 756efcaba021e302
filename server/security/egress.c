#include "server/security/egress.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* An address is one of these; IPv4 is held as ::ffff:a.b.c.d. */
enum zone {
    ZONE_PUBLIC,
    ZONE_PRIVATE,  /* opened by "allow network" */
    ZONE_LOOPBACK, /* opened by "allow loopback" */
    ZONE_CLOSED    /* never opened */
};

struct network {
    unsigned char address[16];
    unsigned bits; /* of 128 */
};

/* A place where belfry is reached: what is below path at the target. */
struct own {
    struct egress_target target;
    char path[EGRESS_OWN_PATH_BYTES]; /* no slash at the end */
};

struct egress_rules {
    struct own root; /* port 0 until it is told */
    struct own base;
    bool http;
    bool any_port;
    bool loopback;
    bool any_private;
    size_t port_count;
    size_t network_count;
    uint16_t ports[EGRESS_PORTS_MAX];
    struct network networks[EGRESS_NETWORKS_MAX];
};

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0,    0,
                                                0, 0, 0, 0, 0xff, 0xff};

enum err_code egress_new(struct egress_rules **out, struct err *e)
{
    struct egress_rules *r = calloc(1, sizeof *r);

    *out = r;
    if (!r)
        return err_nomem(e);
    r->ports[0] = 443;
    r->ports[1] = 8443;
    r->port_count = 2;
    return ERR_OK;
}

void egress_free(struct egress_rules *r)
{
    free(r);
}

void egress_allow_dev(struct egress_rules *r)
{
    r->http = true;
    r->any_port = true;
    r->loopback = true;
    r->any_private = true;
}

/* ---- addresses ---- */

/* IANA's special-purpose registries, and the metadata services of clouds that
 * live in ranges that look ordinary. The first match counts; prefixes are in
 * the 16-byte form. */
struct range {
    unsigned char address[16];
    unsigned bits;
    enum zone zone;
};

#define V4(a, b, c, d, n, z)                                                \
    {                                                                       \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n), z \
    }
#define V6(a, b, c, d, n, z) \
    {                        \
        {a, b, c, d}, n, z   \
    }

static const struct range ranges[] = {
    V4(0, 0, 0, 0, 8, ZONE_CLOSED),              /* this host */
    V4(100, 100, 100, 200, 32, ZONE_CLOSED),     /* metadata */
    V4(168, 63, 129, 16, 32, ZONE_CLOSED),       /* metadata */
    V4(169, 254, 0, 0, 16, ZONE_CLOSED),         /* link-local, metadata */
    V4(192, 0, 0, 0, 24, ZONE_CLOSED),           /* protocol assignments */
    V4(192, 88, 99, 0, 24, ZONE_CLOSED),         /* 6to4 relays */
    V4(224, 0, 0, 0, 4, ZONE_CLOSED),            /* multicast */
    V4(240, 0, 0, 0, 4, ZONE_CLOSED),            /* reserved, broadcast */
    V4(127, 0, 0, 0, 8, ZONE_LOOPBACK),          /* loopback */
    V4(10, 0, 0, 0, 8, ZONE_PRIVATE),            /* RFC 1918 */
    V4(172, 16, 0, 0, 12, ZONE_PRIVATE),         /* RFC 1918 */
    V4(192, 168, 0, 0, 16, ZONE_PRIVATE),        /* RFC 1918 */
    V4(100, 64, 0, 0, 10, ZONE_PRIVATE),         /* carrier-grade NAT */
    V4(192, 0, 2, 0, 24, ZONE_PRIVATE),          /* documentation */
    V4(198, 51, 100, 0, 24, ZONE_PRIVATE),       /* documentation */
    V4(203, 0, 113, 0, 24, ZONE_PRIVATE),        /* documentation */
    V4(198, 18, 0, 0, 15, ZONE_PRIVATE),         /* benchmarks */
    V4(0, 0, 0, 0, 0, ZONE_PUBLIC),              /* all other IPv4 */
    V6(0x20, 0x01, 0x0d, 0xb8, 32, ZONE_CLOSED), /* documentation */
    V6(0x20, 0x01, 0x00, 0x00, 23, ZONE_CLOSED), /* Teredo, ORCHID */
    V6(0x20, 0x02, 0x00, 0x00, 16, ZONE_CLOSED), /* 6to4 */
    V6(0x3f, 0xff, 0x00, 0x00, 20, ZONE_CLOSED), /* documentation */
    V6(0x20, 0x00, 0x00, 0x00, 3, ZONE_PUBLIC),  /* all that is allotted */
    V6(0xfd, 0x00, 0x0e, 0xc2, 32, ZONE_CLOSED), /* metadata */
    V6(0xfc, 0x00, 0x00, 0x00, 7, ZONE_PRIVATE), /* unique local */
};

static bool in_prefix(const unsigned char address[16],
                      const unsigned char prefix[16], unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(address, prefix, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

/* IPv6 is an allow-list: what no range names stays closed. */
static enum zone zone_of(const unsigned char address[16])
{
    static const unsigned char loopback6[16] = {[15] = 1};

    if (memcmp(address, loopback6, sizeof loopback6) == 0)
        return ZONE_LOOPBACK;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (in_prefix(address, ranges[i].address, ranges[i].bits))
            return ranges[i].zone;
    }
    return ZONE_CLOSED;
}

static void map4(const struct in_addr *in, unsigned char out[16])
{
    memcpy(out, mapped_prefix, sizeof mapped_prefix);
    memcpy(out + sizeof mapped_prefix, in, 4);
}

static bool address_bytes(const struct sockaddr *address, unsigned char out[16])
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (address->sa_family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        map4(&in4.sin_addr, out);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&in6, address, sizeof in6);
    if (in6.sin6_scope_id != 0)
        return false;
    memcpy(out, &in6.sin6_addr, 16);
    return true;
}

static bool in_networks(const struct egress_rules *r,
                        const unsigned char address[16])
{
    for (size_t i = 0; i < r->network_count; i++) {
        if (in_prefix(address, r->networks[i].address, r->networks[i].bits))
            return true;
    }
    return false;
}

static uint16_t port_of(const struct sockaddr *address)
{
    struct sockaddr_in in4; /* IPv6 has its port at the same place */

    memcpy(&in4, address, sizeof in4);
    return ntohs(in4.sin_port);
}

/* What listens on one loopback address is taken to listen on all: they lead to
 * the same machine. */
static bool is_own_address(const struct egress_rules *r,
                           const unsigned char address[16], uint16_t port)
{
    unsigned char own[16];

    return port != 0 && port == r->root.target.port && r->root.target.literal &&
           address_bytes((const struct sockaddr *)&r->root.target.address,
                         own) &&
           (memcmp(own, address, sizeof own) == 0 ||
            (zone_of(own) == ZONE_LOOPBACK &&
             zone_of(address) == ZONE_LOOPBACK));
}

bool egress_check_address(const struct egress_rules *r,
                          const struct sockaddr *address)
{
    unsigned char bytes[16];

    if (!address_bytes(address, bytes) ||
        is_own_address(r, bytes, port_of(address)))
        return false;
    switch (zone_of(bytes)) {
    case ZONE_PUBLIC:
        return true;
    case ZONE_PRIVATE:
        return r->any_private || in_networks(r, bytes);
    case ZONE_LOOPBACK:
        return r->loopback;
    case ZONE_CLOSED:
        break;
    }
    return false;
}

/* ---- URLs ---- */

static enum err_code refuse(struct err *e, const char *why)
{
    return err_set(e, ERR_UNPROCESSABLE, "the endpoint %s", why);
}

static bool has_odd_byte(const char *url)
{
    for (const char *c = url; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '\\')
            return true;
    }
    return false;
}

/* curl forgives "https:/host" and "https:///host"; we do not. */
static bool has_two_slashes(const char *url)
{
    const char *colon = strchr(url, ':');

    return colon && colon[1] == '/' && colon[2] == '/' && colon[3] != '/';
}

/* An address, in its one canonical form (curl's parser turned 0x7f.1 and the
 * like into it). */
static bool read_literal(struct egress_target *t)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, t->host, &in4.sin_addr) == 1) {
        in4.sin_port = htons(t->port);
        memcpy(&t->address, &in4, sizeof in4);
        return true;
    }
    if (inet_pton(AF_INET6, t->host, &in6.sin6_addr) == 1) {
        in6.sin6_port = htons(t->port);
        memcpy(&t->address, &in6, sizeof in6);
        return true;
    }
    return false;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* A name whose last label is a number is an address in disguise. */
static bool is_number_label(const char *label)
{
    if (label[0] == '0' && label[1] == 'x')
        return true;
    return strspn(label, "0123456789") == strlen(label);
}

static bool is_name(const char *host)
{
    size_t n = strlen(host);
    const char *dot = strrchr(host, '.');

    for (const char *c = host; *c; c++) {
        if (!is_name_byte(*c) || (*c == '.' && (c == host || c[1] == '.')))
            return false;
    }
    /* the empty label behind a last dot counts as a number here */
    return n > 0 && n <= 253 && !is_number_label(dot ? dot + 1 : host);
}

static void lower(char *text)
{
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

static bool read_host(const char *host, struct egress_target *t)
{
    size_t n = strlen(host);

    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    if (n >= sizeof t->host)
        return false;
    memcpy(t->host, host, n);
    t->host[n] = '\0';
    lower(t->host);
    t->literal = read_literal(t);
    return t->literal || is_name(t->host);
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool present = curl_url_get(u, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return present;
}

static enum err_code read_port(CURLU *u, struct egress_target *t, struct err *e)
{
    char *port = NULL;
    uint64_t value = 0;
    bool ok;

    if (curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return refuse(e, "has no valid port");
    ok = bytes_to_u64(bytes_of(port), &value) && value > 0 && value <= 65535;
    curl_free(port);
    if (!ok)
        return refuse(e, "has no valid port");
    t->port = (uint16_t)value;
    return ERR_OK;
}

static enum err_code read_scheme(CURLU *u, struct egress_target *t,
                                 struct err *e)
{
    char *scheme = NULL;
    bool known;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return refuse(e, "has no scheme");
    t->tls = strcmp(scheme, "https") == 0;
    known = t->tls || strcmp(scheme, "http") == 0;
    curl_free(scheme);
    return known ? ERR_OK : refuse(e, "must be an https URL");
}

static enum err_code read_parts(CURLU *u, struct egress_target *t,
                                struct err *e)
{
    enum err_code code = read_scheme(u, t, e);
    char *host = NULL;
    bool ok;

    if (code == ERR_OK)
        code = read_port(u, t, e);
    if (code != ERR_OK)
        return code;
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
        return refuse(e, "must not hold a user name or password");
    if (has_part(u, CURLUPART_FRAGMENT))
        return refuse(e, "must not have a fragment");
    if (has_part(u, CURLUPART_ZONEID) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return refuse(e, "has no valid host");
    ok = read_host(host, t);
    curl_free(host);
    return ok ? ERR_OK : refuse(e, "has no valid host");
}

enum err_code egress_parse_url(const char *url, struct egress_target *out,
                               struct err *e)
{
    CURLU *u;
    enum err_code code;

    *out = (struct egress_target){0};
    if (strlen(url) > EGRESS_URL_BYTES_MAX)
        return refuse(e, "is too long");
    if (has_odd_byte(url))
        return refuse(e, "holds characters that a URL must not");
    if (!has_two_slashes(url))
        return refuse(e, "is not an https URL");
    u = curl_url();
    if (!u)
        return err_nomem(e);
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        code = read_parts(u, out, e);
    else
        code = refuse(e, "is not an https URL");
    curl_url_cleanup(u);
    return code;
}

static bool is_port_allowed(const struct egress_rules *r,
                            const struct egress_target *t)
{
    if (r->any_port || (r->http && !t->tls && t->port == 80))
        return true;
    for (size_t i = 0; i < r->port_count; i++) {
        if (r->ports[i] == t->port)
            return true;
    }
    return false;
}

enum err_code egress_check_target(const struct egress_rules *r,
                                  const struct egress_target *t, struct err *e)
{
    if (!t->tls && !r->http)
        return refuse(e, "must be an https URL");
    if (!is_port_allowed(r, t))
        return err_set(e, ERR_UNPROCESSABLE,
                       "the endpoint's port %u is not allowed", t->port);
    if (t->literal &&
        !egress_check_address(r, (const struct sockaddr *)&t->address))
        return refuse(e, "is not an allowed address");
    return ERR_OK;
}

/* ---- belfry's own ---- */

/* The path of a URL that was parsed before; of a longer one what fits: two
 * that agree so far are taken for the same. */
static void read_path(const char *url, char out[EGRESS_OWN_PATH_BYTES])
{
    const char *path = strchr(strstr(url, "//") + 2, '/');
    size_t n = path ? strcspn(path, "?#") : 0;

    if (n >= EGRESS_OWN_PATH_BYTES)
        n = EGRESS_OWN_PATH_BYTES - 1;
    if (n > 0)
        memcpy(out, path, n);
    while (n > 0 && out[n - 1] == '/')
        n--;
    out[n] = '\0';
}

static enum err_code read_own(const char *url, struct own *out, struct err *e)
{
    enum err_code code = egress_parse_url(url, &out->target, e);

    if (code == ERR_OK)
        read_path(url, out->path);
    return code;
}

enum err_code egress_set_own(struct egress_rules *r, const char *root,
                             const char *base_url, struct err *e)
{
    enum err_code code = read_own(root, &r->root, e);

    return code == ERR_OK ? read_own(base_url, &r->base, e) : code;
}

static bool is_below(const struct own *own, const struct egress_target *t,
                     const char *path)
{
    size_t n = strlen(own->path);

    return own->target.port == t->port &&
           strcmp(own->target.host, t->host) == 0 &&
           strncmp(path, own->path, n) == 0 &&
           (path[n] == '\0' || path[n] == '/');
}

enum err_code egress_check_url(const struct egress_rules *r, const char *url,
                               struct err *e)
{
    struct egress_target t;
    char path[EGRESS_OWN_PATH_BYTES];
    enum err_code code = egress_parse_url(url, &t, e);

    if (code != ERR_OK)
        return code;
    read_path(url, path);
    if (is_below(&r->root, &t, path) || is_below(&r->base, &t, path))
        return refuse(e, "is belfry's own address");
    return egress_check_target(r, &t, e);
}

/* ---- rule files ---- */

static struct bytes trim(struct bytes text)
{
    while (text.n > 0 && (*text.p == ' ' || *text.p == '\t'))
        text = bytes_from(text, 1);
    while (text.n > 0 &&
           (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t' ||
            text.p[text.n - 1] == '\r'))
        text.n--;
    return text;
}

static struct bytes next_word(struct bytes *line)
{
    struct bytes text = trim(*line);
    size_t n = 0;

    while (n < text.n && text.p[n] != ' ' && text.p[n] != '\t')
        n++;
    *line = trim(bytes_from(text, n));
    return bytes_make(text.p, n);
}

static const char *add_port(struct egress_rules *r, struct bytes value)
{
    uint64_t port;

    if (bytes_is(value, "any")) {
        r->any_port = true;
        return NULL;
    }
    if (!bytes_to_u64(value, &port) || port < 1 || port > 65535)
        return "a port is a number from 1 to 65535, or any";
    if (r->port_count == EGRESS_PORTS_MAX)
        return "too many ports";
    r->ports[r->port_count++] = (uint16_t)port;
    return NULL;
}

static bool read_network(struct bytes value, struct network *out)
{
    char text[INET6_ADDRSTRLEN];
    struct bytes size;
    struct bytes address = bytes_split(value, '/', &size);
    struct in_addr in4;
    uint64_t bits;

    if (address.n == 0 || address.n >= sizeof text ||
        !bytes_to_u64(size, &bits))
        return false;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (inet_pton(AF_INET, text, &in4) == 1) {
        map4(&in4, out->address);
        out->bits = 96 + (unsigned)(bits <= 32 ? bits : 33);
        return bits <= 32;
    }
    out->bits = (unsigned)(bits <= 128 ? bits : 0);
    return inet_pton(AF_INET6, text, out->address) == 1 && bits <= 128;
}

/* 10.1.2.3/8 says two things; one of them is a mistake. */
static bool is_network(const struct network *n)
{
    for (unsigned bit = n->bits; bit < 128; bit++) {
        if (n->address[bit / 8] & (0x80U >> (bit % 8)))
            return false;
    }
    return true;
}

static const char *add_network(struct egress_rules *r, struct bytes value)
{
    struct network n;

    if (!read_network(value, &n))
        return "a network is written 10.1.0.0/16 or fd12:3456::/32";
    if (!is_network(&n))
        return "the network has bits set past its prefix";
    if (r->network_count == EGRESS_NETWORKS_MAX)
        return "too many networks";
    r->networks[r->network_count++] = n;
    return NULL;
}

/* NULL, or why the line is no rule. */
static const char *add_line(struct egress_rules *r, struct bytes line)
{
    struct bytes rest = line;
    struct bytes verb = next_word(&rest);
    struct bytes what = next_word(&rest);
    struct bytes value = next_word(&rest);

    if (verb.n == 0)
        return NULL;
    if (!bytes_is(verb, "allow") || rest.n > 0)
        return "unknown rule";
    if (bytes_is(what, "port"))
        return add_port(r, value);
    if (bytes_is(what, "network"))
        return add_network(r, value);
    if (value.n > 0)
        return "unknown rule";
    if (bytes_is(what, "http"))
        r->http = true;
    else if (bytes_is(what, "loopback"))
        r->loopback = true;
    else
        return "unknown rule";
    return NULL;
}

enum err_code egress_add(struct egress_rules *r, struct bytes text,
                         const char *name, struct err *e)
{
    struct bytes rest = text;
    unsigned number = 0;

    while (rest.n > 0) {
        struct bytes line = bytes_split(rest, '\n', &rest);
        const char *why;

        number++;
        line.n = bytes_find(line, '#');
        why = add_line(r, line);
        if (why)
            return err_set(e, ERR_INVALID, "%s, line %u: %s", name, number,
                           why);
    }
    return ERR_OK;
}

enum err_code egress_add_file(struct egress_rules *r, const char *path,
                              struct err *e)
{
    enum err_code code;
    FILE *f = fopen(path, "re");
    char *text;
    size_t n;

    if (!f)
        return err_set_errno(e, ERR_IO, errno, "%s", path);
    text = malloc(FILE_BYTES_MAX);
    if (!text) {
        code = err_nomem(e);
        goto out;
    }
    n = fread(text, 1, FILE_BYTES_MAX, f);
    if (ferror(f))
        code = err_set_errno(e, ERR_IO, errno, "%s", path);
    else if (n == FILE_BYTES_MAX)
        code = err_set(e, ERR_INVALID, "%s is too large", path);
    else
        code = egress_add(r, bytes_make(text, n), path, e);
out:
    free(text);
    /* nothing was written that closing could lose */
    (void)fclose(f);
    return code;
}
