#include "storage/base/crc32c.h"

#define START UINT32_MAX

/* For half a byte: sixteen entries stay in the cache whatever else runs. */
static const uint32_t table[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t crc32c_portable(struct bytes data)
{
    uint32_t crc = START;

    for (size_t i = 0; i < data.n; i++) {
        crc ^= (unsigned char)data.p[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
with_instruction(struct bytes data)
{
    uint64_t crc = START;
    const char *at = data.p, *end = data.p + data.n;
    uint64_t word;

    for (; end - at >= (ptrdiff_t)sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; at < end; at++)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, (unsigned char)*at);
    return ~(uint32_t)crc;
}

uint32_t crc32c(struct bytes data)
{
    return __builtin_cpu_supports("sse4.2") ? with_instruction(data)
                                            : crc32c_portable(data);
}

#else

uint32_t crc32c(struct bytes data)
{
    return crc32c_portable(data);
}

#endif
