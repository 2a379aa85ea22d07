// The export function of each part of the addon.
#pragma once

#include <napi.h>

namespace brickd {

void export_batch(Napi::Env env, Napi::Object exports);
void export_layout(Napi::Env env, Napi::Object exports);
void export_constants(Napi::Env env, Napi::Object exports);
void export_pool(Napi::Env env, Napi::Object exports);
void export_poller(Napi::Env env, Napi::Object exports);
void export_sockets(Napi::Env env, Napi::Object exports);
void export_tls(Napi::Env env, Napi::Object exports);
void export_pipes(Napi::Env env, Napi::Object exports);
void export_descriptors(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_hash(Napi::Env env, Napi::Object exports);
void export_heap_bound(Napi::Env env, Napi::Object exports);

}  // namespace brickd
