// A stat result as 19 doubles, in the order of STAT in native/batch.ts.
#pragma once

#include <cstddef>

namespace brickd {

constexpr int kStatDoubles = 19;
constexpr size_t kStatBytes = 8 * kStatDoubles;

// statx(2) of `name` below `dir`, or of `dir` itself when name is null, as kStatBytes bytes at `out`. Returns 0 or -errno.
long stat_to(int dir, const char* name, void* out);

}  // namespace brickd
