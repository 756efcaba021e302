#include "server/engine/surround_record.h"

#include <endian.h>

#define TOPIC_BYTES 10
#define ITEM_BYTES 10

/* Topics are an administrator's: their hashes need not be hard to collide. */
static uint64_t label(const char *url)
{
    static const uint64_t seed[2] = {0x746f706963, 0x73757272};

    return bytes_hash(bytes_of(url), seed);
}

static void put(struct buf *out, const void *p, size_t n)
{
    buf_add(out, bytes_make(p, n));
}

void surround_record_topic(struct buf *out, const char *url, size_t count)
{
    uint64_t hash = htole64(label(url));
    uint16_t n = htole16((uint16_t)count);

    put(out, &hash, sizeof hash);
    put(out, &n, sizeof n);
}

void surround_record_item(struct buf *out, const struct surround_item *item)
{
    unsigned char lengths[2] = {(unsigned char)item->type.n,
                                (unsigned char)item->id.n};
    uint64_t version = htole64(item->version);

    put(out, lengths, sizeof lengths);
    put(out, &version, sizeof version);
    buf_add(out, item->type);
    buf_add(out, item->id);
}

bool surround_record_next(struct bytes *record, struct surround_item *out)
{
    uint64_t version;
    size_t type_n, id_n;

    if (record->n < ITEM_BYTES)
        return false;
    type_n = (unsigned char)record->p[0];
    id_n = (unsigned char)record->p[1];
    memcpy(&version, record->p + 2, sizeof version);
    if (record->n < ITEM_BYTES + type_n + id_n)
        return false;
    *out = (struct surround_item){
        bytes_make(record->p + ITEM_BYTES, type_n),
        bytes_make(record->p + ITEM_BYTES + type_n, id_n), le64toh(version)};
    *record = bytes_from(*record, ITEM_BYTES + type_n + id_n);
    return true;
}

bool surround_record_find(struct bytes *record, const char *url, size_t *count)
{
    uint64_t wanted = label(url);

    while (record->n >= TOPIC_BYTES) {
        struct surround_item skipped;
        uint64_t hash;
        uint16_t n;

        memcpy(&hash, record->p, sizeof hash);
        memcpy(&n, record->p + 8, sizeof n);
        *record = bytes_from(*record, TOPIC_BYTES);
        *count = le16toh(n);
        if (le64toh(hash) == wanted)
            return true;
        for (size_t i = 0; i < *count; i++)
            if (!surround_record_next(record, &skipped))
                return false;
    }
    return false;
}
