// What the addon keeps per environment, and the parts that it is put together from.
#pragma once

#include <napi.h>

namespace brickd {

struct AddonData {
  Napi::FunctionReference pool_queue;
  Napi::FunctionReference poller;
};

void export_pool(Napi::Env env, Napi::Object exports);
void export_poller(Napi::Env env, Napi::Object exports);
void export_sockets(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_hash(Napi::Env env, Napi::Object exports);

}  // namespace brickd
