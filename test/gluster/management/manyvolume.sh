# A volume of many multiplexed bricks through glusterd: one process, one port, all online, within its limits.
. "$(dirname "$0")/../lib.sh"
count=${MANY_VOLUME_BRICKS:-60}
if [ "$BRICK" = stock ] && [ "$count" -gt 60 ]; then skip 'many bricks' 'stock stops at 77 of them'; end; exit; fi
ok 'glusterd starts' start_glusterd
ok 'multiplexing is switched on' g volume set all cluster.brick-multiplex on
ok 'in one process' g volume set all cluster.max-bricks-per-process 0
bricks=()
for i in $(seq "$count"); do bricks+=("gfhost:/d/b/b$i"); done
mkdir -p /d/b
ok 'volume is made' g volume create many "${bricks[@]}"
ok 'volume starts' g --timeout=600 volume start many
fields() { g volume status many --xml | grep -o "<$1>[^<]*" | sort -u; }
online() { [ "$(g volume status many --xml | grep -c '<status>1</status>')" -ge "$count" ]; }
ok "all $count bricks are online" wait_for 60 online
note 'all online'
is 'there is one process' "$(pgrep -x glusterfsd | wc -l)" 1
is 'one pid in the status' "$(fields pid | wc -l)" 1
is 'one port' "$(fields port | wc -l)" 1
ok 'the volume mounts' mount_volume many /m
seq 100 | (cd /m && xargs touch)
is 'files on all bricks' "$(ls /m | wc -l)" 100
umount /m
[ "$BRICK" = stock ] && { end; exit; }
pid=$(pgrep -x glusterfsd)
# The workers tidy up after ten to twenty seconds of rest; how much the engine's heap keeps until then varies by some 15 MiB.
sleep 24
memory=$(awk '/^VmRSS/{print $2}' "/proc/$pid/status")
threads=$(ls "/proc/$pid/task" | wc -l)
descriptors=$(ls "/proc/$pid/fd" | wc -l)
limit=$((130 * 1024))
ok "resident memory of less than $((limit / 1024)) MiB ($((memory / 1024)))" test "$memory" -lt "$limit"
ok "no more than 40 threads ($threads)" test "$threads" -le 40
ok "less than eight descriptors a brick ($descriptors)" test "$descriptors" -lt $((60 + count * 8))
end
