/* metrics: what delivery tells of itself, in Prometheus' text form.
 * Owns:   nothing.
 * Thread: any.
 * P6: numbers only; no label names an endpoint or a subscription. */
#ifndef BELFRY_SERVER_DELIVERY_METRICS_H
#define BELFRY_SERVER_DELIVERY_METRICS_H

#include "storage/base/buf.h"

struct delivery;

void delivery_metrics(const struct delivery *d, struct buf *out);

#endif
