// Assertions of native code, always on. After a failed one memory cannot be trusted, so the process ends with a line
// that names it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace brickd {

[[noreturn]] __attribute__((cold, noinline)) inline void invariant_failed(const char* what) {
  char line[256];
  int length = snprintf(line, sizeof(line), "brickd: invariant of native code failed: %s\n", what);
  if (length > 0 && ::write(STDERR_FILENO, line, static_cast<size_t>(length)) < 0) abort();
  abort();
}

inline void invariant(bool holds, const char* what) {
  if (__builtin_expect(!holds, 0)) invariant_failed(what);
}

}  // namespace brickd
