// Starts a detached native thread with signals blocked.
#include "pool/native_thread.h"

#include <pthread.h>
#include <signal.h>

#include <memory>
#include <utility>

namespace brickd {

namespace {

struct Start {
  const char* name;
  std::function<void()> body;
};

void* run(void* argument) {
  std::unique_ptr<Start> start(static_cast<Start*>(argument));
  pthread_setname_np(pthread_self(), start->name);
  start->body();
  return nullptr;
}

}  // namespace

bool start_native_thread(const char* name, std::function<void()> body, size_t stack_bytes) {
  auto start = std::make_unique<Start>(Start{name, std::move(body)});
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  // A thread begins with the signal mask of the one that makes it: blocked before it runs, there is no gap.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  bool started = pthread_create(&thread, &attributes, run, start.get()) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (started) start.release();
  return started;
}

}  // namespace brickd
