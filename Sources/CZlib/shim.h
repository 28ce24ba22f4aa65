// zlib, and the call of it that is a macro, which Swift cannot see.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H
#include <string.h>
#include <zlib.h>

// Compresses `source` as one gzip member. Returns the bytes written; 0 when they are more than `capacity`, or memory is
// short.
static inline size_t czlib_gzip(
    const void *source, size_t sourceCount, void *target, size_t capacity, int level)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    // 15 = a window of 32 KiB, + 16 = a gzip header; 8 = zlib's own choice of memory, 256 KiB together.
    if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = (Bytef *) source;
    stream.avail_in = (uInt) sourceCount;
    stream.next_out = (Bytef *) target;
    stream.avail_out = (uInt) capacity;
    int result = deflate(&stream, Z_FINISH);
    size_t written = capacity - stream.avail_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? written : 0;
}
#endif
