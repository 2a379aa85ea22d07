. "$(dirname "$0")/../lib.sh"
# VOLUMES: how many there are, 5 at least.
n=${VOLUMES:-6}
processes() { pgrep -c glusterfsd; }
up() { g volume status all --xml 2>/dev/null | tr -d '\n ' | grep -o '<status>1</status>' | wc -l; }
are_up() { [ "$(up)" = "$1" ]; }
are_processes() { [ "$(processes)" = "$1" ]; }
# Descriptors that a process has on a path.
roots() { ls -l "/proc/$1/fd" | grep -c -- "-> $2\$"; }
none_of() { ! ls -l "/proc/$pid/fd" | grep -q -- "-> $1"; }
volfile() { echo "/var/lib/glusterd/vols/$1/$1.gfhost.d-$1.vol"; }
socket() { tr '\0' '\n' < "/proc/$1/cmdline" | grep '\.socket$'; }
ops() { timeout 100 node "$dist/management/mux.ops.js" "$(socket "$pid")"; }
op() { ops <<<"$*" | head -n 1; }
says() { echo "$1" > "/m$2/said" && [ "$(cat "/m$2/said")" = "$1" ]; }

ok 'glusterd starts' start_glusterd
g volume set all cluster.brick-multiplex on >/dev/null
for i in $(seq "$n"); do
  g volume create "v$i" "gfhost:/d/v$i" >/dev/null
  g volume set "v$i" storage.health-check-interval 2 >/dev/null
  g volume start "v$i" >/dev/null || fail "volume v$i starts"
done
ok 'all bricks are up' wait_for 10 are_up "$n"
is 'in one process' "$(processes)" 1
is 'on one port' "$(g volume status all | awk '/^Brick /{print $3}' | sort -u | wc -l)" 1
pid=$(pgrep glusterfsd)
is 'with one descriptor on each root' "$(for i in $(seq "$n"); do roots "$pid" "/d/v$i"; done | sort | uniq -c | tr -s ' ')" " $n 1"
for i in 1 2 3 4; do ok "v$i mounts" mount_volume "v$i" "/m$i"; ok "and works" says hello "$i"; done
is 'each file is on its own brick' "$(cd /d; ls -d v[1-4]/said)" "$(printf 'v%d/said\n' 1 2 3 4)"

note 'what glusterd asks an attached brick'
like 'clients' "$(g volume status v3 clients)" '10.88.0.1:[0-9]+ +[1-9][0-9]* +[1-9]'
like 'detail' "$(g volume status v3 detail)" 'File System +: xfs'
for what in mem inode fd callpool; do ok "$what" g volume status v3 $what; done
ok 'statedump' g volume statedump v3
dumped() { cat /run/gluster/*.dump.* 2>/dev/null | grep -q "bound_xl./d/v3"; }
ok 'with the brick in it' wait_for 5 dumped
ok 'a changed option reaches its brick' g volume set v3 diagnostics.brick-log-level DEBUG
ok 'a changed option leaves the clients alone' says after 3
# Whether the log has a debug line about a file of volume $1 that is not there.
debugged() { stat "/m$1/missing.$RANDOM" 2>/dev/null; grep -a ' D \[' "$(brick_log /d/v1)" | grep -v server | grep -q "v$1-posix.*missing"; }
ok 'which is a level for its log' wait_for 5 debugged 3
no 'and for no other' debugged 1
g volume set v3 diagnostics.brick-log-level INFO >/dev/null

note 'stop and start'
for i in 1 2 3; do
  g volume stop v2 >/dev/null || fail "stop $i"
  [ "$BRICK" = stock ] || ok "stop $i: no descriptor is left" wait_for 5 none_of /d/v2
  g volume start v2 >/dev/null || fail "start $i"
done
is 'all are up at once' "$(up)" "$n"
is 'in the same process' "$(pgrep glusterfsd)" "$pid"
ok 'its mount goes on' wait_for 15 says again 2
ok 'the others have gone on' says on 1

note 'operations that glusterd would send by mistake'
is 'attach of a brick that is up' "$(op attach "$(volfile v2)")" "attach $(volfile v2): 0 "
like 'attach of a volfile that is none' "$(op attach /nowhere/v9.vol)" '/nowhere/v9.vol: -1'
like 'attach of a directory' "$(op attach /var/lib)" '/var/lib: -1'
is 'terminate of a brick that is not there' "$(op terminate /d/none)" 'terminate /d/none: 0 '
is 'terminate' "$(op terminate /d/v2)" 'terminate /d/v2: 0 '
ok 'glusterd knows' wait_for 5 are_up $((n - 1))
mv /d/v2 /d/away
like 'attach without a root' "$(op attach "$(volfile v2)")" ': -1'
mkdir /d/v2
like 'attach of an unmounted root' "$(op attach "$(volfile v2)")" ': -1'
[ "$BRICK" = stock ] || like 'says why' "$(grep -a "attach of $(volfile v2) failed" "$(brick_log /d/v1)")" "directory doesn't exist.*volume-id is absent"
is 'a failed attach leaves no descriptor' "$(ls -l "/proc/$pid/fd" | grep -c -- '-> /d/v2')" 0
rm -rf /d/v2; mv /d/away /d/v2
ok 'start force' g volume start v2 force
ok 'brings it back' wait_for 5 are_up "$n"
[ "$BRICK" = stock ] || is 'to the same process' "$(roots "$pid" /d/v2)" 1
if [ "$BRICK" != stock ]; then
  answers=$(for i in $(seq 100); do
    printf '%s\n' "terminate /d/v2" "attach $(volfile v3)" "attach $(volfile v2)" "terminate /d/v3" "attach $(volfile v3)" "attach /nowhere.vol"
  done | ops)
  is 'hundreds in flight: one answer each' "$(tail -n 1 <<<"$answers")" 'asked 600 answered 600'
  is 'and the right one' "$(grep -v /nowhere <<<"$answers" | grep -c ': 0 $')" 500
  is 'the bricks are up' "$(roots "$pid" /d/v2) $(roots "$pid" /d/v3)" '1 1'
  g volume start v2 force >/dev/null; g volume start v3 force >/dev/null
  ok 'as glusterd sees it' wait_for 5 are_up "$n"
fi
ok 'mounts go on' wait_for 15 says still 2
ok 'mounts go on' wait_for 15 says still 3

note 'a brick that fails leaves alone'
rm -f /d/v4/.glusterfs/health_check; mkdir /d/v4/.glusterfs/health_check
ok 'it is down' wait_for 15 are_up $((n - 1))
is 'the process is not' "$(pgrep glusterfsd)" "$pid"
ok 'nor are the others' says fine 1
rmdir /d/v4/.glusterfs/health_check
ok 'start force' g volume start v4 force
ok 'brings it back' wait_for 5 are_up "$n"
ok 'to its clients' wait_for 15 says back 4

note 'glusterd restarts'
pkill -x glusterd; wait_for 5 bash -c '! pgrep -x glusterd'
ok 'glusterd starts' start_glusterd
ok 'all are up' wait_for 20 are_up "$n"
is 'in the same process' "$(pgrep glusterfsd)" "$pid"
ok 'stop' g volume stop v2
is 'one is down' "$(up)" $((n - 1))
ok 'start' g volume start v2
ok 'all are up' wait_for 5 are_up "$n"
ok 'a new mount finds it' mount_volume v5 /m5

note 'the process dies'
kill -9 "$pid"
ok 'all are down' wait_for 10 are_up 0
for i in $(seq "$n"); do g volume start "v$i" force >/dev/null || fail "start force of v$i"; done
ok 'all are up' wait_for 20 are_up "$n"
is 'in one process' "$(processes)" 1
for i in 1 2 3 4 5; do ok "mount v$i goes on" wait_for 20 says alive "$i"; done
pid=$(pgrep glusterfsd)

note 'who goes where'
g volume stop v2 >/dev/null; g volume set v2 server.manage-gids on >/dev/null
ok 'a volume with another option starts' g volume start v2
is 'in a process of its own' "$(processes)" 2
ok 'its mount goes on' wait_for 20 says apart 2
g volume set all cluster.max-bricks-per-process "$n" >/dev/null
g volume create w gfhost:/d/w{1,2,3} >/dev/null; g volume set w storage.health-check-interval 2 >/dev/null
ok 'three more bricks' g volume start w
ok 'one fills a process, two go to the next' wait_for 10 are_processes 3
ok 'all are up' wait_for 10 are_up $((n + 3))
# A volume that is stopped now would take all of its process along: glusterd ends processes then.
g volume set all cluster.brick-multiplex off >/dev/null
for v in x y; do g volume create $v gfhost:/d/$v >/dev/null; g volume set $v storage.reserve 3 >/dev/null; done
ok 'without multiplexing: a volume starts' g volume start x
ok 'in a process of its own' wait_for 10 are_processes 4
ok 'the others go on' says together 1
g volume set all cluster.brick-multiplex on >/dev/null
ok 'with multiplexing again: a volume like that one starts' g volume start y
ok 'all are up' wait_for 10 are_up $((n + 5))
is 'in the same process' "$(brick_pid y /d/y)" "$(brick_pid x /d/x)"
ok 'stop of one' g volume stop x
ok 'leaves the other' are_up $((n + 4))
g volume start x >/dev/null

note 'the end'
for i in 1 2 3 4 5; do umount "/m$i"; done
for v in w x y $(seq -f 'v%g' "$n"); do g volume stop "$v" >/dev/null && g volume delete "$v" >/dev/null || fail "$v is deleted"; done
ok 'every process ends with its last brick' wait_for 10 bash -c '! pgrep glusterfsd'
for i in $(seq "$n"); do [ -d "/d/v$i/.glusterfs" ] || fail "brick v$i is still there"; done
end
