#!/bin/bash
# Journals of a brick as their consumers read them: by the library that gsyncd uses, at once and afterwards; a brick that is killed while
# it writes; a snapshot's barrier; switched while the brick runs.
. "$(dirname "$0")/../lib.sh"
changelog() { python3 "$repo/test/gluster/features/changelog.py" "$@"; }

start_glusterd || fail 'glusterd starts'
volume v /d/b1
for o in changelog.rollover-time=1 changelog.fsync-interval=1 performance.write-behind=off changelog.changelog=on; do
  ok "$o" g volume set v ${o%=*} ${o#*=}
done
ok 'online' wait_for 20 online v
ok 'mounts' mount_volume v /m
top=/d/b1/.glusterfs/changelogs

note 'a consumer'
changelog live /d/b1 /tmp/live > /tmp/live.out 2>&1 & live=$!
ok 'registers' wait_for 10 grep -q registered /tmp/live.out
sleep 1; began=$(date +%s)
echo one > /m/a; mv /m/a /m/b; mv /m/b /m/c; sleep 1.5; echo two >> /m/c; ln -s nowhere /m/s; ln /m/s /m/s2; rm /m/c
told() { grep -q "UNLINK.*/c" /tmp/live.out; }
ok 'is told of journals at its first start' wait_for 15 told
gfid=$(grep -m1 CREATE.*/a /tmp/live.out | cut -d' ' -f2)
is 'all of a file, in order' "$(grep -F "$gfid" /tmp/live.out | awk '{ print $1, $1 == "E" ? $3 : "" }' | tr '\n' ';')" 'E CREATE;D ;E RENAME;E RENAME;D ;E UNLINK;'
like 'links of links' "$(grep /s2 /tmp/live.out)" 'E .* LINK 00000000-0000-0000-0000-000000000001/s2'
kill $live; wait $live 2>/dev/null

note 'killed while it writes'
changelog load /m /tmp/made load & load=$!
for n in 1 2; do sleep 1; kill -9 "$(brick_pid v /d/b1)"; sleep 0.5; g volume start v force >/dev/null; ok "up again" wait_for 20 online v; done
sleep 1; touch /tmp/made.stop; wait $load
like 'changes were made' "$(wc -l < /tmp/made)" '^[1-9][0-9]{2,}$'
sleep 2.5
changelog history /d/b1 /tmp/history "$began" > /tmp/history.out 2>&1
is 'history is read to its end' "$(tail -n 1 /tmp/history.out)" end
is 'and has all that was acknowledged' "$(sort /tmp/made | comm -23 - <(grep -oE '/load(dir)?[0-9]+' /tmp/history.out | tr -d / | sort -u))" ''
index=$(ls $top/htime/HTIME.*)
records=$(tr '\0' '\n' < "$index" | wc -l)
is 'the index says how many it has' "$(getfattr --only-values -n trusted.glusterfs.htime "$index" | cut -d: -f2)" "$records"

note 'a snapshot'
exec 5> /m/open
changelog load /m /tmp/more snap & load=$!
under_way() { [ "$(ls /d/b1 | grep -c ^snap)" -ge 20 ]; }
ok 'changes are under way' wait_for 20 under_way
ok 'the barrier is raised' g volume barrier v enable
cp -a /d/b1 /d/copy
echo data >&5
is 'nothing is made meanwhile' "$(ls /d/b1)" "$(ls /d/copy)"
data=$(getfattr --only-values -n trusted.gfid /d/b1/open | xxd -p)
like 'what is written is named' "$(tr -d '\0-' < $top/csnap/CHANGELOG.SNAP)" "D$data"
ok 'the barrier is lifted' g volume barrier v disable
goes_on() { [ "$(ls /d/b1 | wc -l)" -gt "$(ls /d/copy | wc -l)" ]; }
ok 'changes go on' wait_for 10 goes_on
touch /tmp/more.stop; wait $load
exec 5>&-
like 'the copy has changes' "$(ls /d/copy | grep -c ^snap)" '^[1-9][0-9]+$'
is 'and its complete journals have all of them' "$(ls /d/copy | grep ^snap | sort | comm -23 - <(cat /d/copy/.glusterfs/changelogs/20*/*/*/CHANGELOG.* | grep -aoE '/snap(dir)?[0-9]+' | tr -d / | sort -u))" ''
rm -rf /d/copy

note 'switched'
ok 'encoding' g volume set v changelog.encoding binary
touch /m/in-binary
header() { head -n 1 $top/CHANGELOG; }
binary() { [ "$(header)" = 'GlusterFS Changelog | version: v1.2 | encoding : 1' ]; }
ok 'is switched at once' wait_for 5 binary
ok 'off' g volume set v changelog.changelog off
gone() { [ ! -e $top/CHANGELOG ]; }
ok 'no journal is written' wait_for 5 gone
touch /m/unseen
ok 'on' g volume set v changelog.changelog on
ok 'a journal is written' wait_for 5 binary
is 'with an index of its own' "$(ls $top/htime | wc -l)" 2
umount /m
g volume stop v >/dev/null
no 'the socket is gone' ls /var/run/gluster/changelog-*.sock
quiet_log /d/b1
end
