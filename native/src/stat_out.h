// A stat result as 19 doubles, in the order of STAT in native/batch.ts.
#pragma once

#include <sys/stat.h>

namespace brickd {

constexpr int kStatDoubles = 19;
void write_stat(const struct statx& s, double* out);

}  // namespace brickd
