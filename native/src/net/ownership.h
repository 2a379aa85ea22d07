// Records which environment (main thread or worker) owns each descriptor. When an environment ends, for whatever
// reason, its descriptors are closed, and no others.
#pragma once

#include <cstdint>

namespace brickd {

// Descriptors from this number on are not followed: more than a brick process asks the system for.
constexpr int kFollowedDescriptors = 1 << 20;

enum class DescriptorKind { kFile, kSocket };

// A number for a new environment, from 1 on, never given twice. Counts the descriptors that the engine itself has open.
uint32_t next_environment();

// Notes that a descriptor just opened is the environment's. 0: nobody's.
void own_descriptor(int fd, uint32_t environment, DescriptorKind kind = DescriptorKind::kFile);

// Forgets who owns a descriptor. To be called before it is closed: after that its number may be another's.
void disown_descriptor(int fd);

// A socket on its way from one environment to another. `send` returns a ticket, or 0 if the socket is not the sender's;
// with it, exactly one `take` succeeds, by the receiver or, when that has gone, by the sender. Until then it stays
// open.
uint64_t send_descriptor(int fd, uint32_t from);
bool take_descriptor(int fd, uint64_t ticket, uint32_t to);

// Closes the sockets, or all descriptors, of an environment that runs no more. Files must wait for its last batch: one
// that still runs would meet another file under the same number.
void close_sockets_of(uint32_t environment);
void close_descriptors_of(uint32_t environment);

// How many descriptors the process has open: exactly those of environments, the engine's as they were last counted.
int descriptors_in_use();

// How many descriptors an environment owns.
int count_descriptors_of(uint32_t environment);

}  // namespace brickd
