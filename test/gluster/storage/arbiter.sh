#!/bin/bash
# A replica of two copies and an arbiter: the third brick knows every name and change, and holds no data.
. "$(dirname "$0")/../lib.sh"

start_glusterd || fail 'glusterd starts'
g volume create v replica 3 arbiter 1 gfhost:/d/b{1,2,3} force >/dev/null
for o in performance.write-behind performance.stat-prefetch performance.quick-read performance.io-cache; do g volume set v $o off >/dev/null; done
g volume set v cluster.heal-timeout 5 >/dev/null
ok 'a volume with an arbiter starts' g volume start v
ok 'its bricks are online' wait_for 30 online v
ok 'it mounts' mount_volume v /m || { end; exit; }
for i in 0 1 2; do ok "brick $((i + 1)) is connected" wait_for 20 sees /m v-client-$i; done

cp -r /usr/include/linux/netfilter /m/tree
ok 'files come as they were written' diff -r /usr/include/linux/netfilter /m/tree
# Without what replication keeps of removed directories until it has healed them.
names() { (cd "$1" && find . \( -path ./.glusterfs -o -path './.glusterfs-anonymous-inode*' \) -prune -o -printf '%y %m %U:%G %p\n' | sort); }
d=$(diff <(names /d/b3) <(names /d/b1)) && pass "the arbiter has the same names and attributes" || { fail "the arbiter has the same names and attributes"; why "$d"; }
is 'the first copy holds the data' "$(cd /d/b1/tree && find . -type f -exec sha256sum {} + | sort)" "$(cd /m/tree && find . -type f -exec sha256sum {} + | sort)"
is 'the arbiter holds none' "$(find /d/b3/tree -type f -size +0)" ''

python3 - <<'P' && pass 'ranges of a file change' || fail 'ranges of a file change'
import os
fd = os.open('/m/f', os.O_RDWR | os.O_CREAT)
os.write(fd, b'x' * 100000); os.ftruncate(fd, 50000); os.pwrite(fd, b'y' * 10, 70000); os.truncate('/m/f', 70005)
os.posix_fallocate(fd, 0, 80000)
os.fsync(fd)
assert os.fstat(fd).st_size == 80000
assert os.pread(fd, 100000, 0) == b'x' * 50000 + b'\0' * 20000 + b'y' * 5 + b'\0' * 9995
P
is 'and stay empty on the arbiter' "$(stat -c %s /d/b3/f)" 0
setfattr -n user.a -v 1 /m/f; chmod 640 /m/f
is 'xattrs and modes reach the arbiter' "$(getfattr -n user.a --only-values /d/b3/f) $(stat -c %a /d/b3/f)" '1 640'
clean() { g volume heal v info | awk '/^Number of entries/ && $4 != 0 { bad = 1 } END { exit bad }'; }
ok 'nothing to heal' wait_for 10 clean

note 'a copy misses changes'
kill -9 "$(brick_pid v /d/b2)"
wait_for 10 misses /m v-client-1
echo new >> /m/f; echo other > /m/g; rm -r /m/tree/ipset
no 'the arbiter and the other copy know of it' clean
g volume start v force >/dev/null
ok 'it comes back' wait_for 20 sees /m v-client-1
healed() { g volume heal v >/dev/null; clean; }
ok 'it is healed' wait_for 40 healed
cmp /d/b1/f /d/b2/f && pass 'its data is that of the good copy' || fail 'its data is that of the good copy'
is 'the arbiter holds no data after the heal' "$(find /d/b3/f /d/b3/g /d/b3/tree -type f -size +0)" ''
d=$(diff <(names /d/b3) <(names /d/b2)) && pass "and the same names" || { fail "and the same names"; why "$d"; }

note 'the good copy is away'
g volume set v cluster.self-heal-daemon off >/dev/null
kill -9 "$(brick_pid v /d/b2)"
wait_for 10 misses /m v-client-1
echo more >> /m/f
kill -9 "$(brick_pid v /d/b1)"
wait_for 10 misses /m v-client-0
g volume start v force >/dev/null
kill -9 "$(brick_pid v /d/b1)"
ok 'the stale copy is back' wait_for 20 sees /m v-client-1
no 'the stale copy is not written' eval 'echo stale >> /m/f'
no 'nor read' eval 'cat /m/f >/dev/null'
g volume start v force >/dev/null
ok 'the good copy is back' wait_for 20 sees /m v-client-0
g volume set v cluster.self-heal-daemon on >/dev/null
ok 'all is healed' wait_for 40 healed
is 'nothing is lost' "$(tail -c 9 /m/f)" $'new\nmore'
end
