/* backup: a copy of a data folder that is a data folder itself: to restore is
 * to start on it.
 * Owns:   nothing.
 * Thread: any; the store is one that only reads.
 * Errors: ERR_CONFLICT (the target holds something), ERR_FULL, ERR_IO. */
#ifndef BELFRY_STORAGE_STORE_BACKUP_H
#define BELFRY_STORAGE_STORE_BACKUP_H

#include "storage/store/store.h"

/* Makes the folder when it is missing. When this returns ERR_OK the copy is on
 * the disk, whatever happens to the machine. Of a failure only the folder
 * remains. */
MUST_CHECK enum err_code backup_write(struct store *s, const char *dir,
                                      struct err *e);

#endif
