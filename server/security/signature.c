#include "server/security/signature.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define KEY_BASE64_MAX (((SIGNATURE_KEY_MAX + 2) / 3) * 4)
#define VERSION "v1"
#define FHIR_ID_MAX 64

/* Keys whose contexts a signer keeps; a power of two. */
#define KEPT 64

/* A context, made when a key first falls to it. */
struct keyed {
    EVP_MAC_CTX *ctx;
    struct signature_key key; /* what ctx begins with; n is 0: nothing yet */
};

struct signer {
    EVP_MAC *mac;
    EVP_MD *hash;
    EVP_MD_CTX *hash_ctx;
    struct keyed kept[KEPT];
};

static enum err_code crypto_failed(struct err *e, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    char reason[120];

    ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    err_set(e, ERR_BUG, "%s failed: %s", what, reason);
    if (e)
        e->system = (int)(code & INT_MAX);
    return ERR_BUG;
}

/* ---- keys ---- */

static size_t padding(struct bytes text)
{
    size_t n = 0;

    while (n < 2 && n < text.n && text.p[text.n - 1 - n] == '=')
        n++;
    return n;
}

/* OpenSSL's decoder skips white space and ignores stray bits: only a text
 * that it would write itself is taken. */
static bool decode_base64(struct bytes text, struct signature_key *out)
{
    unsigned char raw[KEY_BASE64_MAX / 4 * 3];
    unsigned char again[KEY_BASE64_MAX + 1];
    size_t pads = padding(text);
    bool same = false;
    int n = -1;

    if (text.n > 0 && text.n <= KEY_BASE64_MAX && text.n % 4 == 0)
        n = EVP_DecodeBlock(raw, (const unsigned char *)text.p, (int)text.n);
    if (n > (int)pads && (size_t)n - pads <= SIGNATURE_KEY_MAX) {
        out->n = (size_t)n - pads;
        memcpy(out->p, raw, out->n);
        n = EVP_EncodeBlock(again, raw, (int)out->n);
        same = (size_t)n == text.n && memcmp(again, text.p, text.n) == 0;
    }
    OPENSSL_cleanse(raw, sizeof raw);
    OPENSSL_cleanse(again, sizeof again);
    return same;
}

enum err_code signature_key_parse(struct bytes secret,
                                  struct signature_key *out, struct err *e)
{
    struct bytes text = secret;

    out->n = 0;
    if (bytes_starts(text, SIGNATURE_SECRET_PREFIX))
        text = bytes_from(text, strlen(SIGNATURE_SECRET_PREFIX));
    if (text.n == 0)
        return err_set(e, ERR_INVALID, "the secret is empty");
    if (!decode_base64(text, out) || out->n < SIGNATURE_KEY_MIN) {
        signature_key_fini(out);
        return err_set(e, ERR_INVALID,
                       "the secret is not %s and the padded base64 of %d to "
                       "%d bytes",
                       SIGNATURE_SECRET_PREFIX, SIGNATURE_KEY_MIN,
                       SIGNATURE_KEY_MAX);
    }
    return ERR_OK;
}

void signature_key_fini(struct signature_key *key)
{
    if (key)
        OPENSSL_cleanse(key, sizeof *key);
}

/* ---- signing ---- */

static bool open_context(const struct signer *s, struct keyed *k)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};

    if (k->ctx)
        return true;
    k->ctx = EVP_MAC_CTX_new(s->mac);
    if (k->ctx && EVP_MAC_CTX_set_params(k->ctx, params) == 1)
        return true;
    EVP_MAC_CTX_free(k->ctx);
    k->ctx = NULL;
    return false;
}

enum err_code signer_new(struct signer **out, struct err *e)
{
    struct signer *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return err_nomem(e);
    s->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    s->hash = EVP_MD_fetch(NULL, "SHA256", NULL);
    s->hash_ctx = EVP_MD_CTX_new();
    if (!s->mac || !s->hash || !s->hash_ctx || !open_context(s, &s->kept[0])) {
        signer_free(s);
        return crypto_failed(e, "setting up HMAC-SHA256");
    }
    *out = s;
    return ERR_OK;
}

void signer_free(struct signer *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < KEPT; i++)
        EVP_MAC_CTX_free(s->kept[i].ctx);
    EVP_MAC_free(s->mac);
    EVP_MD_CTX_free(s->hash_ctx);
    EVP_MD_free(s->hash);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

/* Keys are random: any of their bytes spread them. */
static struct keyed *slot_of(struct signer *s, const struct signature_key *key)
{
    return &s->kept[key->n ? key->p[key->n - 1] % KEPT : 0];
}

/* Two of the hash's blocks and most of the setting up are the key's: without
 * one the context begins anew with the key that it had. */
static bool begin_mac(const struct signer *s, struct keyed *k,
                      const struct signature_key *key)
{
    if (key->n > 0 && key->n == k->key.n &&
        CRYPTO_memcmp(key->p, k->key.p, key->n) == 0)
        return EVP_MAC_init(k->ctx, NULL, 0, NULL) == 1;
    k->key.n = 0;
    if (!open_context(s, k) || EVP_MAC_init(k->ctx, key->p, key->n, NULL) != 1)
        return false;
    k->key = *key;
    return true;
}

enum err_code signer_mac(struct signer *s, const struct signature_key *key,
                         const struct bytes *parts, size_t n,
                         unsigned char out[SIGNATURE_MAC_BYTES], struct err *e)
{
    struct keyed *k = slot_of(s, key);
    size_t written = 0;
    bool ok = begin_mac(s, k, key);

    for (size_t i = 0; ok && i < n; i++) {
        if (parts[i].n)
            ok = EVP_MAC_update(k->ctx, (const unsigned char *)parts[i].p,
                                parts[i].n) == 1;
    }
    if (ok && EVP_MAC_final(k->ctx, out, &written, SIGNATURE_MAC_BYTES) == 1 &&
        written == SIGNATURE_MAC_BYTES)
        return ERR_OK;
    k->key.n = 0;
    return crypto_failed(e, "HMAC-SHA256");
}

enum err_code signer_hash(struct signer *s, struct bytes data,
                          unsigned char out[SIGNATURE_MAC_BYTES], struct err *e)
{
    unsigned written = 0;

    if (EVP_DigestInit_ex2(s->hash_ctx, s->hash, NULL) == 1 &&
        EVP_DigestUpdate(s->hash_ctx, data.p, data.n) == 1 &&
        EVP_DigestFinal_ex(s->hash_ctx, out, &written) == 1 &&
        written == SIGNATURE_MAC_BYTES)
        return ERR_OK;
    return crypto_failed(e, "SHA-256");
}

/* Decimal digits of value, ending at end. */
static struct bytes decimal(uint64_t value, char *end)
{
    char *at = end;

    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return bytes_make(at, (size_t)(end - at));
}

static enum err_code sign_text(struct signer *s,
                               const struct signature_key *key,
                               const struct bytes parts[5],
                               char out[SIGNATURE_TEXT_BYTES], struct err *e)
{
    unsigned char mac[SIGNATURE_MAC_BYTES];
    enum err_code rc = signer_mac(s, key, parts, 5, mac, e);

    if (rc != ERR_OK)
        return rc;
    memcpy(out, VERSION ",", 3);
    (void)EVP_EncodeBlock((unsigned char *)out + 3, mac, sizeof mac);
    return ERR_OK;
}

enum err_code signer_sign(struct signer *s, const struct signature_key *key,
                          const struct signature_message *m,
                          char out[SIGNATURE_TEXT_BYTES], struct err *e)
{
    const struct bytes dot = bytes_make(".", 1);
    char digits[20];
    struct bytes parts[5] = {m->id, dot, {NULL, 0}, dot, m->body};

    assert(m->timestamp_s >= 0 && bytes_find(m->id, '.') == m->id.n);
    parts[2] = decimal((uint64_t)m->timestamp_s, digits + sizeof digits);
    return sign_text(s, key, parts, out, e);
}

/* ---- verifying ---- */

static enum err_code check_time(struct bytes text, int64_t now_s, struct err *e)
{
    uint64_t sent;
    uint64_t now = now_s > 0 ? (uint64_t)now_s : 0;

    if (!bytes_to_u64(text, &sent))
        return err_set(e, ERR_INVALID,
                       "webhook-timestamp is not a number of seconds");
    if (sent < now && now - sent > SIGNATURE_TOLERANCE_S)
        return err_set(e, ERR_FORBIDDEN, "the message is too old");
    if (sent > now && sent - now > SIGNATURE_TOLERANCE_S)
        return err_set(e, ERR_FORBIDDEN, "the message is from the future");
    return ERR_OK;
}

/* Compares every v1 item, whatever the ones before it gave. */
static bool any_matches(struct bytes header, struct bytes want)
{
    struct bytes rest = header;
    bool found = false;

    for (int i = 0; rest.n > 0 && i < SIGNATURES_MAX; i++) {
        struct bytes item = bytes_split(rest, ' ', &rest);

        if (item.n == want.n && CRYPTO_memcmp(item.p, want.p, want.n) == 0)
            found = true;
    }
    return found;
}

enum err_code signer_verify(struct signer *s, const struct signature_key *key,
                            const struct signature_headers *h,
                            struct bytes body, int64_t now_s, struct err *e)
{
    const struct bytes dot = bytes_make(".", 1);
    struct bytes parts[5] = {h->id, dot, h->timestamp, dot, body};
    char want[SIGNATURE_TEXT_BYTES];
    enum err_code rc;

    if (h->id.n == 0 || h->timestamp.n == 0 || h->signature.n == 0)
        return err_set(e, ERR_INVALID, "%s is missing",
                       h->id.n == 0          ? "webhook-id"
                       : h->timestamp.n == 0 ? "webhook-timestamp"
                                             : "webhook-signature");
    rc = check_time(h->timestamp, now_s, e);
    if (rc != ERR_OK)
        return rc;
    rc = sign_text(s, key, parts, want, e);
    if (rc != ERR_OK)
        return rc;
    if (!any_matches(h->signature, bytes_make(want, sizeof want - 1)))
        rc = err_set(e, ERR_FORBIDDEN, "no signature matches");
    OPENSSL_cleanse(want, sizeof want);
    return rc;
}

/* ---- message ids ---- */

static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || c == '-';
}

static size_t add_number(char *out, size_t at, uint64_t value)
{
    char digits[20];
    struct bytes text = decimal(value, digits + sizeof digits);

    out[at++] = '_';
    memcpy(out + at, text.p, text.n);
    return at + text.n;
}

void signature_message_id(struct bytes subscription_id, uint64_t first,
                          uint64_t last, char out[SIGNATURE_ID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 4;

    assert(subscription_id.n <= FHIR_ID_MAX);
    memcpy(out, "msg_", 4);
    for (size_t i = 0; i < subscription_id.n; i++) {
        unsigned char c = (unsigned char)subscription_id.p[i];

        if (is_plain(c)) {
            out[at++] = (char)c;
            continue;
        }
        out[at++] = '_';
        out[at++] = hex[c >> 4];
        out[at++] = hex[c & 15];
    }
    at = add_number(out, at, first);
    at = add_number(out, at, last);
    out[at] = '\0';
}
