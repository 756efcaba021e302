/* redact: what a stored Subscription shows, and what a sent one keeps.
 * Owns:   nothing.
 * Thread: any.
 * channel.header values and the secret are credentials: shown in the response
 * to the create or update that carried them, masked everywhere else; a masked
 * value (or, for the secret, none) sent back means "unchanged". */
#ifndef BELFRY_FHIR_SUBSCRIPTION_REDACT_H
#define BELFRY_FHIR_SUBSCRIPTION_REDACT_H

#include "fhir/outcome/issues.h"
#include "fhir/subscription/subscription.h"
#include "storage/base/buf.h"

/* "Authorization: ****" and "whsec_****". */
#define REDACT_MASK "****"
#define REDACT_SECRET_URL \
    "https://belfry.example/fhir/StructureDefinition/subscription-secret"

/* How a Subscription is shown now. status and error are the live ones; they
 * replace what the text holds, all else stays byte for byte. */
struct subscription_face {
    enum subscription_status status;
    const char *error; /* NULL: the element is left out */
    struct bytes sent; /* by who is answered: the headers and the secret of it
                        * are shown; empty: all are masked */
    bool fresh;        /* so is the secret that was drawn for it */
};

/* text is a stored Subscription. */
MUST_CHECK enum err_code subscription_show(struct bytes text,
                                           const struct subscription_face *face,
                                           struct arena *scratch,
                                           struct buf *out, struct err *e);

/* Completes a text sent by a client before it is stored: status becomes
 * requested (off stays off), `error` is removed, masked headers and a masked
 * or absent secret are taken from the previous stored text (when previous.n is
 * 0, a masked value is an issue and an absent secret becomes new_secret). A
 * masked header takes the previous value of the same name and position among
 * headers of that name. */
struct subscription_previous {
    struct bytes text;      /* stored text of the current version or empty */
    const char *new_secret; /* "whsec_..." freshly drawn */
};
MUST_CHECK enum err_code subscription_complete(
    struct bytes text, const struct subscription_previous *previous,
    struct arena *scratch, struct buf *out, struct issues *issues);

#endif
