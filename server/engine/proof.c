#include "server/engine/proof.h"

/* False for a subscription without a secret. */
static bool open_maker(const struct proof *p, struct signature_key *key,
                       struct chain_maker *m)
{
    *m = (struct chain_maker){p->signer, key, p->subscription_id};
    key->n = p->key.n;
    if (p->key.n == 0 || p->key.n > sizeof key->p)
        return false;
    memcpy(key->p, p->key.p, p->key.n);
    return true;
}

enum err_code proof_start(const struct proof *p, uint64_t since,
                          struct chain_value *out, struct err *e)
{
    struct signature_key key;
    struct chain_maker m;
    enum err_code code;

    *out = (struct chain_value){{0}};
    if (!open_maker(p, &key, &m))
        return ERR_OK;
    code = chain_start(&m, since, out, e);
    signature_key_fini(&key);
    return code;
}

enum err_code proof_extend(const struct proof *p,
                           const struct chain_value *before,
                           const struct chain_event *event,
                           struct chain_value *out, struct err *e)
{
    struct signature_key key;
    struct chain_maker m;
    struct chain_value digest;
    enum err_code code;

    *out = (struct chain_value){{0}};
    if (!open_maker(p, &key, &m))
        return ERR_OK;
    code = chain_digest(&m, event, &digest, e);
    signature_key_fini(&key);
    return code == ERR_OK ? chain_link(p->signer, before, &digest, out, e)
                          : code;
}
