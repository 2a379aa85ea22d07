. "$(dirname "$0")/../lib.sh"
"$BRICK" serve --data /d/data --bricks 3 > /d/said 2>&1 &
pid=$!
ok 'says when it is ready' wait_for 10 grep -q 'Ctrl-C' /d/said
like 'tells how to mount' "$(cat /d/said)" 'glusterfs --volfile=/d/data/client.vol'
mkdir /m
ok 'mounts' glusterfs --volfile=/d/data/client.vol /m
ok 'answers' wait_for 10 stat /m/.
mkdir -p /m/ops /d/local/ops
bash "$repo/test/gluster/fileops.sh" /d/local/ops > /d/local.out
bash "$repo/test/gluster/fileops.sh" /m/ops > /d/mount.out
is 'file operations give what a local directory gives' "$(diff -a /d/local.out /d/mount.out)" ""
cp -a "$repo/volfiles" /m/
same_trees 'a tree is the same' "$repo/volfiles" /m/volfiles
is 'spread over three bricks' "$(ls -d /d/data/brick*/volfiles | wc -l)" 3

page() { node -e 'fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()))' "http://127.0.0.1:24101$1"; }
metrics=$(page /metrics)
like 'metrics' "$metrics" '^200 '
is 'metrics tell of three bricks' "$(grep -o 'brick_path="/d/data/brick[123]"' <<<"$metrics" | sort -u | wc -l)" 3
like 'status page' "$(page /)" '^200 .*<title>brickd</title>'
like 'which shows them live' "$(curl -s --max-time 3 http://127.0.0.1:24101/live)" '/d/data/brick3'
like 'health' "$(page /healthz)" '^200 '
no 'nothing else' grep -q '^200' <<<"$(page /etc/passwd)"

sum=$(sums /m)
kill -INT $pid
wait $pid
is 'ends by Ctrl-C' $? 0
umount /m
"$BRICK" serve --data /d/data --bricks 3 > /d/said 2>&1 &
pid=$!
ok 'starts again' wait_for 10 grep -q 'Ctrl-C' /d/said
ok 'mounts again' glusterfs --volfile=/d/data/client.vol /m
ok 'answers' wait_for 10 stat /m/.
is 'all is there' "$(sums /m)" "$sum"
out=$("$BRICK" serve --data /d/other --port 24100 2>&1)
like 'a port in use is told' "$out" 'port 24100 is in use'
# The volfile has no translator that sends times.
for i in 1 2 3; do ok "brick $i keeps the contract on disk" node "$dist/ondisk/main.js" check --no-ctime /d/data/brick$i; done
umount /m
kill -TERM $pid
wait $pid
is 'ends by TERM' $? 0
end
