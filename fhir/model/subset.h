/* subset: a part of a resource (R4 search.html#summary, #elements): some of its
 * elements, each as it stands in the text, and the tag SUBSETTED.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: SUBSET_ELEMENTS_MAX elements asked for; what is nested deeper than
 *         SUBSET_DEPTH_MAX parts is shown whole.
 * Errors: ERR_INVALID names an element that the type does not have. */
#ifndef BELFRY_FHIR_MODEL_SUBSET_H
#define BELFRY_FHIR_MODEL_SUBSET_H

#include "fhir/model/element.h"
#include "storage/base/arena.h"
#include "storage/base/buf.h"
#include "storage/base/err.h"

#define SUBSET_ELEMENTS_MAX 64
#define SUBSET_DEPTH_MAX 16

/* What everyone keeps: id, meta, implicitRules and modifierExtension; all but
 * SUBSET_DATA the elements that must be there as well. */
enum subset_kind {
    SUBSET_NONE,
    SUBSET_SUMMARY,  /* what R4 marks as such */
    SUBSET_TEXT,     /* the narrative */
    SUBSET_DATA,     /* all but the narrative */
    SUBSET_ELEMENTS, /* what was asked for */
    SUBSET_COUNT
};

struct subset {
    enum subset_kind kind;
    const struct model_type *type;
    struct bytes elements[SUBSET_ELEMENTS_MAX]; /* borrowed */
    size_t element_count;
};

/* "status,subject": adds to the elements. */
MUST_CHECK enum err_code subset_read_elements(struct subset *s,
                                              struct bytes list, struct err *e);

/* text is a stored resource of the type. */
MUST_CHECK enum err_code subset_write(const struct subset *s, struct bytes text,
                                      struct arena *scratch, struct buf *out,
                                      struct err *e);

#endif
