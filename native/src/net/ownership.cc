// The table of descriptors and their owners: one atomic entry per descriptor.
#include "net/ownership.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "net/tls_session.h"

namespace brickd {

namespace {

// An entry: nobody (0), an environment's number, with a bit for sockets, or the ticket of a socket on its way.
constexpr uint64_t kSocketBit = uint64_t{1} << 62;
constexpr uint64_t kTicketBit = uint64_t{1} << 52;

// Pages are touched as they are needed.
std::atomic<uint64_t> owners[kFollowedDescriptors];
// One more than the highest descriptor ever noted.
std::atomic<int> end_of_table{0};
std::atomic<uint64_t> last_ticket{0};
std::atomic<uint32_t> last_environment{0};
// Entries that are not 0.
std::atomic<int> owned{0};
// Open descriptors that nobody has noted: the engine's own.
std::atomic<int> unnoted{0};

bool followed(int fd) { return fd >= 0 && fd < kFollowedDescriptors; }

template <typename Visit>
void each_of(uint32_t environment, Visit visit) {
  const int end = end_of_table.load(std::memory_order_acquire);
  for (int fd = 0; fd < end; fd++) {
    uint64_t entry = owners[fd].load(std::memory_order_acquire);
    if ((entry & ~kSocketBit) == environment) visit(fd, entry);
  }
}

void close_owned(int fd, uint64_t entry) {
  if (!owners[fd].compare_exchange_strong(entry, 0)) return;
  owned--;
  end_tls(fd);
  ::close(fd);
}

void set_owner(int fd, uint64_t entry) {
  bool before = owners[fd].exchange(entry, std::memory_order_acq_rel) != 0;
  bool now = entry != 0;
  if (now != before) owned.fetch_add(now ? 1 : -1, std::memory_order_relaxed);
}

// Entries of /proc/self/fd, but for the descriptor that reads it; -1 when it can't be read.
int count_open() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return -1;
  int count = -1;
  while (struct dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') count++;
  }
  ::closedir(folder);
  return count;
}

}  // namespace

uint32_t next_environment() {
  int open = count_open();
  // Others open and close meanwhile: a small error, which is what the reserve of callers is for.
  if (open >= 0) unnoted = std::max(0, open - owned.load());
  return ++last_environment;
}

int descriptors_in_use() { return owned.load(std::memory_order_relaxed) + unnoted.load(std::memory_order_relaxed); }

void own_descriptor(int fd, uint32_t environment, DescriptorKind kind) {
  if (!followed(fd) || environment == 0) return;
  set_owner(fd, environment | (kind == DescriptorKind::kSocket ? kSocketBit : 0));
  int end = end_of_table.load(std::memory_order_relaxed);
  while (end <= fd && !end_of_table.compare_exchange_weak(end, fd + 1)) {
  }
}

void disown_descriptor(int fd) {
  if (followed(fd)) set_owner(fd, 0);
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
