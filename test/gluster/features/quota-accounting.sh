. "$(dirname "$0")/../lib.sh"
# What quota has on record of a volume: through a storm of changes, a kill, and moves between stock and brickd.
# accounted WHAT BRICK...: within some seconds the record of each brick is what is there.
accounted() {
  local what=$1 b
  shift
  for b in "$@"; do ok "$what, $b" bash -c "for i in {1..40}; do $figures wrong $b > /run/wrong && exit 0; sleep 0.2; done; head -n 12 /run/wrong; exit 1"; done
}
figures="python3 $repo/test/gluster/work/quota-figures.py"
storm() { python3 "$repo/test/gluster/work/quota-storm.py" "$@"; }
bricks='/d/b1 /d/b2'

ok 'glusterd starts' start_glusterd
ok 'a volume of two bricks starts' volume v $bricks
ok 'mounts' mount_volume v /m || { end; exit; }
storm /m/before 1 3
ok 'quota is enabled' g volume quota v enable
accounted 'what was there before is counted' $bricks
storm /m/a 2 4 & storm /m/b/c 3 4 & wait
accounted 'after a storm, before anybody looks anything up' $bricks
ok 'quota remains on record at a clean stop' g volume stop v
for b in $bricks; do ok "right when stopped, $b" $figures wrong $b; done

if [ -n "${BRICK:-}" ] && [ "$BRICK" != stock ]; then
  umount /m
  lab-brick stock
  ok 'stock takes over' g volume start v
  ok 'mounts' mount_volume v /m
  storm /m/b/c/stock 4 2
  ls -lR /m > /dev/null
  sleep 2
  g volume stop v > /dev/null
  umount /m
  lab-brick "$BRICK"
  ok 'and gives back' g volume start v
  ok 'mounts' mount_volume v /m
  ls -lR /m > /dev/null
  accounted 'after work under stock' $bricks
fi

storm /m/d 5 6 &
sleep 2
kill -9 "$(brick_pid v /d/b1)"
sleep 1
ok 'start force after a kill' g volume start v force
wait
accounted 'after a kill' $bricks
ok 'quota is disabled' g volume quota v disable
ok 'its xattrs go' wait_for 60 bash -c '! getfattr -Rd -m trusted.glusterfs.quota --absolute-names /d/b1 /d/b2 2>/dev/null | grep -q contri'
umount /m
# What stock has to say of its own time is left out.
for b in $bricks; do quiet_log $b '\[server\.c:'; done
end
