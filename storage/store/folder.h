/* folder: a folder whose entries survive power loss: a name is on the disk once
 * its folder was synced.
 * Owns:   nothing.
 * Thread: any.
 * Errors: ERR_IO. */
#ifndef BELFRY_STORAGE_STORE_FOLDER_H
#define BELFRY_STORAGE_STORE_FOLDER_H

#include "storage/base/err.h"

/* Makes it, for its owner only, when it is missing; *made (may be NULL) says
 * whether it was. What is there must be a folder. */
MUST_CHECK enum err_code folder_make(const char *dir, bool *made,
                                     struct err *e);

MUST_CHECK enum err_code folder_sync(const char *dir, struct err *e);

#endif
