// Looks up users' supplementary groups in the system's user database, on a few dedicated threads because a directory
// service may be slow.
#pragma once

#include <sys/types.h>

#include <vector>

namespace brickd {

// getpwuid and getgrouplist, on the calling thread. Returns 0 or -errno; -ENOENT when the machine does not know the
// user.
int groups_of_user(uid_t uid, std::vector<gid_t>& groups);

// The answer of a look-up of that user, which is begun when there is none: -EAGAIN while it is under way, -EBUSY when
// too many are, 0 or -errno when it is over. Whoever gets an answer takes it: the next call begins a new look-up. For
// any thread.
int take_groups_of_user(uid_t uid, std::vector<gid_t>& groups);

}  // namespace brickd
