// Native threads that do not run JavaScript: detached, with signals blocked and a small stack.
#pragma once

#include <cstddef>
#include <functional>

namespace brickd {

// Returns false if the system refuses another thread. The name (15 bytes) is what top -H shows.
bool start_native_thread(const char* name, std::function<void()> body, size_t stack_bytes = 512 * 1024);

}  // namespace brickd
