. "$(dirname "$0")/lib.sh"
# What one brick process takes: time to start, memory, descriptors.
limit() {   # WHAT GOT MOST UNIT
  if [ "$BRICK" = stock ]; then skip "$1: $2 $4" "the limit of $3 is for brickd"; else ok "$1: $2 of $3 $4" test "$2" -le "$3"; fi
}
glusterd_log=/var/log/glusterfs/glusterd.log
# when PATTERN: milliseconds of the last log line of glusterd with it.
when() {
  local at
  at=$(grep -a "$1" $glusterd_log | tail -n 1 | sed -E 's/^\[([^]]*) \+0000\].*/\1/')
  date -u -d "${at:?no line with $1} UTC" +%s%3N
}
# Only its debug lines tell of a sign-in.
ok 'glusterd starts' glusterd --log-level=DEBUG
wait_for 20 gluster --mode=script volume list
ok 'volume starts' volume v /d/b1
ok 'online' wait_for 10 online v
starts=()
for i in 1 2 3 4 5; do
  g volume stop v >/dev/null; sleep 0.5
  g volume start v >/dev/null; wait_for 10 online v
  starts+=($(($(when pmap_add_port_to_list) - $(when 'starting a fresh brick process for brick /d/b1'))))
done
note "from start to sign-in: ${starts[*]} ms"
like 'were measured' "${starts[*]}" '^([0-9]{2,5} ?){5}$'
limit 'from start to sign-in, the middle one of five' "$(printf '%s\n' "${starts[@]}" | sort -n | sed -n 3p)" 700 ms

pid=$(brick_pid v /d/b1)
rss() { awk '/VmRSS/{print int($2 / 1024)}' /proc/$pid/status; }
fds() { ls /proc/$pid/fd | wc -l; }
sleep 5
limit 'resident memory, idle' "$(rss)" 90 MiB
limit 'descriptors, idle' "$(fds)" 60 descriptors
cpu() { awk '{sub(/.*\) /, ""); print ($12 + $13) * 10}' /proc/$pid/stat; }
before=$(cpu); sleep 4
limit 'CPU time, idle' $(($(cpu) - before)) 200 'ms in 4 s'

ok 'mounts' mount_volume v /m
limit 'resident memory, a client' "$(rss)" 95 MiB
for i in $(seq 2000); do echo $i > /m/f$i; done
ls -l /m > /dev/null
rm -f /m/f*
note "after 2000 small files: $(rss) MiB, $(fds) descriptors"
umount /m
sleep 3
limit 'descriptors without clients again' "$(fds)" 60 descriptors
for b in /d/b1; do quiet_log $b; done
end
