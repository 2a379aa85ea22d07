#!/bin/bash
# Quota through the real command line: limits of space and of objects hold to the byte, survive restarts, and a quotad that is gone holds nobody up for long.
. "$(dirname "$0")/../lib.sh"

Q=trusted.glusterfs.quota
MB=1048576
edquot='quota exceeded'
listed() { g volume quota v list "$1" --xml 2>/dev/null | grep -oP "(?<=<$2>)[^<]*" | head -1; }
used_is() { [ "$(listed "$1" used_space)" = "$2" ]; }
why_not() { LC_ALL=C "$@" 2>&1 >/dev/null | grep -oE 'quota exceeded|not permitted|not connected' | head -1; }
# writer FILE BYTES: writes in pieces of 128 KiB until it is refused; prints how many bytes went in, and the error
writer() { python3 -c '
import os, sys, errno
fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o644); n = 0; b = b"x" * 131072
try:
    while n < int(sys.argv[2]): n += os.write(fd, b[:int(sys.argv[2]) - n])
    print(n, "ok")
except OSError as e: print(n, errno.errorcode[e.errno])' "$@"; }

start_glusterd || fail 'glusterd starts'
ok 'the volume starts' volume v /d/b1
for o in write-behind quick-read stat-prefetch; do g volume set v performance.$o off >/dev/null; done
wait_for 20 online v
fast=attribute-timeout=0,entry-timeout=0,negative-timeout=0
ok 'mounts' mount_volume v /m $fast
ok 'mounts again' mount_volume v /n $fast
mkdir /m/a /m/a/b /m/free; echo before > /m/a/b/before

note 'quota is switched on while the brick runs'
ok 'enabled' g volume quota v enable
ok 'a limit on space' g volume quota v limit-usage /a 20MB
ok 'a limit on objects' g volume quota v limit-objects /free 4
ok 'what was there is counted' wait_for 20 used_is /a 512
writer /m/a/one 100000000 > /run/one & writer /n/a/b/two 100000000 > /run/two & wait
is 'the first writer is refused' "$(cut -d' ' -f2 /run/one)" EDQUOT
is 'the second writer is refused' "$(cut -d' ' -f2 /run/two)" EDQUOT
sum=$(($(stat -c %s /d/b1/a/one) + $(stat -c %s /d/b1/a/b/two)))
ok "$sum bytes are not beyond the limit" test $sum -le $((20 * MB))
ok 'and fill it' test $sum -ge $((20 * MB - 200000))
ok 'its figures are those of the disk' wait_for 20 used_is /a $((20 * MB))
is 'append' "$(why_not bash -c 'echo x >> /m/a/one')" "$edquot"
is 'create' "$(why_not mkdir /m/a/new)" "$edquot"
head -c 3000000 /dev/zero > /m/free/big
is 'rename into' "$(why_not mv -T /m/free/big /m/a/big)" "$edquot"
is 'link into' "$(why_not ln /m/free/big /m/a/big)" "$edquot"
ok 'rename within' mv /m/a/one /m/a/b/one
is 'forging a limit' "$(why_not setfattr -n $Q.limit-set -v 0x0000000fffffffffffffffffffffffff /m/a)" 'not permitted'
touch /m/free/1 /m/free/2
is 'one object too many' "$(why_not touch /m/free/3)" "$edquot"
is 'df shows the limit' "$(df -B1 --output=size /m/a/b | tail -1 | tr -d ' ')" $((20 * MB))
like 'the soft limit is told of once' "$(grep -aE '\] A .*soft limit: .* used by /a ' "$(brick_log /d/b1)")" 'MSGID: 120004\].*soft limit 16.0MB, hard limit 20.0MB\) ?$'
is 'in one line' "$(grep -acE '\] A ' "$(brick_log /d/b1)")" 1

note 'the brick starts anew'
kill "$(brick_pid v /d/b1)"; wait_for 20 misses /m v-client-0
ok 'started' g volume start v force
wait_for 20 online v; wait_for 20 sees /m v-client-0; wait_for 20 sees /n v-client-0
is 'the limit counts from the first write' "$(why_not bash -c 'echo x >> /m/a/b/two')" "$edquot"
rm /m/a/b/one
ok 'room was made' wait_for 10 sh -c 'head -c 100000 /dev/zero > /m/a/fits'
g volume quota v limit-usage /a 100MB >/dev/null
is 'a limit that was raised' "$(writer /m/a/more 50000000)" '50000000 ok'
ok 'removed' g volume quota v remove /a
is 'no limit, no refusal' "$(writer /m/a/more2 60000000)" '60000000 ok'

note 'quotad is gone'
g volume quota v limit-usage /a 500MB >/dev/null
g volume quota v hard-timeout 0 >/dev/null; g volume quota v soft-timeout 0 >/dev/null; sleep 1
writer /m/a/known 4096 >/dev/null
kill -9 "$(cat /run/gluster/quotad/quotad.pid)"; t=$SECONDS
is 'a write below the limit ends' "$(why_not bash -c 'echo x >> /m/a/known')" 'not connected'
ok "after $((SECONDS - t)) s" test $((SECONDS - t)) -le 15
is 'where no limit is, none waits' "$(writer /m/outside 100000)" '100000 ok'
is 'one line tells of it' "$(grep -acE 'quotad at .* is away' "$(brick_log /d/b1)")" 1
g volume start v force >/dev/null
ok 'it is back' wait_for 20 sh -c 'echo x >> /m/a/known'
ok 'another line tells of that' grep -aq 'quotad at .* answers again' "$(brick_log /d/b1)"

ok 'quota is switched off' g volume quota v disable
is 'no limit holds' "$(writer /m/a/after 300000)" '300000 ok'
umount /m /n
end
