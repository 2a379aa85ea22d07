// Checks the arguments of calls from JavaScript. A wrong type throws a TypeError.
#pragma once

#include <napi.h>

#include <string>

namespace brickd {

// Has a call throw. In an environment that is ending nothing can be thrown, nor does anybody hear of it.
inline void throw_error(napi_env env, const std::string& text) { napi_throw_error(env, nullptr, text.c_str()); }
inline void throw_type_error(napi_env env, const std::string& text) {
  napi_throw_type_error(env, nullptr, text.c_str());
}

// Whether a number can be an address that addressOf has given: not in the first page, nor beyond what a user process
// can have.
inline bool is_address(double v) { return v >= 4096 && v < 281474976710656.0; }

// Records of a batch are doubles: an address that is none of a double's is no batch's.
inline bool is_batch_address(double v) { return is_address(v) && static_cast<uintptr_t>(v) % alignof(double) == 0; }

class Arguments {
 public:
  // `usage` is how the call is written; the error shows it.
  Arguments(const Napi::CallbackInfo& info, const char* usage) : info_(info), usage_(usage) {}

  double number(size_t i) {
    double v = 0;
    if (napi_get_value_double(info_.Env(), info_[i], &v) != napi_ok) good_ = false;
    return v;
  }

  bool boolean(size_t i) {
    bool v = false;
    if (napi_get_value_bool(info_.Env(), info_[i], &v) != napi_ok) good_ = false;
    return v;
  }

  // An integer of 32 bits; anything else is wrong.
  int integer(size_t i) {
    double v = number(i);
    if (v >= -2147483648.0 && v <= 4294967295.0) return static_cast<int>(static_cast<int64_t>(v));
    good_ = false;
    return -1;
  }

  template <typename T>
  T* address(size_t i) {
    double v = number(i);
    if (is_address(v)) return reinterpret_cast<T*>(static_cast<uintptr_t>(v));
    good_ = false;
    return nullptr;
  }

  size_t size(size_t i) {
    double v = number(i);
    if (v >= 0 && v <= 9007199254740991.0) return static_cast<size_t>(v);
    good_ = false;
    return 0;
  }

  // A byte string: one char per byte.
  std::string bytes(size_t i) {
    size_t length = 0;
    if (napi_get_value_string_latin1(info_.Env(), info_[i], nullptr, 0, &length) != napi_ok) {
      good_ = false;
      return {};
    }
    std::string text(length, '\0');
    // The call wants room for a NUL, which a std::string has behind its end.
    napi_get_value_string_latin1(info_.Env(), info_[i], text.data(), length + 1, &length);
    return text;
  }

  // A byte string for the kernel: one without NUL.
  std::string text(size_t i) {
    std::string text = bytes(i);
    if (text.find('\0') != std::string::npos) good_ = false;
    return text;
  }

  Napi::Function function(size_t i) {
    if (!info_[i].IsFunction()) good_ = false;
    return info_[i].As<Napi::Function>();
  }

  // Elements of a typed array of the given type, at least `count`.
  template <typename T>
  const T* elements(size_t i, napi_typedarray_type wanted, size_t count) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(info_.Env(), info_[i], &type, &length, &data, nullptr, nullptr) != napi_ok ||
        type != wanted || length < count) {
      good_ = false;
      return nullptr;
    }
    return static_cast<const T*>(data);
  }

  // Whether all were right so far; if not, a TypeError is pending and the call must return.
  bool good() {
    if (good_) return true;
    throw_type_error(info_.Env(), std::string("wrong arguments: ") + usage_);
    return false;
  }

 private:
  const Napi::CallbackInfo& info_;
  const char* usage_;
  bool good_ = true;
};

inline Napi::Value number_result(const Napi::CallbackInfo& info, int64_t n) {
  return Napi::Number::New(info.Env(), static_cast<double>(n));
}

}  // namespace brickd
