. "$(dirname "$0")/../lib.sh"
# KILLS: how often the brick dies.
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
# A rename whose link file was cut off with its brick succeeds all the same: the client has to look for that name on every brick.
ok 'names are looked for everywhere' g volume set v cluster.lookup-optimize off
# A client waits for a brick as long as it takes, which now and then is half a minute; what it could not do, the writer tries again.
ok 'mounts' mount_volume v /m || { end; exit; }
node "$dist/work/sync-writer.js" /m/load /d/acknowledged 3 &
writer=$!
ok 'writers write' wait_for 20 test -s /d/acknowledged
for i in $(seq "${KILLS:-3}"); do
  sleep 1.5
  brick=/d/b$((i % 2 + 1))
  kill -9 "$(brick_pid v $brick)"
  before=$(wc -l < /d/acknowledged)
  sleep 0.5
  ok "start force after kill $i" g volume start v force
  ok 'online' wait_for 15 online v
  ok 'the mount goes on' wait_for 60 bash -c "[ \$(wc -l < /d/acknowledged) -gt $((before + 100)) ]" || why "$(tail -n 5 /d/acknowledged.errors)"
done
kill -TERM $writer
wait $writer
is 'the writers ended by themselves' $? 0
note "$(wc -l < /d/acknowledged) records acknowledged, $(cat /d/acknowledged.errors 2>/dev/null | wc -l) failed while a brick was away"
# A client comes back to a brick every three seconds at most; until then that brick's files are missing for it.
all_there() { ! node "$dist/work/sync-writer.js" --check /m/load /d/acknowledged 'now' | grep -q '^not ok'; }
wait_for 40 all_there
node "$dist/work/sync-writer.js" --check /m/load /d/acknowledged 'through the same mount'
umount /m
drop_caches
ok 'mounts again' mount_volume v /m
node "$dist/work/sync-writer.js" --check /m/load /d/acknowledged 'after mounting again'
umount /m
for b in /d/b1 /d/b2; do
  ok "$b keeps the contract on disk" node "$dist/ondisk/main.js" check $b
  quiet_log $b
done
end
