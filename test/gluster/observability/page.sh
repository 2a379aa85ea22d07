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
g volume create home gfhost:/d/b/home >/dev/null
for o in performance.{write-behind,quick-read,io-cache,read-ahead,stat-prefetch,open-behind}; do g volume set home $o off >/dev/null; done
g volume create archive gfhost:/d/a/three >/dev/null
g volume set archive user.xlator.qos io-stats >/dev/null
g volume set archive user.xlator.qos.limit ops=200 >/dev/null
for v in projects archive home; do g volume start $v >/dev/null; done
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

# A client that hammers a file, and one that waits for the lock of another.
for m in /m/home /m/home2; do mount_volume home $m direct-io-mode=enable,attribute-timeout=0,entry-timeout=0; done
for f in hammered locked; do head -c 65536 /dev/zero > /m/home/$f; done
python3 -c 'import os
fd = os.open("/m/home2/hammered", os.O_RDWR)
while not os.path.exists("/d/end"): os.pread(fd, 4096, 0)' & hammer=$!
flock /m/home/locked sleep 300 & holder=$!
sleep 0.3
flock /m/home2/locked true & waiter=$!

note 'in the browser'
port_of() { for port in 9721 9722 9723; do curl -s "http://127.0.0.1:$port/metrics" | grep -q "brick_path=\"$1\"" && echo $port; done; }
wait_for 10 sh -c "$(declare -f port_of); port_of /d/b/home | grep -q ."
node "$dist/work/drive-page.js" http://127.0.0.1:9721/ /d/b/two "http://127.0.0.1:$(cat /d/port)/" "$pictures" "http://127.0.0.1:$(port_of /d/b/home)/" /d/b/home

note 'in the terminal'
text=$(top --once)
like 'bricks' "$text" '/d/[ab]/(one|two) +projects +up +[0-9.k]*[1-9]'
like 'tenants with their ceilings' "$text" 'archive +volume +[0-9]+ .* ops 200/s'
like 'workers' "$text" 'worker +[0-9]+ +[0-9]+ +[0-9]+ %'
like 'the slow fop and its cause' "$text" 'LK +/locked +[0-9].* for a lock held'
text=$(TERM=xterm timeout 5 script -qec "stty cols 120 rows 30; $repo/brickd/bin/brickd top" /dev/null < /dev/null)
like 'a terminal is filled again and again' "$text" $'\e\[H.*\e\[H'
[ -z "$pictures" ] || { top --once > /d/top.txt; node "$dist/work/picture-of-text.js" 'brickd top' /d/top.txt $pictures/top.png; }
touch /d/end
kill $load $many $holder $waiter 2>/dev/null
wait $load $hammer
umount -l /m/projects /m/archive /m/home /m/home2
quiet_log /d/a/one
end
