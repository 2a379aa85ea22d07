// XATTRS: reads all xattrs of a file whose names match a list of patterns, as one sequence of records.
#include <fnmatch.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/op_results.h"
#include "ops/xattr_place.h"

namespace brickd {

namespace {

// Bounds of the kernel on a list of names and on a value.
constexpr size_t kMaxList = 64 * 1024;
constexpr size_t kMaxValue = 64 * 1024;
// The kernel clears a buffer of the size that it is given before it looks for a value: most values are short.
constexpr size_t kShortValue = 512;
constexpr size_t kFirstList = 4096;

// Up to this many plain names are asked for one by one; more are picked from the list of all.
constexpr int kMaxDirect = 2;

class Patterns {
 public:
  Patterns(const char* text, size_t length) : begin_(text), end_(text + length) {}

  bool all() const { return begin_ == end_; }
  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  static const char* after(const char* pattern) { return pattern + strlen(pattern) + 1; }

  // True if there are few, none of them with wildcards.
  bool few_names() const {
    int count = 0;
    for (const char* p = begin_; p < end_; p = after(p)) {
      if (++count > kMaxDirect || strpbrk(p, "*?[\\") != nullptr) return false;
    }
    return count > 0;
  }

  bool match(const char* name) const {
    if (all()) return true;
    for (const char* p = begin_; p < end_; p = after(p)) {
      if (::fnmatch(p, name, 0) == 0) return true;
    }
    return false;
  }

 private:
  const char* begin_;
  const char* end_;
};

bool absent(int64_t n) { return n == -ENODATA || n == -EOPNOTSUPP; }

int64_t all_names(const XattrPlace& place, std::vector<char>& names) {
  if (names.empty()) names.resize(kFirstList);
  int64_t n = place.list(names.data(), names.size());
  if (n != -ERANGE || names.size() == kMaxList) return n;
  names.resize(kMaxList);
  return place.list(names.data(), names.size());
}

}  // namespace

// Returns the bytes of one record; 0 if the file has no such xattr (any more).
int64_t XattrPlace::write_one(const char* key, char* out, size_t room) const {
  size_t key_length = strlen(key);
  size_t head = sizeof(XattrHead) + key_length;
  if (head > room) return -ERANGE;
  size_t left = std::min(room - head, kMaxValue);
  char none;
  size_t first = std::min(left, kShortValue);
  int64_t size = first == 0 ? get(key, &none, 1) : get(key, out + head, first);
  if (size == -ERANGE && left > first) size = get(key, out + head, left);
  if (absent(size)) return 0;
  if (size < 0) return size;
  if (static_cast<size_t>(size) > left) return -ERANGE;
  const XattrHead lengths{static_cast<uint32_t>(key_length), static_cast<uint32_t>(size)};
  memcpy(out, &lengths, sizeof(lengths));
  memcpy(out + sizeof(lengths), key, key_length);
  return static_cast<int64_t>(head) + size;
}

int64_t XattrPlace::run(const char* pattern_text, size_t pattern_bytes, char* out, size_t room) const {
  Patterns patterns(pattern_text, pattern_bytes);
  size_t used = 0;
  if (patterns.few_names()) {
    for (const char* key = patterns.begin(); key < patterns.end(); key = Patterns::after(key)) {
      if (*key == '\0') continue;
      int64_t n = write_one(key, out + used, room - used);
      if (n < 0) return n;
      used += static_cast<size_t>(n);
    }
    return static_cast<int64_t>(used);
  }
  thread_local std::vector<char> names;
  int64_t total = all_names(*this, names);
  if (absent(total)) return 0;
  if (total < 0) return total;
  for (const char* key = names.data(); key < names.data() + total; key += strlen(key) + 1) {
    if (!patterns.match(key)) continue;
    int64_t n = write_one(key, out + used, room - used);
    if (n < 0) return n;
    used += static_cast<size_t>(n);
  }
  return static_cast<int64_t>(used);
}

}  // namespace brickd
