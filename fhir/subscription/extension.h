/* extension: the extensions that a Subscription may carry, where they belong
 * and what they hold (IG 1.1.0, backport-subscription; belfry's own).
 * Owns:   nothing.
 * Thread: any.
 * Errors: every problem is an issue with ERR_UNPROCESSABLE. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_EXTENSION_H
#define BELFRY_FHIR_SUBSCRIPTION_EXTENSION_H

#include <cjson/cJSON.h>

#include "fhir/outcome/issues.h"
#include "storage/base/bytes.h"

enum extension_kind {
    EXTENSION_OTHER = 0, /* none that belfry reads */
    EXTENSION_FILTER,
    EXTENSION_CHANNEL_TYPE,
    EXTENSION_CONTENT,
    EXTENSION_HEARTBEAT,
    EXTENSION_TIMEOUT,
    EXTENSION_MAX_COUNT,
    EXTENSION_SECRET,
    EXTENSION_ORDER,
    EXTENSION_REFUSAL,
    EXTENSION_LINGER,
    EXTENSION_BACKFILL,
    EXTENSION_BACKFILL_SINCE,
    EXTENSION_IDENTIFIER
};

/* One element of an `extension` array: its own path, and the path of the
 * element that carries the array ("Subscription.channel.payload"). */
struct extension_place {
    const char *path;
    struct bytes host;
};

/* Judges the url, the place and the type of the value. Unknown extensions are
 * legal (and ignored) but where they would change what is asked for, below the
 * url of the guide or of belfry, and in their cross-version form. */
void extension_check(const cJSON *extension,
                     const struct extension_place *place,
                     struct issues *issues);

/* The value of an extension that extension_check() finds right; NULL and
 * EXTENSION_OTHER for any other. */
const cJSON *extension_value(const cJSON *extension, enum extension_kind *kind);

#endif
