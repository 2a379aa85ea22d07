#!/bin/bash
# Three hosts change from the stock brick program to brickd and back, one at a time, under load: by `brickd install` and
# `uninstall` on each, a kill of its brick, `volume start force`, and the wait until all is healed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../agree.sh"
. "$(dirname "$0")/../net.sh"

if [ "$BRICK" = stock ]; then skip 'replaces' 'there is nothing to replace stock by'; end; exit; fi
hosts h1 h2 h3 c1 || { end; exit; }
# The programs of a host: their types, link targets and sums, and the package manager's diversions.
programs() {
  on "$1" bash -c 'cd /usr/sbin && stat -c "%n %F %a %u:%g %s %N" gluster{d,fs,fsd} && sha256sum gluster{d,fs,fsd}; dpkg-divert --list "*gluster*"; ls -d /usr/lib/brickd 2>&1'
}
before=$(programs h1)
ok 'three hosts make a pool' pool h1 h2 h3
gh h1 volume create v replica 3 h{1,2,3}:/d/b force >/dev/null
gh h1 volume set v cluster.heal-timeout 5 >/dev/null
gh h1 volume set v network.ping-timeout 3 >/dev/null
ok 'the volume starts' gh h1 volume start v
ok 'c1 mounts' mount_on c1
ok 'c1 has all bricks' wait_for 30 connected c1
for h in h1 h2 h3; do no "the brick of $h is stock" runs_brickd $h; done
load c1
ok 'the load begins' wait_for 10 test -s /d/c1/journal
note 'set up'

apart() { ! connected c1; }
# changed HOST: its brick is started again; no other brick before all is healed.
changed() {
  ok "the brick of $1 is started again" restart "$1"
  wait_for 2 apart
  ok "c1 has it back" wait_for 30 connected c1
  ok 'all is healed while the client works' wait_for 120 healed
}
rounds=0 until=$((SECONDS + ${ROLLING_S:-0}))
while :; do
  for h in h1 h2 h3; do
    ok "brickd is installed on $h for the volume" on $h "$BRICK" install --volume v
    [ $h = h3 ] || is 'the next host is as it was' "$(programs h3)" "$before"
    changed $h
    ok "the brick of $h is brickd" runs_brickd $h
  done
  note 'all run brickd'
  for h in h1 h2 h3; do
    ok "brickd is removed from $h" on $h "$BRICK" uninstall --volume v
    is "$h has its programs back" "$(programs $h)" "$before"
    changed $h
    no "the brick of $h is stock" runs_brickd $h
  done
  rounds=$((rounds + 1))
  note "all run stock, rounds: $rounds"
  [ $SECONDS -lt $until ] || break
done
rest
complete 'after the changes'
end
