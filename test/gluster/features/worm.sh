#!/bin/bash
# Write once, read many: file by file, and for volumes of each kind.
. "$(dirname "$0")/../lib.sh"

state() { getfattr --absolute-names --only-values -n trusted.reten_state "$1" 2>/dev/null | tr -d '\0'; }
# refuses WHAT COMMAND...: with EROFS
refuses() { local what=$1; shift; like "$what" "$(LC_ALL=C "$@" 2>&1)" 'Read-only file system'; }
applied() { grep -ac 'volfile applied' "$(brick_log /d/b1)"; }
more() { [ "$(applied)" -gt "$1" ]; }
# settings OPTION VALUE ...: in effect on the brick (whose log tells so, but for stock's)
settings() { local n; n=$(applied); ok "set $*" g volume set v "$@"; if [ "$BRICK" = stock ]; then sleep 1.5; else wait_for 10 more "$n"; fi; }
now=attribute-timeout=0,entry-timeout=0,negative-timeout=0

start_glusterd || fail 'glusterd starts'
g volume create v gfhost:/d/b1 >/dev/null
for o in quick-read io-cache read-ahead open-behind write-behind stat-prefetch; do g volume set v performance.$o off >/dev/null; done
ok 'the volume starts' g volume start v
ok 'online' wait_for 20 online v
mount_volume v /m $now
echo old > /m/legacy; chmod 0444 /m/legacy
settings features.worm-file-level on features.default-retention-period 600 features.auto-commit-period 600

note 'retained by chmod'
echo text > /m/f; sleep 0.3; chmod 0444 /m/f
is 'its state' "$(state /d/b1/f)" 3/600/600
like 'its end' "$(($(stat -c %X /m/f) - $(date +%s)))" '^(59[0-9]|600)$'
for c in 'echo x >> /m/f' 'truncate -s 2 /m/f' 'mv /m/f /m/g' 'ln /m/f /m/g' 'rm -f /m/f'; do refuses "$c" bash -c "$c"; done
touch /m/young; sleep 0.3; refuses 'a young file over it' mv /m/young /m/f
is 'its content' "$(cat /m/f)" text
ok 'its end is put off' touch -a -d '+1 hour' /m/f
like 'in its state, too' "$(state /d/b1/f)" '^3/3[56][0-9][0-9]/600$'
ok 'and brought forward' touch -a -d '+5 minutes' /m/f
refuses 'not before now' touch -a -d '-1 minute' /m/f
ok 'a file from before' sh -c 'echo more >> /m/legacy'

note 'auto-commit'
settings features.auto-commit-period 3 features.retention-mode enterprise
echo a > /m/a; sleep 0.3; ok 'a young file can be written' sh -c 'echo b >> /m/a'
sleep 3.5; refuses 'the first write that comes too late' bash -c 'echo c >> /m/a'
is 'its state' "$(state /d/b1/a)" 11/600/3
is 'nothing of it is there' "$(cat /m/a)" "$(printf 'a\nb')"
refuses 'enterprise mode never shortens it' touch -a -d '+5 minutes' /m/a
settings features.auto-commit-period 0 features.default-retention-period 2
python3 - <<'P' && pass 'the descriptor that made a file writes until it is closed' || fail 'the descriptor that made a file writes until it is closed'
import os, time
fd = os.open('/m/big', os.O_CREAT | os.O_WRONLY, 0o644)
for i in range(5): os.write(fd, b'x' * 65536); time.sleep(0.1)
os.close(fd)
assert os.stat('/m/big').st_size == 5 * 65536
P
sleep 0.3; refuses 'then nobody' bash -c 'echo >> /m/big'
sleep 3; refuses 'nor when its retention has ended' bash -c 'echo >> /m/big'
is 'its state' "$(state /d/b1/big)" 9/0/0
settings features.worm-files-deletable off
refuses 'no deletion' rm -f /m/big
settings features.worm-files-deletable on
ok 'it may be deleted' rm -f /m/big

note 'a brick that is killed while a file is written'
settings features.auto-commit-period 600
python3 - <<'P' &
import os, time
fd = os.open('/m/cut', os.O_CREAT | os.O_WRONLY, 0o644)
os.write(fd, b'x'); time.sleep(1.5)
end = time.time() + 30
while time.time() < end:
    try: os.write(fd, b'y'); break
    except OSError: time.sleep(0.3)
os.close(fd)
P
wait_for 15 test -s /d/b1/cut; kill -9 "$(brick_pid v /d/b1)"; g volume start v force >/dev/null; ok 'online again' wait_for 20 online v
wait %1
is 'its writer has gone on' "$(cat /m/cut)" xy
sleep 0.5
[ "$BRICK" = stock ] || { chmod 0444 /m/cut; is 'and has it committed' "$(state /d/b1/cut)" 11/2/600; }
settings features.worm-file-level off
ok 'off' sh -c 'echo x >> /m/a'
quiet_log /d/b1

note 'volumes of each kind as a whole'
umount /m; ok 'stopped' g volume stop v
g volume create r replica 3 gfhost:/d/r1 gfhost:/d/r2 gfhost:/d/r3 force >/dev/null
g volume create e disperse 3 redundancy 1 gfhost:/d/e1 gfhost:/d/e2 gfhost:/d/e3 force >/dev/null
for v in v r e; do
  ok "$v: worm on" g volume set $v features.worm on
  ok "$v starts" g volume start $v
  ok "$v is online" wait_for 30 online $v
  mount_volume $v /m $now
  ok "$v: a directory" mkdir /m/d
  ok "$v: a file" sh -c 'head -c 300000 /dev/urandom | tee /m/d/f | sha256sum > /tmp/sum'
  is "$v: its content" "$(sha256sum < /m/d/f)" "$(cat /tmp/sum)"
  refuses "$v: no appending" bash -c 'echo >> /m/d/f'
  refuses "$v: no removing" rm -f /m/d/f
  refuses "$v: no renaming" mv /m/d/f /m/d/g
  refuses "$v: no directory goes" rmdir /m/d
  if [ $v = r ]; then
    kill -9 "$(brick_pid r /d/r1)"
    if [ "$BRICK" != stock ]; then
      ok 'r: a file while a brick is down' sh -c 'echo text > /m/d/later'
      g volume start r force >/dev/null; ok 'r: all online' wait_for 30 online r
      ok 'r: healed' wait_for 30 cmp -s /d/r1/d/later /d/r2/d/later
    fi
  fi
  umount /m
done
end
