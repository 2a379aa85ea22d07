. "$(dirname "$0")/../lib.sh"
# DBENCH_S: seconds of dbench.
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
ok 'mounts' mount_volume v /m || { end; exit; }

note 'a tree of thousands of files'
tree=$repo/node_modules
files=$(find "$tree" -type f | wc -l)
ok "more than 5000 files ($files)" test "$files" -gt 5000
began=$SECONDS
ok 'copies' cp -a "$tree" /m/tree
note "copied in $((SECONDS - began)) s"
umount /m
drop_caches
ok 'mounts again' mount_volume v /m
same_trees 'is the same by checksum, mode, owner and link target' "$tree" /m/tree
is 'is spread over both bricks' "$([ "$(find /d/b1/tree -type f | wc -l)" -gt 1000 ] && [ "$(find /d/b2/tree -type f | wc -l)" -gt 1000 ] && echo yes)" yes

note 'git'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_CONFIG_COUNT=1 \
  GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
git init -q -b main /d/source
for part in brickd mux posix native volfiles test; do
  [ -d "$repo/$part" ] || continue
  mkdir -p /d/source/$part
  (cd "$repo/$part" && find . \( -name '*.ts' -o -name '*.cc' \) -print0 | cpio -0pdm --quiet /d/source/$part 2>/dev/null || cp -r . /d/source/$part)
  git -C /d/source add . && git -C /d/source commit -q -m "$part"
done
ok 'clones' git clone -q --no-hardlinks /d/source /m/clone
ok 'fsck' git -C /m/clone fsck --full --strict
is 'has the same commits' "$(git -C /m/clone log --format=%H)" "$(git -C /d/source log --format=%H)"
is 'is clean' "$(git -C /m/clone status --porcelain)" ""
ok 'commits' bash -c 'cd /m/clone && git mv brickd daemon && rm -r mux && git add -A && git commit -q -m moved'
ok 'collects garbage' git -C /m/clone gc -q
ok 'fsck again' git -C /m/clone fsck --full --strict
ok 'pulls back' git -C /d/source pull -q /m/clone main

note 'dbench'
mkdir /m/dbench
out=$(dbench -c /usr/share/dbench/client.txt -D /m/dbench -t "${DBENCH_S:-5}" 4 2>&1)
like 'dbench finishes' "$out" 'Throughput [0-9.]+ MB/sec'
is 'without errors' "$(grep -iE "fail|error|unexpected" <<<"$out" | grep -v semaphore)" ""
note "$(grep Throughput <<<"$out")"

note 'renames from four processes'
node "$dist/work/rename-storm.js" /m/storm 4 "${STORM_S:-6}"

note 'the same, one change of a name at a time'
umount /m
g volume stop v >/dev/null; g volume set v features.sdfs on >/dev/null
ok 'a volume whose names are locked starts' g volume start v
ok 'and mounts' eval 'wait_for 20 online v && mount_volume v /m'
node "$dist/work/rename-storm.js" /m/storm2 4 3
dumps_end() { [ "$(cat /run/gluster/*.dump.* | grep -c DUMP-END-TIME)" = "$(pgrep -c glusterfsd)" ]; }
dumped() { rm -f /run/gluster/*.dump.*; g volume statedump v > /dev/null && wait_for 10 dumps_end; grep -ch 'ACTIVE\|BLOCKED' /run/gluster/*.dump.* | sort -u; }
is 'no lock is left' "$(dumped)" 0

note 'removal'
ok 'the tree goes' rm -r /m/tree /m/clone /m/dbench /m/storm /m/storm2
is 'nothing is left' "$(ls -A /m)" ""
for b in /d/b1 /d/b2; do
  is "no file is left on $b" "$(find $b -path $b/.glusterfs -prune -o -type f -print)" ""
  quiet_log $b
done
end
