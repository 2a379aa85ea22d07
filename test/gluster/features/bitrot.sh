#!/bin/bash
# Bit-rot detection on replica 3 with the stock signer and scrubber: files are signed, a byte changed behind a brick's back is found, the bad
# copy is refused and the good ones serve, it heals; and signatures hold when the bricks run the stock program.
. "$(dirname "$0")/../lib.sh"
signer=/run/gluster/bitd/bitd.pid
scrub_log=/var/log/glusterfs/scrub.log
S=trusted.bit-rot.signature B=trusted.bit-rot.bad-file

# signed FILE: on every brick a signature of the version that is there, over what the file holds.
signed() {
  python3 - "$1" <<'P'
import hashlib, os, sys
for b in 1, 2, 3:
    path = f'/d/b{b}/{sys.argv[1]}'
    signature, version = (os.getxattr(path, f'trusted.bit-rot.{key}') for key in ('signature', 'version'))
    assert len(version) == 16 and signature == b'\1' + version[:8] + hashlib.sha256(open(path, 'rb').read()).digest(), path
P
}
version() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.bit-rot.version")[0])' "/d/b1/$1"; }
status() { g volume bitrot v scrub status; }
ended() { status | grep -a '^Last completed scrub time' | grep -v not | head -n 1; }
scrub() {
  local before
  before=$(ended)
  sleep 1.1   # the times have seconds
  wait_for 30 g volume bitrot v scrub ondemand && wait_for 30 later "$before"
}
later() { [ -n "$(ended)" ] && [ "$(ended)" != "$1" ]; }
daemons() { [ "$(g volume status v | grep -cE '^(Bitrot|Scrubber) Daemon.* Y ')" = 2 ]; }
errors() { status | awk '/^Error count/ {print $3; exit}'; }
bad_bricks() { for b in 1 2 3; do getfattr --absolute-names -n $B "/d/b$b/f" >/dev/null 2>&1 && echo -n $b; done; }
read_all() { for _ in 1 2 3 4 5 6; do cmp /m/f /run/f || return 1; done; }
# runs PROGRAM: all bricks are started anew by that program.
runs() {
  local b lines
  for b in 1 2 3; do kill -9 "$(brick_pid v /d/b$b)"; done
  lab-brick "$1"
  kill -CONT "$(cat $signer)"
  lines=$(wc -l < $scrub_log)
  wait_for 20 offline; g volume start v force >/dev/null
  # It is started anew, too, and in some seconds will sign anew whatever it finds.
  kill -STOP "$(cat $signer)"
  wait_for 20 online v
  ok 'the scrubber is connected again' wait_for 30 scrubs_all "$lines"
  wait_for 20 cat /m/early
}
# scrubs_all LINE: after that line of its log the scrubber has connected to all bricks.
scrubs_all() { [ "$(tail -n "+$1" $scrub_log | grep -o 'Connected to brick .*brick-path=[^}]*' | sort -u | wc -l)" = 3 ]; }
offline() { [ "$(g volume status v | grep -c '^Brick.* N ')" = 3 ]; }
rises() { signed "$1" && [ "$(version "$1")" -gt 2 ]; }
heals() { stat /m/f && g volume heal v && cmp /d/b1/f /run/f; }

start_glusterd || fail 'glusterd starts'
g volume create v replica 3 gfhost:/d/b{1,2,3} force >/dev/null
for o in write-behind quick-read stat-prefetch io-cache open-behind; do g volume set v performance.$o off >/dev/null; done
ok 'the volume starts' g volume start v
now=attribute-timeout=0,entry-timeout=0,negative-timeout=0
ok 'mounts' mount_volume v /m $now
head -c 100000 /dev/urandom > /m/early
ok 'switched on while it runs' g volume bitrot v enable
g volume set v features.expiry-time 1 >/dev/null
g volume bitrot v scrub-throttle aggressive >/dev/null
ok 'signer and scrubber run' wait_for 20 daemons
note 'set up'

head -c 300000 /dev/urandom > /m/f
: > /m/empty
for f in f early; do ok "$f is signed" wait_for 30 signed $f; done
is 'its version' "$(version f)" 2
echo more >> /m/f; cp /m/f /run/f
ok 'written again, signed again' wait_for 30 signed f
is 'its version' "$(version f)" 3
chmod 600 /m/f; mv /m/f /m/g; mv /m/g /m/f; cat /m/f >/dev/null
is 'other changes leave it' "$(version f)" 3
no 'a client cannot set a signature' setfattr -n $S -v 0x01 /m/f
no 'nor remove one' setfattr -x $S /m/f
is 'nor see one' "$(getfattr -d -m . --absolute-names /m/f | grep -c bit-rot)" 0
note 'signed'

ok 'a scrub of sound files' scrub
is 'finds nothing' "$(errors)" 0
if [ "$BRICK" != stock ]; then
  # A file without a signature, or with one of another version, is not scrubbed.
  runs stock
  ok 'scrubbed by stock bricks' scrub
  is 'our signatures hold' "$(errors) $(status | awk '/^Number of Scrubbed files/ {print $5; exit}')" '0 6'
  runs "$BRICK"
  kill -CONT "$(cat $signer)"
  ok 'signed anew' wait_for 30 rises early
fi
note 'scrubbed'

id=$(getfattr --absolute-names -n trusted.gfid -e hex /d/b1/f | sed -n 's/.*=0x//p')
id=${id:0:8}-${id:8:4}-${id:12:4}-${id:16:4}-${id:20}
python3 - <<'P'
with open('/d/b1/f', 'r+b') as f:
    f.seek(1000); byte = f.read(1)[0]; f.seek(1000); f.write(bytes([byte ^ 1]))
P
ok 'a scrub after the corruption' scrub
is 'marked bad where it is' "$(bad_bricks)" 1
ok 'in the quarantine' test -e "/d/b1/.glusterfs/quarantine/$id"
like 'the status names it' "$(status)" "$id ==> BRICK: /d/b1"$'\n'" path: /f"
drop_caches
ok 'the others serve' read_all
rm "/d/b1/f" "/d/b1/.glusterfs/${id:0:2}/${id:2:2}/$id"
ok 'mounts once more' remount v /m $now
ok 'removed, it heals' wait_for 30 heals
no 'and left the quarantine' test -e "/d/b1/.glusterfs/quarantine/$id"
is 'nor is it marked' "$(bad_bricks)" ''
ok 'and is signed' wait_for 30 signed f
note 'healed'

ok 'switched off' g volume bitrot v disable
wait_for 10 sh -c '! gluster volume status v | grep -q Bitrot'
before=$(version f); echo last >> /m/f
is 'no version rises' "$(version f)" "$before"
end
