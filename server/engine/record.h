/* record: the binary form of what the log keeps, one record a change.
 * Owns:   nothing; decoded parts borrow the record.
 * Thread: any.
 * Errors: ERR_FORMAT for a record of an unknown version or a damaged one.
 * A checksum at the end is compared at every reading, so that what a disk
 * spoiled is never taken for what a client sent. Little-endian, fixed header,
 * first byte the version of the form: a later belfry reads the records of this
 * one. */
#ifndef BELFRY_SERVER_ENGINE_RECORD_H
#define BELFRY_SERVER_ENGINE_RECORD_H

#include "fhir/topic/topic.h"
#include "server/engine/report.h"
#include "server/security/chain.h"
#include "storage/base/bytes.h"
#include "storage/base/err.h"

/* Version 1 had no checksum at its end. */
#define RECORD_VERSION 2

enum record_kind {
    RECORD_CHANGE = 1,
    RECORD_REPORTS = 2,
    RECORD_CONTROL = 3, /* control.h */
    RECORD_BACKFILL = 4 /* backfill_record.h */
};

/* One event that a change caused. */
struct record_event {
    uint64_t subscription;
    uint64_t number;
    struct chain_value chain; /* with this event */
};

/* A change of a resource with the events it caused. */
struct record_change {
    enum interaction interaction;
    bool update_as_create;
    int64_t time_ms;
    uint64_t version;
    uint64_t previous; /* change of the version before, 0 for none */
    struct bytes type;
    struct bytes id;
    struct bytes text; /* empty for a delete */
    size_t event_count;
    const char *events; /* record_change_event() */
    bool chained;       /* events carry the chain: all that are written do */
    /* how many changes behind this one are of the same transaction: what the
     * events tell is as of the last of them */
    uint16_t behind;
    struct bytes surround; /* surround_record.h; empty: nothing refers to it */
};

/* All of it, with the checksum. */
size_t record_change_size(const struct record_change *c);

/* Writes all but the text, whose length must be right in c->text.n, and the
 * checksum; returns where the text goes. events has event_count items. */
char *record_change_write(const struct record_change *c,
                          const struct record_event *events, char *out);

/* Writes the checksum of a record of n bytes whose text is there now. */
#define RECORD_SEAL_BYTES 4
void record_seal(char *record, size_t n);

/* Takes the checksum off a record with a kind. False when it is not that of
 * the rest. */
MUST_CHECK bool record_unseal(struct bytes *record);

MUST_CHECK enum err_code record_change_read(struct bytes record,
                                            struct record_change *out,
                                            struct err *e);

struct record_event record_change_event(const struct record_change *c,
                                        size_t index);

/* The kind, 0 for a record that is too short or of another version. */
enum record_kind record_kind_of(struct bytes record);

/* When the record was written; every kind has it at the same place. */
int64_t record_time(struct bytes record);
void record_put_time(char *record, int64_t time_ms);

/* The reports of one batch. */
size_t record_reports_size(const struct report *reports, size_t n);
void record_reports_write(const struct report *reports, size_t n,
                          int64_t time_ms, char *out);
MUST_CHECK enum err_code
record_reports_each(struct bytes record,
                    void (*each)(void *ctx, const struct report *r), void *ctx,
                    struct err *e);

#endif
