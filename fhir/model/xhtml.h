/* xhtml: is a text the XHTML that a narrative may have (R4 narrative.html)?
 * Owns:   nothing.
 * Thread: any.
 * Bounds: XHTML_DEPTH_MAX nested elements. */
#ifndef BELFRY_FHIR_MODEL_XHTML_H
#define BELFRY_FHIR_MODEL_XHTML_H

#include "storage/base/bytes.h"

#define XHTML_DEPTH_MAX 64

/* What is wrong, in words that follow the element's name; NULL when nothing
 * is. Well-formed XML, one div element, only elements and attributes of
 * constraint txt-1, and content (txt-2). */
const char *xhtml_problem(struct bytes text);

#endif
