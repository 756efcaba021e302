/* crc32c: a checksum (Castagnoli, as in RFC 3720) that finds damage of stored
 * bytes. It is no protection against someone who means it.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_STORAGE_BASE_CRC32C_H
#define BELFRY_STORAGE_BASE_CRC32C_H

#include <stdint.h>

#include "storage/base/bytes.h"

uint32_t crc32c(struct bytes data);

/* The same without the processor's instruction for it. */
uint32_t crc32c_portable(struct bytes data);

#endif
