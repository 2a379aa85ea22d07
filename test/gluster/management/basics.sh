. "$(dirname "$0")/../lib.sh"
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
ok 'online' wait_for 10 online v
status=$(g volume status v)
like 'status shows port and pid' "$status" 'Brick gfhost:/d/b1 +[0-9]+ +0 +Y +[0-9]+'
is 'pid is that of the pidfile' "$(awk '/b1/{print $NF}' <<<"$status")" "$(brick_pid v /d/b1)"
is 'process is called glusterfsd' "$(cat /proc/"$(brick_pid v /d/b1)"/comm)" glusterfsd
is 'runs the program under test' "$(tr '\0' '\n' < /proc/"$(brick_pid v /d/b1)"/maps 2>/dev/null | grep -c -m1 brickd.node)" "$([ "$BRICK" = stock ] && echo 0 || echo 1)"
ok 'mounts' mount_volume v /m

mkdir -p /m/ops /d/local/ops
bash "$repo/test/gluster/fileops.sh" /d/local/ops > /d/local.out
bash "$repo/test/gluster/fileops.sh" /m/ops > /d/mount.out
is 'file operations give what a local directory gives' "$(diff -a /d/local.out /d/mount.out)" ""

note 'options while writing'
connections() { grep -ac 'accepted client from' "$(brick_log /d/b1)" "$(brick_log /d/b2)"; }
before=$(connections)
( i=0; while [ ! -e /d/stop ]; do i=$((i+1)); echo $i > /m/w.$((i % 10)) || echo "write $i failed"; [ ! -e /m/none.$i ] || echo "there is a file none.$i"; sleep 0.02; done ) > /d/writer.out 2>&1 &
writer=$!
for o in 'storage.reserve 2' 'diagnostics.brick-log-level DEBUG' 'server.outstanding-rpc-limit 32' 'diagnostics.brick-log-level INFO'; do
  ok "volume set $o" g volume set v $o
  stat "/m/missing after ${o% *}" 2>/dev/null   # worth a debug line
done
sleep 1
touch /d/stop; wait $writer
is 'writer met no error' "$(cat /d/writer.out)" ""
is 'no client came again' "$(connections)" "$before"
like 'debug lines while the level was DEBUG' "$(grep -ac '^\[[^]]*\] D ' "$(brick_log /d/b1)")" '^[1-9]'

note 'what volume status asks bricks'
for what in clients mem inode fd callpool detail; do
  out=$(g volume status v $what 2>&1)
  case $what in
    clients) want='10.88.0.1:[0-9]+ +[0-9]+ +[0-9]+';;
    mem) want='Arena +: [0-9]+|Mallinfo';;
    inode) want='gfid|GFID|Lru|LRU|Active|inode';;
    fd) want='FD tables|Connection|FD-table|fd';;
    callpool) want='Pending calls';;
    detail) want='File System +: xfs';;
  esac
  like "status $what" "$out" "$want"
done

note 'statedump'
rm -f /run/gluster/*.dump.*
ok 'volume statedump' g volume statedump v
pid=$(brick_pid v /d/b1)
ok 'file appears' wait_for 5 bash -c "ls /run/gluster/d-b1.$pid.dump.*"
wait_for 5 grep -q DUMP-END-TIME /run/gluster/d-b1.$pid.dump.*
dump=$(cat /run/gluster/d-b1.$pid.dump.* 2>/dev/null)
like 'begins with its time' "$dump" 'DUMP-START-TIME: [0-9]{4}-'
like 'has sections' "$dump" $'\n\[global'
like 'ends with its time' "$dump" 'DUMP-END-TIME: [0-9]{4}-'

note 'death and return'
echo kept > /m/kept
kill -9 "$pid"; kill -9 "$(brick_pid v /d/b2)"
ok 'status shows it offline' wait_for 10 bash -c 'gluster volume status v | grep -q "/d/b1 .* N "'
ok 'start force' g volume start v force
ok 'online again' wait_for 10 online v
like 'with another pid' "$(brick_pid v /d/b1) not $pid" "^[0-9]+ not [0-9]+$"
ok 'the mount goes on' wait_for 20 bash -c '[ "$(cat /m/kept)" = kept ]'
ok 'and writes' wait_for 20 bash -c 'echo again > /m/again'

note 'stop'
pids="$(brick_pid v /d/b1) $(brick_pid v /d/b2)"
umount /m
ok 'volume stop' g volume stop v
ok 'ends the processes' wait_for 10 bash -c "! kill -0 ${pids% *} && ! kill -0 ${pids#* }"
ok 'port is free again' wait_for 5 bash -c '! ss -Hltn | grep -q ":491[5-9][0-9]"'
ok 'starts again' g volume start v
ok 'online' wait_for 10 online v
ok 'mounts again' mount_volume v /m
is 'what was written is there' "$(cat /m/kept /m/again)" $'kept\nagain'
umount /m
for b in /d/b1 /d/b2; do quiet_log $b 'File name too long|key:user.b.*No data available'; done
end
