// xxh64, the hash in the names of gfid2path xattrs. Written here: neither Node.js nor OpenSSL has it, and the library's
// header is not there on every machine that compiles the addon.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "binding/arguments.h"
#include "binding/exports.h"

namespace brickd {

namespace {

// xxh64 after its published specification (little-endian lanes), seed 0.
constexpr uint64_t kP1 = 11400714785074694791ull;
constexpr uint64_t kP2 = 14029467366897019727ull;
constexpr uint64_t kP3 = 1609587929392839161ull;
constexpr uint64_t kP4 = 9650029242287828579ull;
constexpr uint64_t kP5 = 2870177450012600261ull;

uint64_t rotate(uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }

uint64_t load64(const unsigned char* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

uint32_t load32(const unsigned char* p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

uint64_t round_of(uint64_t lane, uint64_t input) { return rotate(lane + input * kP2, 31) * kP1; }

uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ round_of(0, lane)) * kP1 + kP4; }

uint64_t xxh64(const unsigned char* p, size_t length) {
  const unsigned char* end = p + length;
  uint64_t hash;
  if (length >= 32) {
    uint64_t lanes[4] = {kP1 + kP2, kP2, 0, 0 - kP1};
    for (; end - p >= 32; p += 32) {
      for (int i = 0; i < 4; i++) lanes[i] = round_of(lanes[i], load64(p + 8 * i));
    }
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (uint64_t lane : lanes) hash = merge(hash, lane);
  } else {
    hash = kP5;
  }
  hash += length;
  for (; end - p >= 8; p += 8) hash = rotate(hash ^ round_of(0, load64(p)), 27) * kP1 + kP4;
  if (end - p >= 4) {
    hash = rotate(hash ^ (load32(p) * kP1), 23) * kP2 + kP3;
    p += 4;
  }
  for (; p < end; p++) hash = rotate(hash ^ (*p * kP5), 11) * kP1;
  hash = (hash ^ (hash >> 33)) * kP2;
  hash = (hash ^ (hash >> 29)) * kP3;
  return hash ^ (hash >> 32);
}

Napi::Value xxh64_text(const Napi::CallbackInfo& info) {
  Arguments a(info, "xxh64(bytes)");
  std::string bytes = a.bytes(0);
  if (!a.good()) return info.Env().Undefined();
  uint64_t hash = xxh64(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  char hex[17];
  snprintf(hex, sizeof(hex), "%016llx", static_cast<unsigned long long>(hash));
  return Napi::String::New(info.Env(), hex);
}

}  // namespace

void export_hash(Napi::Env env, Napi::Object exports) {
  exports.Set("xxh64", Napi::Function::New<xxh64_text>(env, "xxh64"));
}

}  // namespace brickd
