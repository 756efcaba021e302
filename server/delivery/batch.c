#include "server/delivery/batch.h"

#include "server/engine/tell.h"

#define UUID_BYTES 37

struct numbers {
    uint64_t first;
    uint64_t last;
};

static struct numbers numbers_of(const struct batch *b)
{
    switch (b->type) {
    case NOTIFY_EVENT:
        return (struct numbers){b->events[0].number,
                                b->events[b->event_count - 1].number};
    case NOTIFY_HEARTBEAT:
        return (struct numbers){0, (uint64_t)b->now_ms};
    case NOTIFY_HANDSHAKE:
    case NOTIFY_QUERY_STATUS:
    case NOTIFY_QUERY_EVENT:
        break;
    }
    return (struct numbers){0, b->state->definition};
}

void batch_message_id(const struct batch *b, char out[SIGNATURE_ID_BYTES])
{
    struct numbers n = numbers_of(b);

    signature_message_id(bytes_of(b->state->id), n.first, n.last, out);
}

/* RFC 9562 version 8: the bits are ours. */
static void uuid_write(const unsigned char raw[16], char out[UUID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < 16; i++) {
        unsigned char byte = raw[i];

        if (i == 6)
            byte = (unsigned char)((byte & 0x0f) | 0x80);
        if (i == 8)
            byte = (unsigned char)((byte & 0x3f) | 0x80);
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex[byte >> 4];
        out[at++] = hex[byte & 15];
    }
    out[at] = '\0';
}

/* What makes the same events another message: for events all that shapes their
 * bytes, so that a definition which only has another endpoint or header says
 * the same again; for the others the definition itself. */
static uint64_t shape_of(const struct batch *b)
{
    uint64_t seed[2] = {(uint64_t)b->definition->content, 0};
    const struct event *last;

    if (b->type != NOTIFY_EVENT)
        return b->state->definition;
    last = &b->events[b->event_count - 1];
    seed[1] = bytes_hash(
        bytes_make((const char *)last->chain.p, sizeof last->chain.p), seed);
    return bytes_hash(bytes_of(b->definition->canonical), seed);
}

/* 128 bits under two keys of a half's own. */
static void write_id(struct bytes named, uint64_t half, char out[UUID_BYTES])
{
    unsigned char raw[16];

    for (uint64_t i = 0; i < 2; i++) {
        const uint64_t seed[2] = {half, i};
        uint64_t hash = bytes_hash(named, seed);

        memcpy(raw + 8 * i, &hash, sizeof hash);
    }
    uuid_write(raw, out);
}

static void write_ids(const struct batch *b, char bundle[UUID_BYTES],
                      char parameters[UUID_BYTES])
{
    struct numbers n = numbers_of(b);
    uint64_t named[7] = {b->state->number, shape_of(b), (uint64_t)b->type,
                         n.first, n.last};

    /* the base URL makes the ids of two servers differ */
    for (uint64_t i = 0; i < 2; i++) {
        const uint64_t seed[2] = {i, 0};

        named[5 + i] = bytes_hash(b->base_url, seed);
    }
    write_id(bytes_make((const char *)named, sizeof named), 0, bundle);
    write_id(bytes_make((const char *)named, sizeof named), 1, parameters);
}

static int64_t timestamp_of(const struct batch *b)
{
    int64_t newest = b->now_ms;

    if (b->type == NOTIFY_HANDSHAKE)
        return b->state->requested_ms;
    if (b->type == NOTIFY_EVENT)
        newest = b->events[b->event_count - 1].time_ms;
    return newest;
}

static uint64_t events_since(const struct batch *b)
{
    bool is_new = b->state->definition == b->state->number;

    if (b->type == NOTIFY_EVENT)
        return b->events[b->event_count - 1].number;
    if (b->type == NOTIFY_HANDSHAKE && is_new)
        return 0;
    return b->state->last_event;
}

enum err_code batch_write(const struct batch *b, struct arena *scratch,
                          struct buf *out, struct err *e)
{
    struct notification n = {
        .status = {.base_url = b->base_url,
                   .subscription_id = bytes_of(b->state->id),
                   .topic = b->definition->canonical,
                   .status = b->type == NOTIFY_HANDSHAKE ? STATUS_REQUESTED
                                                         : STATUS_ACTIVE,
                   .type = b->type,
                   .events_since_start = events_since(b)},
        .content = b->definition->content,
        .timestamp_ms = timestamp_of(b)};

    const struct tell t = {.state = b->state,
                           .definition = b->definition,
                           .content = b->definition->content,
                           .events = b->events,
                           .event_count = b->event_count,
                           .handshake = b->type == NOTIFY_HANDSHAKE};
    struct notification_event *events;
    enum err_code code = tell_events(&t, scratch, &events, e);

    if (code != ERR_OK)
        return code;
    n.events = events;
    n.event_count = b->event_count;
    code = tell_proof(&t, &n.status.proof, e);
    if (code != ERR_OK)
        return code;
    write_ids(b, n.bundle_id, n.status.uuid);
    notification_write(out, &n);
    return buf_check(out, e);
}
