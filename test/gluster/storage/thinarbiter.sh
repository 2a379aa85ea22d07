#!/bin/bash
# A replica of two copies, and a thin arbiter: a process of its own that only remembers which copy is bad.
. "$(dirname "$0")/../lib.sh"
ta_port=24100
start_glusterd || fail 'glusterd starts'

# With the command line of the package's service, on a port that no glusterd has.
program=$BRICK
[ "$BRICK" != stock ] || program=glusterfsd
mkdir -p /d/ta/.glusterfs/indices
sed 's,/mnt/thin-arbiter,/d/ta,' /etc/glusterfs/thin-arbiter.vol > /d/ta.vol
ta_start() {
  "$program" -N --volfile-id ta -f /d/ta.vol --brick-port $ta_port --xlator-option ta-server.transport.socket.listen-port=$ta_port \
    -LWARNING -l "$logs/ta.log" < /dev/null > /dev/null 2>&1 &
  wait_for 10 listens
}
listens() { ss -ltnH "sport = :$ta_port" | grep -q .; }
ok 'a thin arbiter starts' ta_start

g volume create v replica 2 thin-arbiter 1 gfhost:/d/b1 gfhost:/d/b2 gfhost:/d/ta force >/dev/null
g volume set v client.ta-brick-port $ta_port >/dev/null
g volume set v network.ping-timeout 3 >/dev/null
g volume set v cluster.self-heal-daemon off >/dev/null
for o in write-behind stat-prefetch quick-read io-cache open-behind; do g volume set v performance.$o off >/dev/null; done
ok 'a volume that uses it starts' g volume start v
ok 'its bricks are online' wait_for 30 online v
ok 'it mounts' mount_volume v /m || { end; exit; }
for x in client-0 client-1 ta-2; do ok "$x is connected" wait_for 20 sees /m v-$x; done
id_file() { find /d/ta -path '*/.glusterfs' -prune -o -type f -name 'trusted.afr.v-ta*' -print; }
# bad COPY: whether the arbiter says so of it.
bad() { getfattr --absolute-names -n "trusted.afr.v-client-$1" -e hex "$(id_file)" 2>/dev/null | grep -q '=0x.*[1-9a-f]'; }
echo one > /m/f
like 'the arbiter has the file of the pair' "$(id_file)" '^/d/ta/trusted\.afr\.v-ta-2\.'
no 'it calls no copy bad' eval 'bad 0 || bad 1'

note 'a copy goes'
kill -9 "$(brick_pid v /d/b1)"
wait_for 10 misses /m v-client-0
ok 'the other takes writes' eval 'echo two > /m/f'
is 'and is read' "$(cat /m/f)" two
ok 'the arbiter calls the one that is gone bad' bad 0
no 'and not the other' bad 1
g volume start v force >/dev/null
ok 'the bad copy comes back' wait_for 20 sees /m v-client-0
is 'its data is stale' "$(cat /d/b1/f)" one

note 'the good copy goes'
kill -9 "$(brick_pid v /d/b2)"
wait_for 10 misses /m v-client-1
drop_caches
no 'the bad copy is not read' dd if=/m/f of=/dev/null iflag=direct
no 'and takes no writes' dd if=/dev/zero of=/m/f bs=4 count=1 conv=notrunc,fsync
no 'it has not called the good copy bad' bad 1
g volume start v force >/dev/null
ok 'the good copy comes back' wait_for 20 sees /m v-client-1
ok 'what it holds is read' wait_for 10 eval '[ "$(cat /m/f)" = two ]'

note 'healing'
g volume set v cluster.self-heal-daemon on >/dev/null
g volume set v cluster.heal-timeout 5 >/dev/null
healed() { g volume heal v >/dev/null; [ "$(cat /d/b1/f)" = two ] && ! bad 0 && ! bad 1; }
ok 'the copies are alike, and none is bad' wait_for 60 healed

note 'the arbiter goes'
pkill -f -- '--volfile-id ta'
ok 'it ends' wait_for 10 eval '! listens'
ok 'with both copies it is not needed' wait_for 20 eval 'echo four > /m/f'
ok 'it comes back' ta_start
ok 'and is connected' wait_for 20 sees /m v-ta-2
umount /m
end
