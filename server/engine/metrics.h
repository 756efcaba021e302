/* metrics: what the engine tells of itself, in Prometheus' text form.
 * Owns:   nothing.
 * Thread: any.
 * P6: numbers only; no label names a resource or a client. */
#ifndef BELFRY_SERVER_ENGINE_METRICS_H
#define BELFRY_SERVER_ENGINE_METRICS_H

#include "storage/base/buf.h"

struct engine;

void engine_metrics(struct engine *g, struct buf *out);

#endif
