# The status page in Chromium and `brickd top`, with load on bricks. PICTURES=1 leaves pictures of both among the logs.
. "$(dirname "$0")/../lib.sh"
if [ "$BRICK" = stock ]; then skip 'status page' 'stock has none'; end; exit; fi
top() { "$repo/brickd/bin/brickd" top "$@"; }
pictures=''
[ -z "${PICTURES:-}" ] || { pictures=/var/log/glusterfs/pictures; mkdir -p $pictures; }

mkdir -p /etc/brickd /d/a /d/b
printf 'metrics: { listen: 127.0.0.1:9721-9730 }\n' > /etc/brickd/brickd.yaml
unset BRICKD_METRICS BRICKD_CONFIG
start_glusterd
g volume set all cluster.brick-multiplex on >/dev/null
g volume create projects gfhost:/d/a/one gfhost:/d/b/two >/dev/null
g volume create archive gfhost:/d/a/three >/dev/null
g volume set archive user.xlator.qos io-stats >/dev/null
g volume set archive user.xlator.qos.limit ops=200 >/dev/null
for v in projects archive; do g volume start $v >/dev/null; done
ok 'the process is ready' wait_for 20 curl -sf http://127.0.0.1:9721/healthz/ready
wait_for 10 online projects
for v in projects archive; do mount_volume $v /m/$v; done
ok 'both of its bricks take files' wait_for 15 touch /m/projects/{1,2,3,4,5,6,7,8}
is 'and alive' "$(curl -s http://127.0.0.1:9721/healthz/live)" alive

fio --rw=randrw --size=16m --numjobs=2 --time_based --runtime=300 --fallocate=none \
  --name=projects --directory=/m/projects --bs=16k --rate_iops=300,200 \
  --name=archive --directory=/m/archive --bs=4k --rate_iops=400,400 > /var/log/glusterfs/fio.log 2>&1 & load=$!
node "$dist/work/many-bricks-page.js" 250 > /d/port & many=$!
wait_for 5 test -s /d/port
wait_for 15 sh -c "test -e /m/archive/archive.*.0"

note 'in the browser'
node "$dist/work/drive-page.js" http://127.0.0.1:9721/ /d/b/two "http://127.0.0.1:$(cat /d/port)/" "$pictures"

note 'in the terminal'
text=$(top --once)
like 'bricks' "$text" '/d/[ab]/(one|two) +projects +up +[0-9.k]*[1-9]'
like 'tenants with their ceilings' "$text" 'archive +volume +[0-9]+ .* ops 200/s'
like 'workers' "$text" 'worker +[0-9]+ +[0-9]+ +[0-9]+ %'
text=$(TERM=xterm timeout 5 script -qec "stty cols 120 rows 30; $repo/brickd/bin/brickd top" /dev/null < /dev/null)
like 'a terminal is filled again and again' "$text" $'\e\[H.*\e\[H'
[ -z "$pictures" ] || { top --once > /d/top.txt; node "$dist/work/picture-of-text.js" 'brickd top' /d/top.txt $pictures/top.png; }
kill $load $many 2>/dev/null
wait $load
umount -l /m/projects /m/archive
quiet_log /d/a/one
end
