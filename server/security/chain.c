#include "server/security/chain.h"

#include <stdio.h>

#define NUMBER_TEXT_BYTES 24

static struct bytes number_text(uint64_t number, char out[NUMBER_TEXT_BYTES])
{
    int n =
        snprintf(out, NUMBER_TEXT_BYTES, "%llu", (unsigned long long)number);

    return bytes_make(out, n > 0 ? (size_t)n : 0);
}

static enum err_code keyed(const struct chain_maker *m,
                           const struct bytes *parts, size_t n,
                           struct chain_value *out, struct err *e)
{
    unsigned char mac[SIGNATURE_MAC_BYTES];
    enum err_code code = signer_mac(m->signer, m->key, parts, n, mac, e);

    if (code == ERR_OK)
        memcpy(out->p, mac, sizeof out->p);
    return code;
}

enum err_code chain_start(const struct chain_maker *m, uint64_t since,
                          struct chain_value *out, struct err *e)
{
    char number[NUMBER_TEXT_BYTES];
    const struct bytes parts[] = {bytes_of("belfry-chain-start\n"),
                                  m->subscription_id, bytes_of("\n"),
                                  number_text(since, number)};

    return keyed(m, parts, sizeof parts / sizeof parts[0], out, e);
}

enum err_code chain_digest(const struct chain_maker *m,
                           const struct chain_event *event,
                           struct chain_value *out, struct err *e)
{
    char number[NUMBER_TEXT_BYTES], version[NUMBER_TEXT_BYTES];
    const struct bytes parts[] = {bytes_of("belfry-chain-event\n"),
                                  m->subscription_id,
                                  bytes_of("\n"),
                                  number_text(event->number, number),
                                  bytes_of("\n"),
                                  event->type,
                                  bytes_of("/"),
                                  event->id,
                                  bytes_of("\n"),
                                  number_text(event->version, version)};

    return keyed(m, parts, sizeof parts / sizeof parts[0], out, e);
}

enum err_code chain_link(struct signer *s, const struct chain_value *before,
                         const struct chain_value *digest,
                         struct chain_value *out, struct err *e)
{
    char both[2 * CHAIN_BYTES];
    unsigned char hash[SIGNATURE_MAC_BYTES];
    enum err_code code;

    memcpy(both, before->p, CHAIN_BYTES);
    memcpy(both + CHAIN_BYTES, digest->p, CHAIN_BYTES);
    code = signer_hash(s, bytes_make(both, sizeof both), hash, e);
    if (code == ERR_OK)
        memcpy(out->p, hash, CHAIN_BYTES);
    return code;
}

void chain_format(const struct chain_value *v, char out[CHAIN_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < CHAIN_BYTES; i++) {
        out[2 * i] = digits[v->p[i] >> 4];
        out[2 * i + 1] = digits[v->p[i] & 15];
    }
    out[2 * CHAIN_BYTES] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool chain_parse(struct bytes text, struct chain_value *out)
{
    if (text.n != CHAIN_TEXT_BYTES - 1)
        return false;
    for (size_t i = 0; i < CHAIN_BYTES; i++) {
        int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out->p[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
