# Every alert that an incident must raise, with the real Prometheus and the node exporter: it fires, names the brick, and clears when the
# trouble is over. Of the shipped rules only the times are cut short.
. "$(dirname "$0")/../lib.sh"
if [ "$BRICK" = stock ]; then skip 'alerts' 'stock has no metrics'; end; exit; fi
shipped=$repo/brickd/metrics/prometheus
node=http://127.0.0.1:9720
alerts() { curl -s http://127.0.0.1:9099/api/v1/alerts | jq -r '.data.alerts[] | select(.state == "firing" and .labels.alertname != "BrickSlow") | "\(.labels.alertname) \(.labels.brick_path // .labels.address // "")"' | sort -u; }
firing() { alerts | grep -qE "^$1 $2\$"; }
quiet() { [ -z "$(alerts)" ]; }
reason() { curl -s "$node/metrics?only=node" | grep -F 'gluster_brick_down_info{' | grep -F "brick_path=\"$1\"" | sed 's/.*reason="//; s/".*//'; }
reason_is() { [ "$(reason "$1")" = "$2" ]; }
up() { curl -s "$node/metrics?only=node" | grep -F 'gluster_brick_up{' | grep -F "brick_path=\"$1\"" | awk '{ print $NF }'; }
up_is() { [ "$(up "$1")" = "$2" ]; }
# fires WHAT ALERT BRICK; clears WHAT
fires() { ok "$1: $2 fires" wait_for 20 firing "$2" "$3" || why "firing: $(alerts)"; }
clears() { ok "$1: and clears" wait_for 20 quiet || why "still firing: $(alerts)"; }
pid_of() { brick_pid "$1" "$2"; }
thaw() { fsfreeze -u /d/frozen 2>/dev/null; }
trap thaw EXIT
(sleep 150; thaw) >/dev/null 2>&1 & guard=$!

note 'a node with bricks, the exporter and Prometheus'
mkdir -p /etc/brickd /d/prometheus /d/frozen
# A port each for the first two processes.
printf 'metrics:\n  listen: 127.0.0.1:9721-9722\n' > /etc/brickd/brickd.yaml
unset BRICKD_METRICS BRICKD_CONFIG
truncate -s 400M /d/frozen.img
mkfs.xfs -q /d/frozen.img && mount -o loop /d/frozen.img /d/frozen
start_glusterd
volume a /d/a
volume b /d/b
for f in "$shipped"/*.rules.yml; do
  sed -E 's/^( +)for: .*/\1for: 1s/; s/\[(5|10|15|30)m\]/[6s]/g' "$f" > "/d/prometheus/$(basename "$f")"
done
{ echo 'global: { scrape_interval: 1s, evaluation_interval: 1s }'; cat "$shipped/node.example.yml"; } > /d/prometheus/prometheus.yml
ok 'the example for Prometheus is good' promtool check config /d/prometheus/prometheus.yml
"$repo/brickd/bin/brickd" node > /var/log/glusterfs/node.log 2>&1 & exporter=$!
prometheus --config.file=/d/prometheus/prometheus.yml --storage.tsdb.path=/d/prometheus/data --web.listen-address=127.0.0.1:9099 \
  > /var/log/glusterfs/prometheus.log 2>&1 & prometheus=$!
ok 'both bricks are up' wait_for 20 up_is /d/a 1
ok 'by their own word' wait_for 10 up_is /d/b 1
is 'and go by the volfiles that glusterd has' "$(curl -s "$node/metrics?only=node" | grep -c '^brickd_node_volfile_applied{.*} 1$')" 2
is 'metrics of the node keep the conventions' "$(curl -s $node/metrics | promtool check metrics 2>&1)" ''
ok 'Prometheus scrapes the node' wait_for 20 curl -sf 'http://127.0.0.1:9099/api/v1/query?query=gluster_brick_up==1' -o /d/prometheus/answer
sleep 3
is 'nothing fires' "$(alerts)" ''

note 'kill -9'
kill -9 "$(pid_of a /d/a)"
fires 'kill -9' BrickDown /d/a
is 'kill -9: the reason is told' "$(reason /d/a)" dead
like 'kill -9: health says so' "$(curl -s $node/healthz)" '/d/a of a is down: dead'

note 'another brick takes the port of the dead one'
volume c /d/c
ok 'it is up' wait_for 10 up_is /d/c 1
like 'and has the port' "$(curl -s http://127.0.0.1:9721/metrics)" 'brick_path="/d/c"'
cp "/run/gluster/vols/c/gfhost-d-c.pid" "/run/gluster/vols/a/gfhost-d-a.pid"
sleep 3
ok 'the dead brick stays dead, by port and by pid file' firing BrickDown /d/a
rm -f /run/gluster/vols/a/gfhost-d-a.pid

note 'ports of metrics used up'
g volume start a force >/dev/null
ok 'the third process is up' wait_for 10 up_is /d/a 1
fires 'ports used up' BrickMetricsAddressMissing 127.0.0.1:9721-9722
g volume stop c >/dev/null
ok 'a stopped volume is not missed' wait_for 10 up_is /d/c ''
clears 'ports used up'

note 'an option that a running brick cannot take over'
g volume set a diagnostics.stats-dnscache-ttl-sec 100 >/dev/null
fires 'option' BrickOptionsUnapplied /d/a
like 'option: not ready' "$(curl -s "$node/process/$(pid_of a /d/a)/healthz/ready")" 'ios-dnscache-ttl-sec'
like 'option: the log names it and what to do' "$(grep -a dnscache "$(brick_log /d/a)" | grep -a ' E ')" "option 'ios-dnscache-ttl-sec 100'.*started anew"
g volume reset a diagnostics.stats-dnscache-ttl-sec >/dev/null
clears 'option'
g volume set a network.compression on >/dev/null
fires 'translator' BrickOptionsUnapplied /d/a
g volume reset a network.compression >/dev/null
clears 'translator'

note 'a brick that is refused'
kill -9 "$(pid_of b /d/b)"
mv /d/b/.glusterfs /d/b/.away
touch /d/b/.glusterfs
g volume start b force >/dev/null 2>&1
fires 'refused' BrickDown /d/b
ok 'refused: the reason is told' wait_for 10 reason_is /d/b refused
like 'refused: and why' "$(curl -s $node/node.json | jq -r '.bricks[] | select(.path == "/d/b") | .detail')" .
rm /d/b/.glusterfs
mv /d/b/.away /d/b/.glusterfs
g volume start b force >/dev/null
clears 'refused'
g volume stop b >/dev/null

note 'a disk that hangs on writes alone'
g volume create f gfhost:/d/frozen/f >/dev/null
g volume set f storage.health-check-interval 0 >/dev/null
g volume start f >/dev/null
mount_volume f /m/f attribute-timeout=0,entry-timeout=0
head -c 4096 /dev/zero > /m/f/read
fsfreeze -f /d/frozen
(while :; do stat /m/f/read; head -c 10 /m/f/read; sleep 0.1; done) >/dev/null 2>&1 & reader=$!
dd if=/dev/zero of=/m/f/new bs=4k count=1 conv=notrunc >/dev/null 2>&1 & writer=$!
fires 'hung writes' BrickDiskHung /d/frozen/f
ok 'hung writes: reads go on' timeout 5 stat /m/f/read
ok 'hung writes: the age of the oldest call is told' bash -c "curl -s $node/metrics | grep -E '^brickd_disk_oldest_call_seconds.*/d/frozen/f.*class=\"changes\"} ([2-9]|[1-9][0-9])'"
ok 'hung writes: and of the oldest fop' bash -c "curl -s $node/metrics | grep -E '^brickd_oldest_fop_seconds.*/d/frozen/f\"} ([2-9]|[1-9][0-9])'"
thaw
kill $reader $writer 2>/dev/null
clears 'hung writes'
umount -l /m/f

note 'a disk that fails'
g volume set f storage.health-check-interval 1 >/dev/null
xfs_io -x -c shutdown /d/frozen
fires 'disk failure' BrickDown /d/frozen/f
ok 'disk failure: the reason is told' wait_for 10 reason_is /d/frozen/f failed
kill "$(pid_of f /d/frozen/f)"
sleep 1
is 'disk failure: and still when the process has ended' "$(reason /d/frozen/f)" failed
umount /d/frozen && mount -o loop /d/frozen.img /d/frozen
g volume start f force >/dev/null
clears 'disk failure'

note 'records that cannot be read'
mv /var/lib/glusterd/vols/a/info /var/lib/glusterd/vols/a/info.away
fires 'records' NodeRecordsUnreadable ''
is 'records: no brick goes with them' "$(up /d/a)" 1
mv /var/lib/glusterd/vols/a/info.away /var/lib/glusterd/vols/a/info
clears 'records'

note 'the exporter itself'
kill $exporter
fires 'the exporter' BrickProcessUnreachable ''
kill $prometheus $guard 2>/dev/null
end
