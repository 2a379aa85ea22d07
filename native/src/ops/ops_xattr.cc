// Ops on xattrs of an open file or of a name in a directory. Linux had no *at calls for the latter until 6.13, so the
// thread changes its current directory instead.
#include "ops/batch.h"
#include "ops/xattr_place.h"

namespace brickd {

namespace {

XattrPlace place_of(Context& c, const Record& r) { return XattrPlace(c, c.directory(r, 0), r.text(1)); }

}  // namespace

int64_t op_getxattr(Context& c, Record& r) {
  XattrPlace p = place_of(c, r);
  return p.error() != 0 ? p.error() : p.get(r.text(2), r.pointer<void>(3), r.size(4));
}

int64_t op_setxattr(Context& c, Record& r) {
  XattrPlace p = place_of(c, r);
  return p.error() != 0 ? p.error() : p.set(r.text(2), r.pointer<const void>(3), r.size(4), r.number(5));
}

int64_t op_removexattr(Context& c, Record& r) {
  XattrPlace p = place_of(c, r);
  return p.error() != 0 ? p.error() : p.remove(r.text(2));
}

int64_t op_listxattr(Context& c, Record& r) {
  XattrPlace p = place_of(c, r);
  return p.error() != 0 ? p.error() : p.list(r.pointer<char>(2), r.size(3));
}

int64_t op_xattrs(Context& c, Record& r) {
  XattrPlace p = place_of(c, r);
  if (p.error() != 0) return p.error();
  const char* patterns = r.text(2);
  char* out = r.pointer<char>(4);
  if (patterns == nullptr || out == nullptr || r.integer(3) < 0 || r.integer(5) < 0) return -EFAULT;
  return p.run(patterns, r.size(3), out, r.size(5));
}

}  // namespace brickd
