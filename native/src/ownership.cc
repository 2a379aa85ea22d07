#include "ownership.h"

#include <unistd.h>

#include <atomic>

namespace brickd {

namespace {

// Descriptors beyond are not followed: more than a brick process asks the system for. Pages are touched as they are needed.
constexpr int kFollowed = 1 << 20;

// An entry: nobody (0), an environment's number, with a bit for sockets, or the ticket of a socket on its way.
constexpr uint64_t kSocketBit = uint64_t{1} << 62;
constexpr uint64_t kTicketBit = uint64_t{1} << 52;

std::atomic<uint64_t> owners[kFollowed];
// One more than the highest descriptor ever noted.
std::atomic<int> end_of_table{0};
std::atomic<uint64_t> last_ticket{0};
std::atomic<uint32_t> last_environment{0};

bool followed(int fd) { return fd >= 0 && fd < kFollowed; }

template <typename Visit>
void each_of(uint32_t environment, Visit visit) {
  const int end = end_of_table.load(std::memory_order_acquire);
  for (int fd = 0; fd < end; fd++) {
    uint64_t entry = owners[fd].load(std::memory_order_acquire);
    if ((entry & ~kSocketBit) == environment) visit(fd, entry);
  }
}

void close_owned(int fd, uint64_t entry) {
  if (owners[fd].compare_exchange_strong(entry, 0)) ::close(fd);
}

}  // namespace

uint32_t next_environment() { return ++last_environment; }

void own_descriptor(int fd, uint32_t environment, DescriptorKind kind) {
  if (!followed(fd) || environment == 0) return;
  owners[fd].store(environment | (kind == DescriptorKind::kSocket ? kSocketBit : 0), std::memory_order_release);
  int end = end_of_table.load(std::memory_order_relaxed);
  while (end <= fd && !end_of_table.compare_exchange_weak(end, fd + 1)) {
  }
}

void disown_descriptor(int fd) {
  if (followed(fd)) owners[fd].store(0, std::memory_order_release);
}

uint64_t send_descriptor(int fd, uint32_t from) {
  if (!followed(fd)) return 0;
  uint64_t ticket = kTicketBit | ++last_ticket;
  uint64_t entry = from | kSocketBit;
  return owners[fd].compare_exchange_strong(entry, ticket) ? ticket : 0;
}

bool take_descriptor(int fd, uint64_t ticket, uint32_t to) {
  if (!followed(fd) || (ticket & kTicketBit) == 0) return false;
  return owners[fd].compare_exchange_strong(ticket, to | kSocketBit);
}

void close_sockets_of(uint32_t environment) {
  each_of(environment, [](int fd, uint64_t entry) {
    if ((entry & kSocketBit) != 0) close_owned(fd, entry);
  });
}

void close_descriptors_of(uint32_t environment) { each_of(environment, close_owned); }

int count_descriptors_of(uint32_t environment) {
  int count = 0;
  each_of(environment, [&count](int, uint64_t) { count++; });
  return count;
}

}  // namespace brickd
