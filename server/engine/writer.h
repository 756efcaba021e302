/* writer: the one thread that changes state: takes from the ledger, applies,
 * commits, answers, wakes.
 * Owns:   the batch at hand.
 * Thread: its own.
 * Bounds: the ledger's intake; a merge slice per commit. */
#ifndef BELFRY_SERVER_ENGINE_WRITER_H
#define BELFRY_SERVER_ENGINE_WRITER_H

/* Delivery reports wait so long for a commit to ride along with. */
#define WRITER_REPORT_WAIT_MS 20
/* After so long without work the overlay is merged. */
#define WRITER_IDLE_MS 200
/* After a failed commit of reports alone, which are kept. */
#define WRITER_FAILED_MS 50
/* View entries merged with one commit: at least so many, or a multiple of the
 * changes in it, so that merging keeps ahead of what comes in; few, because
 * each may cost a page of the commit that a client waits for. */
#define WRITER_MERGE_LEAST 32
#define WRITER_MERGE_PER_CHANGE 8
#define WRITER_MERGE_IDLE 2048
/* So many entries that wait are too many: merging takes twice what comes. */
#define WRITER_MERGE_BEHIND 32768

#endif
