#include "server/engine/breaker_state.h"

#include "storage/store/store.h"

struct bytes breaker_state_encode(const struct breaker_state *s,
                                  char out[BREAKER_STATE_BYTES])
{
    store_put_u64(out, s->trips);
    store_put_u64(out + 8, (uint64_t)s->since_ms);
    store_put_u64(out + 16, (uint64_t)s->until_ms);
    return bytes_make(out, BREAKER_STATE_BYTES);
}

enum err_code breaker_state_decode(struct bytes value,
                                   struct breaker_state *out, struct err *e)
{
    if (value.n != BREAKER_STATE_BYTES)
        return err_set(e, ERR_FORMAT, "an endpoint's state is damaged");
    out->trips = (uint32_t)store_get_u64(value.p);
    out->since_ms = (int64_t)store_get_u64(value.p + 8);
    out->until_ms = (int64_t)store_get_u64(value.p + 16);
    return ERR_OK;
}
