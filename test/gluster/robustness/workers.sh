. "$(dirname "$0")/../lib.sh"
# Bricks of one process, each with a client of its own; workers of the process fail under I/O.
bricks=${WORKERS_BRICKS:-6}
rounds=${WORKERS_ROUNDS:-5}
export BRICKD_TEST_FAULTS=/d/faults BRICKD_WORKERS=${WORKERS:-2}
mkdir -p /d/faults

ok 'glusterd starts' start_glusterd
ok 'multiplexing is on' g volume set all cluster.brick-multiplex on
pairs=()
for i in $(seq "$bricks"); do
  volume "v$i" "/d/b$i" || fail "volume v$i"
done
for i in $(seq "$bricks"); do
  ok "v$i is online" wait_for 20 online "v$i"
  mount_volume "v$i" "/m$i" || fail "mount of v$i"
  pairs+=("/d/b$i=/m$i")
done
is 'one process serves all bricks' "$(pgrep -x glusterfsd | wc -l)" 1
pid=$(pgrep -x glusterfsd | head -n 1)
note "$bricks bricks: $(awk '/^VmRSS/{print $2}' "/proc/$pid/status") KiB, $(ls "/proc/$pid/task" | wc -l) threads"
UV_THREADPOOL_SIZE=64 node "$dist/work/worker-faults.js" "$pid" /d/faults "$rounds" "${pairs[@]}"
is 'the process is the same' "$(pgrep -x glusterfsd)" "$pid"
for i in 1 "$bricks"; do
  echo "still $i" > "/m$i/after"
  is "v$i can be written" "$(cat "/m$i/after")" "still $i"
done
end
