#!/bin/bash
# A brick on a disk of its own, which fills up, fails, is unmounted and comes back.
. "$(dirname "$0")/../lib.sh"
log=$(brick_log /d/x/b)
says() { grep -aqE "$1" "$log"; }
up() { g volume status v --xml | tr -d '\n ' | grep -q '<path>/d/x/b</path>.*<status>1</status>'; }
down() { ! up; }
free_kib() { df --output=avail -k /d/x | tail -n 1; }
# err COMMAND ...: the text of the errno that it fails with.
err() { local out; out=$("$@" 2>&1) && echo none || sed -n '$s/.*: //p' <<<"$out"; }
put() { dd if=/dev/zero of="$1" bs=64k count="$2" seek="${3:-0}" conv=notrunc,fsync status=none; }

mkdir -p /d/x
truncate -s 400M /d/x.img
ok 'a disk' bash -c 'mkfs.xfs -q -m crc=1 /d/x.img && mount -o loop /d/x.img /d/x'
start_glusterd || fail 'glusterd starts'
g volume create v gfhost:/d/x/b >/dev/null
g volume set v storage.reserve 20 >/dev/null
g volume set v storage.health-check-interval 1 >/dev/null
for o in write-behind quick-read stat-prefetch io-cache open-behind; do g volume set v performance.$o off >/dev/null; done
ok 'the volume starts' g volume start v
ok 'it mounts' mount_volume v /m attribute-timeout=0,entry-timeout=0,negative-timeout=0 || { end; exit; }

note 'the reserve is reached'
put /m/old 64
sum=$(sha256sum < /m/old)
i=0
while [ $i -lt 100 ] && put /m/fill.$i 160 2>/tmp/err; do i=$((i + 1)); done
like 'a write fails for want of space' "$(cat /tmp/err)" 'No space left on device'
# Stock looks every five seconds only, and fills the disk meanwhile.
[ "$BRICK" = stock ] || ok "a fifth of the disk is left ($(free_kib) KiB)" test "$(free_kib)" -gt $((400 * 1024 * 14 / 100))
ok 'what is there can be written over' put /m/old 32
is 'and is as it was' "$(sha256sum < /m/old)" "$sum"
is 'a file that grows' "$(err put /m/old 16 2000)" 'No space left on device'
is 'a new file' "$(err mkdir /m/new)" 'No space left on device'
is 'an xattr' "$(err setfattr -n user.a -v 1 /m/old)" 'No space left on device'
ok 'a file is renamed' mv /m/fill.0 /m/fill.x
ok 'and removed' rm /m/fill.x /m/fill.1 /m/fill.2 /m/fill.3 /m/fill.4
ok 'there is room again at once' wait_for 10 put /m/again 16
ok 'up all the time' up
g volume set v storage.reserve 0 >/dev/null
sleep 1

note 'the disk is full to the last block'
dd if=/dev/zero of=/m/all bs=1M count=500 conv=fsync status=none 2>/tmp/err
like 'a write fails for want of space' "$(cat /tmp/err)" 'No space left on device'
dd if=/dev/zero of=/d/x/rest bs=4k count=200000 status=none 2>/dev/null
ok 'what is there can be written over' put /m/old 64
is 'and is as it was' "$(sha256sum < /m/old)" "$sum"
is 'a file that grows' "$(err put /m/again 64 4000)" 'No space left on device'
ok 'still up: a full disk is no failed one' bash -c 'sleep 2.5' && ok 'still' up
rm -f /d/x/rest
ok 'removed on a full disk' rm /m/all
ok 'there is room again' wait_for 10 put /m/again2 16

note 'the disk fails'
put /m/acknowledged 8
mkdir -p /m/dir/below; echo text > /m/dir/below/f
ok 'XFS shuts down, as it does on errors of the device' xfs_io -x -c shutdown /d/x
like 'a write' "$(err put /m/old 1)" 'Input/output error|Transport endpoint is not connected'
for f in dir dir/below dir/below/f; do like "stat $f: not as if it had gone" "$(err stat /m/$f)" 'Input/output error|Transport endpoint is not connected'; done
ok 'the health check notices' wait_for 15 says 'health-check failed'
# Stock waits half a minute before it ends itself.
ok 'the brick is taken out' wait_for 45 down
free() { umount /d/x; }
ok 'nothing of it is held' wait_for 10 free
ok 'the disk is repaired' mount -o loop /d/x.img /d/x
ok 'started again' g volume start v force
ok 'up' wait_for 10 up
ok 'the mount goes on' wait_for 20 put /m/old 1
is 'what was fsynced is there' "$(stat -c %s /m/acknowledged)" 524288
ok 'the brick keeps the contract on disk' node "$dist/ondisk/main.js" check /d/x/b

note 'the disk is unmounted under the brick'
umount -l /d/x
no 'not started without its disk' eval "kill -9 $(brick_pid v /d/x/b); sleep 0.3; g volume start v force && wait_for 3 up"
umount /d/x 2>/dev/null
# glusterd marks the directory below as the brick when it starts it by force.
mkdir -p /d/x/b
no 'nor on the directory below it' eval 'g volume start v force && wait_for 3 up'
is 'where nothing is made' "$(ls -A /d/x/b)" ''
[ "$BRICK" = stock ] || ok 'and the log says why' says 'is its disk not mounted'
rm -rf /d/x/b
ok 'the disk is back' mount -o loop /d/x.img /d/x
ok 'started' g volume start v force
ok 'up' wait_for 10 up
is 'nothing is lost' "$(wait_for 20 stat /m/old >/dev/null; sha256sum < /m/old)" "$sum"

end
