. "$(dirname "$0")/../lib.sh"
# Four bricks in one process and one worker: two on the lab's disk, one on a FUSE file system that stops answering, one on an
# XFS that is frozen. HANG: seconds that a disk hangs; HANG_DEVICE=1: the block device under that XFS hangs, too.
hang=${HANG:-12}
factor=${FACTOR:-3}
slack=${SLACK:-20}
export BRICKD_WORKERS=1 BRICKD_METRICS=127.0.0.1:9781-9789
load() { python3 "$repo/test/gluster/robustness/hang.py" "$@"; }
up() { g volume status "$1" --xml | tr -d '\n ' | grep -q '<status>1</status>'; }
down() { ! up "$1"; }
metric() { curl -s --max-time 5 http://127.0.0.1:9781/metrics | grep -F "$1{" | grep -F "brick_path=\"$2\"" | awk "{ print \$NF }"; }
metric_is() { [ "$(metric "$1" "$2")" = "$3" ]; }
threads() { ls "/proc/$pid/task" | wc -l; }
roots() { ls -l "/proc/$pid/fd" | grep -c -- "-> $1\$"; }
says() { grep -aqE "$1" "$log"; }
says_times() { [ "$(grep -acE "$1" "$log")" -ge "$2" ]; }
fuse() { pkill "-$1" -x bindfs; }
# going FILE: the load that writes it has all of its threads under way.
going() { ok 'load is on it' wait_for 30 grep -q going "$1"; }
# hung BRICK: brickd has noticed.
hung() { [ "$BRICK" = stock ] && sleep 2 || ok "$1: its disk is known to hang" wait_for 20 metric_is brickd_disk_hung "$1" 1; }
# Nothing must be left hanging, whatever becomes of this script: not even a kill ends what waits for a frozen disk.
thaw() { fuse CONT; fsfreeze -u /d/x4 2>/dev/null; }
trap thaw EXIT
(sleep "$((hang * 3 + 130))"; thaw) >/dev/null 2>&1 &
guard=$!

mkdir -p /d/real /d/x3 /d/x4
ok 'a FUSE file system' bindfs -o attr_timeout=0,entry_timeout=0,negative_timeout=0 /d/real /d/x3
truncate -s 600M /d/x4.img
ok 'another XFS' bash -c 'mkfs.xfs -q /d/x4.img && mount -o loop /d/x4.img /d/x4'
ok 'glusterd starts' start_glusterd
g volume set all cluster.brick-multiplex on >/dev/null
for v in v1:/d/b1 v2:/d/b2 v3:/d/x3/b v4:/d/x4/b; do
  g volume create "${v%%:*}" "gfhost:${v#*:}" >/dev/null
  # Until its turn comes: it ends a brick that hangs for 20 seconds, and on a busy machine all that is looked at meanwhile takes longer.
  g volume set "${v%%:*}" storage.health-check-interval 0 >/dev/null
  g volume start "${v%%:*}" >/dev/null || fail "volume ${v%%:*} starts"
done
for i in 1 2 3 4; do ok "v$i is up" wait_for 10 up "v$i"; ok "v$i mounts" mount_volume "v$i" "/m$i" attribute-timeout=0,entry-timeout=0; done
is 'one process' "$(pgrep -c glusterfsd)" 1
pid=$(pgrep glusterfsd)
log=$(brick_log /d/b1)
load measure 1 /m1/w /m2/w >/dev/null
before=$(load measure "$((hang > 20 ? 20 : 6))" /m1/w /m2/w)
note "before (count, p50, p99, longest in ms): $before"

# hangs NAME VOLUME BRICK: the disk of the brick hangs already.
compare() {
  local p before_p
  p=$(awk '{print $3}' <<<"$2")
  before_p=$(awk '{print $3}' <<<"$before")
  note "$1 (count, p50, p99, longest in ms): $2; p99 by $(awk -v a="$p" -v b="$before_p" 'BEGIN { printf "%.2f", a / b }')"
  ok "$1: p99 of the others stays" awk -v a="$p" -v b="$before_p" -v f="$factor" -v s="$slack" 'BEGIN { exit !(a > 0 && a <= b * f + s) }'
}
# during NAME VOLUME BRICK PATTERN: while the disk hangs.
during() {
  compare "$1" "$(load measure "$hang" /m1/w /m2/w)"
  [ "$BRICK" = stock ] && return
  ok "$1: the log says so" says "$3: the disk does not answer"
  is "$1: metrics say so" "$(metric brickd_disk_hung "$3")" 1
  is "$1: of that brick only" "$(metric brickd_disk_hung /d/b1)" 0
  ok "$1: status answers" g volume status v1 clients
  ok "$1: statedump answers" g volume statedump v1
  note "$1: $(threads) threads"
  ok "$1: there are no more than 48 threads ($(threads))" test "$(threads)" -le 48
}

note 'a FUSE file system stops answering under load'
mkfifo /d/go3 /d/go4
load stick /m3 < /d/go3 > /d/stuck3 & stuck=$!
exec 3> /d/go3
going /d/stuck3
fuse STOP
during 'FUSE hangs' v3 /d/x3/b
fuse CONT
ok 'it answers again' wait_for 10 metric_is brickd_disk_hung /d/x3/b 0
ok 'the log says so' says '/d/x3/b: the disk answers again'
echo stop >&3
wait $stuck
like 'what was pending has completed' "$(tail -n 1 /d/stuck3)" '^done [1-9][0-9]* errors 0$'

note 'an XFS is frozen under load'
hang=$((hang > 20 ? hang : 5))
load stick /m4 < /d/go4 > /d/stuck4 & stuck=$!
exec 4> /d/go4
going /d/stuck4
fsfreeze -f /d/x4
during 'XFS frozen' v4 /d/x4/b
fsfreeze -u /d/x4
ok 'it answers again' wait_for 10 metric_is brickd_disk_hung /d/x4/b 0
echo stop >&4
wait $stuck
like 'what was pending has completed' "$(tail -n 1 /d/stuck4)" '^done [1-9][0-9]* errors 0$'

note 'an XFS is frozen under syncs, and goes on answering look-ups'
python3 - <<'P' & syncing=$!
import os, threading
def run(i):
    fd = os.open('/m4/sync%d' % i, os.O_CREAT | os.O_WRONLY)
    while not os.path.exists('/d/end'): os.pwrite(fd, b'x' * 4096, 0); os.fsync(fd)
threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
P
mkdir /m4/looked; touch /m4/looked/{1..20}
syncing() { [ "$(stat -c %s /m4/sync{0..2} | grep -cx 4096)" = 3 ]; }
ok 'syncs are under way' wait_for 30 syncing
fsfreeze -f /d/x4
looks=0
until metric_is brickd_disk_hung /d/x4/b 1 || [ $looks -ge 100 ]; do ls -l /m4/looked >/dev/null; looks=$((looks + 1)); sleep 0.1; done
is 'metrics say so within seconds' "$(metric brickd_disk_hung /d/x4/b)" 1
ok "look-ups are answered meanwhile ($looks)" test $looks -ge 3
ok 'and still' timeout 5 ls -l /m4/looked
fsfreeze -u /d/x4
ok 'it answers again' wait_for 10 metric_is brickd_disk_hung /d/x4/b 0
touch /d/end
wait $syncing

if [ "${HANG_DEVICE:-0}" = 1 ]; then
  note 'the block device under an XFS hangs'
  umount /m4; g volume stop v4 >/dev/null; umount /d/x4
  mkdir /d/real5 /d/f5
  bindfs /d/real5 /d/f5
  mv /d/x4.img /d/f5/ && mount -o loop /d/f5/x4.img /d/x4
  g volume start v4 >/dev/null; mount_volume v4 /m4 attribute-timeout=0,entry-timeout=0
  mkdir /m4/cold
  for i in $(seq 100); do echo "$i" > "/m4/cold/f$i"; setfattr -n user.large -v "$(printf '%0700d' "$i")" "/m4/cold/f$i"; done
  drop_caches
  fuse STOP
  for i in $(seq 20); do dd if=/dev/zero of="/m4/sync$i" bs=64k count=4 conv=fsync 2>/dev/null & done
  for i in $(seq 50); do (getfattr -d -m . "/m4/cold/f$i"; cat "/m4/cold/f$i") >/dev/null 2>&1 & done
  during 'device hangs' v4 /d/x4/b
  fuse CONT
  ok 'it answers again' wait_for 10 metric_is brickd_disk_hung /d/x4/b 0
  ok 'what was written is there' wait_for 20 bash -c '[ "$(cat /m4/sync* | wc -c)" = $((20 * 262144)) ]'
fi

note 'a brick is detached while its disk hangs'
load stick /m3 < /d/go3 > /d/stuck3 & stuck=$!
exec 3> /d/go3
going /d/stuck3
fuse STOP
hung /d/x3/b
from=$(date +%s%N)
ok 'stops' timeout 60 gluster --mode=script volume stop v3 force
took=$((($(date +%s%N) - from) / 1000000))
ok "in bounded time ($took ms)" test $took -lt 15000
let_go() { [ "$(roots "$1")" = 0 ]; }
ok 'its root is let go of' wait_for 10 let_go /d/x3/b
note 'and attached again while it hangs'
volfile=/var/lib/glusterd/vols/v3/v3.gfhost.d-x3-b.vol
socket=$(tr '\0' '\n' < "/proc/$pid/cmdline" | grep '\.socket$')
[ "$BRICK" = stock ] || { timeout 100 node "$dist/management/mux.ops.js" "$socket" <<<"attach $volfile" > /d/attached & attaching=$!; }
compare 'meanwhile' "$(load measure 2 /m1/w /m2/w)"
[ "$BRICK" = stock ] || is 'it is not answered yet' "$(cat /d/attached)" ''
fuse CONT
[ "$BRICK" = stock ] || { wait $attaching; is 'but once the disk does' "$(head -n 1 /d/attached)" "attach $volfile: 0 "; }
ok 'starts again once the disk answers' g volume start v3
ok 'is up' wait_for 10 up v3
is 'in the same process' "$(pgrep glusterfsd) $(roots /d/x3/b)" "$pid 1"
ok 'its mount goes on' wait_for 20 bash -c 'echo again > /m3/again'
echo stop >&3
wait $stuck
note "clients of the detached brick: $(tail -n 1 /d/stuck3)"

note 'a health check fails by its timeout'
touch /d/before
g volume set v4 storage.health-check-timeout 2 storage.health-check-interval 2 >/dev/null
ok 'it is checked again' wait_for 20 test /d/x4/b/.glusterfs/health_check -nt /d/before
fsfreeze -f /d/x4
ok 'the brick is failed' wait_for 15 says 'health-check failed, going down: /d/x4/b: no answer within 2 seconds'
ok 'its root is let go of' wait_for 15 let_go /d/x4/b
ok 'glusterd knows' wait_for 10 down v4
ok 'the others go on' timeout 10 bash -c 'echo on > /m1/on && echo on > /m2/on && echo on > /m3/on'
is 'in the same process' "$(pgrep glusterfsd)" "$pid"
fsfreeze -u /d/x4
ok 'start force' g volume start v4 force
ok 'brings it back' wait_for 10 up v4
ok 'to its clients' wait_for 20 bash -c 'echo back > /m4/back'
note "$(threads) threads, $(ls "/proc/$pid/fd" | wc -l) descriptors at last"
note 'the process ends while a disk hangs'
load stick /m3 < /d/go3 > /d/stuck3 & stuck=$!
exec 3> /d/go3
going /d/stuck3
fuse STOP
hung /d/x3/b
kill -TERM "$pid"
# A call that the FUSE daemon had taken when it was stopped can't be broken off, not even by a kill: the kernel keeps its thread, and
# the process is a zombie until the daemon answers.
ended() { [ ! -e "/proc/$pid" ] || [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -c1)" = Z ]; }
ok 'it ends' wait_for 3 ended
fuse CONT
gone() { [ ! -e "/proc/$pid" ]; }
ok 'nothing of it is left' wait_for 5 gone
echo stop >&3
wait $stuck
kill $guard
end
