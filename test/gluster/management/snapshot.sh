#!/bin/bash
# What glusterd has a brick do when it takes a snapshot: the barrier goes up, the brick is copied, the barrier goes down. (The snapshot
# itself wants LVM.) The copy, made a volume of its own, has every change that clients were told of, and none half.
. "$(dirname "$0")/../lib.sh"
brick=/d/v/brick

socket() { tr '\0' '\n' < "/proc/$(brick_pid v $brick)/cmdline" | grep -A1 -x -e '-S' | tail -n1; }
barrier() { timeout 60 node "$dist/management/mux.ops.js" "$(socket)" <<<"barrier:$1 $brick"; }
lines() { cat /d/journal.* | wc -l; }
makes() { [ "$(lines)" -gt "$1" ]; }

start_glusterd || fail 'glusterd starts'
mkdir -p /d/v
g volume create v gfhost:$brick >/dev/null
[ -z "${SNAPSHOT_CHANGELOG-on}" ] || ok 'changelog on' g volume set v changelog.changelog "${SNAPSHOT_CHANGELOG-on}"
ok 'the volume starts' g volume start v
ok 'mounts' mount_volume v /m
writers=()
for i in 1 2 3; do python3 "$repo/test/gluster/work/snapshot-writer.py" /m/w$i /d/journal.$i & writers+=($!); done
ok 'files are written' wait_for 20 makes 300

ok 'the barrier goes up' grep -q ': 0 ' <(barrier enable)
like 'which it can but once' "$(barrier enable)" ': -1 '
sleep 1
held=$(lines)
cp -a "$brick" /d/copy
is 'nothing is acknowledged while it is up' "$(lines)" "$held"
for i in 1 2 3; do cp /d/journal.$i /d/copied.$i; done
ok 'the barrier goes down' grep -q ': 0 ' <(barrier disable)
ok 'and all goes on' wait_for 20 makes $((held + 100))
for i in "${writers[@]}"; do kill "$i"; done; wait "${writers[@]}"
for i in 1 2 3; do ok "the volume has what writer $i has made" python3 "$repo/test/gluster/work/snapshot-writer.py" --check /m/w$i /d/journal.$i; done

for x in trusted.glusterfs.volume-id trusted.gfid; do setfattr -x $x /d/copy; done
ok 'a volume of the copy' volume w /d/copy
ok 'mounts' mount_volume w /w
for i in 1 2 3; do ok "the copy has what writer $i was told of" python3 "$repo/test/gluster/work/snapshot-writer.py" --check /w/w$i /d/copied.$i; done
quiet_log $brick 'Already enabled|Failed to reconfigure barrier|barrier notify failed'
end
