#!/bin/bash
# Leases by libgfapi, as NFS-Ganesha and Samba take them: granted, recalled, revoked.
. "$(dirname "$0")/../lib.sh"

run() { timeout 60 python3 "$(dirname "$0")/leases.py" "$@" 2>&1 || fail "$3 has ended"; }
nocache() { for o in quick-read io-cache read-ahead open-behind write-behind stat-prefetch; do g volume set "$1" performance.$o off >/dev/null; done; }

start_glusterd || fail 'glusterd starts'
g volume create v gfhost:/d/b1 >/dev/null; nocache v
# Set before the start: stock takes it up only when a brick starts.
ok 'leases on' g volume set v features.leases on features.lease-lock-recall-timeout 12
ok 'the volume starts' g volume start v
ok 'online' wait_for 20 online v
run v 12 grants
run v 12 conflicts
[ "$BRICK" = stock ] || run v 12 no_wait
run v 12 gone
ok 'a shorter time-out' g volume set v features.lease-lock-recall-timeout 3
sleep 1.5; run v 3 expiry
quiet_log /d/b1

note 'switched at run time'
if [ "$BRICK" != stock ]; then
  ok 'off' g volume set v features.leases off
  ok 'the brick has taken it' wait_for 10 sh -c "python3 '$(dirname "$0")/leases.py' v 3 off | grep -q '^ok'"
  ok 'on' g volume set v features.leases on
  sleep 2; run v 3 grants
fi

note 'a replica'
ok 'stopped' g volume stop v
g volume create r replica 3 gfhost:/d/r1 gfhost:/d/r2 gfhost:/d/r3 force >/dev/null; nocache r
ok 'leases on a replica' g volume set r features.leases on features.lease-lock-recall-timeout 3
ok 'the replica starts' g volume start r
ok 'the replica is online' wait_for 20 online r
run r 3 grants
end
