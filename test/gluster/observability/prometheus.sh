# The real Prometheus finds two brick processes by the file that they keep, scrapes them, and answers what dashboards and rules ask.
. "$(dirname "$0")/../lib.sh"
if [ "$BRICK" = stock ]; then skip 'metrics' 'stock has none'; end; exit; fi
shipped=$repo/brickd/metrics
ask() { node "$dist/work/ask-prometheus.js" "$@"; }
targets=/run/brickd/prometheus.json
entries() { jq length "$targets" 2>/dev/null; }
entries_are() { [ "$(entries)" = "$1" ]; }
held() { ! flock -n /m/a/lock true; }
value_is() { [ "$(ask value "$1")" = "$2" ]; }

note 'brick processes'
mkdir -p /etc/brickd /d/prometheus /d/a /d/b /m/a /m/b
cat > /etc/brickd/brickd.yaml <<'YAML'
metrics:
  listen: [127.0.0.1:9721-9730, "unix:/run/brickd-{pid}.sock"]
  cluster_id: lab
  labels: { rack: r1 }
YAML
unset BRICKD_METRICS BRICKD_CONFIG
start_glusterd
for v in a b; do
  g volume create $v gfhost:/d/$v/brick >/dev/null
  g volume set $v storage.health-check-interval 2 >/dev/null
  g volume start $v >/dev/null
done
g volume set a user.xlator.qos io-stats >/dev/null
g volume set a user.xlator.qos.limit ops=100,bytes=100MB >/dev/null
g volume set a user.xlator.qos.limit-total nonsense >/dev/null
ok 'both have an entry in the file of targets' wait_for 15 entries_are 2
is 'with a port each of the range' "$(jq -r '[.[].targets[0]] | sort | join(" ")' $targets)" '127.0.0.1:9721 127.0.0.1:9722'
is 'and the labels of the configuration file' "$(jq -r '.[].labels.rack' $targets | sort -u)" r1
mount_volume a /m/a
mount_volume b /m/b
mount_volume a /m/a2

# Work of several kinds, failures and locks among it, for as long as the scenario lasts.
load() {
  local i=0
  while :; do
    i=$((i + 1))
    for m in /m/a /m/b; do
      head -c 65536 /dev/urandom > $m/f$((i % 5)); cat $m/f* ; stat $m/none; mkdir -p $m/d; ls -l $m
    done
    sleep 0.1
  done >/dev/null 2>&1
}
load & loader=$!
touch /m/a/lock
flock /m/a/lock sleep 300 & locker=$!
wait_for 5 held
flock /m/a2/lock true & waiter=$!

note 'promtool'
ok 'rules are good' promtool check rules "$shipped"/prometheus/recording.rules.yml "$shipped"/prometheus/alerting.rules.yml
ok 'and fire when they should' promtool test rules "$repo/test/gluster/work/alerts.yml"
for port in 9721 9722; do
  curl -s "http://127.0.0.1:$port/metrics" > /d/prometheus/metrics.$port
  is "metrics of port $port keep the conventions" "$(promtool check metrics < /d/prometheus/metrics.$port 2>&1)" ''
done
socket=/run/brickd-$(brick_pid a /d/a/brick).sock
like 'the unix socket answers too' "$(curl -s --unix-socket "$socket" http://brickd/healthz)" '^ok: 1 bricks'

note 'Prometheus'
openssl req -newkey rsa:2048 -nodes -subj /CN=gfhost -addext subjectAltName=IP:127.0.0.1 -x509 -days 2 \
  -keyout /etc/brickd/node.key -out /etc/brickd/node.crt 2>/dev/null
{
  echo 'global: { scrape_interval: 1s, evaluation_interval: 1s }'
  cat "$shipped/prometheus/scrape.example.yml"
  # For processes that ask for it.
  echo '    basic_auth: { username: prometheus, password: secret }'
  echo '    tls_config: { ca_file: /etc/brickd/node.crt }'
} > /d/prometheus/prometheus.yml
cp "$shipped"/prometheus/*.rules.yml /d/prometheus
ok 'its configuration is good' promtool check config /d/prometheus/prometheus.yml
prometheus --config.file=/d/prometheus/prometheus.yml --storage.tsdb.path=/d/prometheus/data --web.listen-address=127.0.0.1:9099 \
  > /var/log/glusterfs/prometheus.log 2>&1 & server=$!
ok 'it scrapes both processes' wait_for 20 value_is 'sum(up{job="brickd"})' 2
ok 'both have been there for a while' wait_for 20 value_is 'min(count_over_time(up{job="brickd"}[10s])) >= bool 9' 1
ask dashboard "$shipped/dashboards/brickd.json"
ask rules

note 'what it knows'
is 'both bricks are up' "$(ask value 'sum(gluster_brick_up{cluster_id="lab",hostname="gfhost",peer_id!=""})')" 2
is 'sub-volumes are told' "$(ask value 'count(gluster_brick_capacity_bytes_total{volume="a",subvolume="a-distribute-0",host="gfhost"})')" 1
is 'and their size' "$(ask value 'sum(gluster_subvol_capacity_total_bytes{subvolume=~"[ab]-distribute-0"} == bool on (volume) gluster_brick_capacity_bytes_total)')" 2
is 'the size of the disk' "$(ask value 'gluster_brick_capacity_bytes_total{volume="a"}')" "$(($(stat -f -c '%b * %S' /d/a)))"
is 'glusterd has taken the sign-ins' "$(ask value 'sum(brickd_brick_signed_in)')" 2
is 'look-ups of nothing failed' "$(ask value 'count(brickd_fop_failures_total{fop="LOOKUP",errno="ENOENT"} > 0)')" 2
is 'the lock is held' "$(ask value 'brickd_locks_held{volume="a"}')" 1
is 'and waited for' "$(ask value 'brickd_locks_waiting{volume="a"}')" 1
is 'health checks end well' "$(ask value 'count(brickd_health_checks_total > 0) - sum(brickd_health_check_failures_total)')" 2
is 'ceilings of tenants are told' "$(ask value 'brickd_qos_limit_per_second{tenant="volume",ceiling="ops"}')" 100
is 'and options without effect' "$(ask value 'brickd_qos_bad_option{volume="a",option="limit-total"}')" 1
is 'every fop that is over has its latency' \
  "$(ask value 'sum(brickd_fops_total{volume="a"}) - sum(brickd_fop_duration_seconds_count{volume="a"}) - sum(brickd_fops_in_progress{volume="a"})')" 0
is 'clients and the others are all' \
  "$(ask value 'sum(brickd_client_fops_total{volume="a"}) - sum(brickd_fops_total{volume="a"})')" 0

note 'processes that end'
kill -9 "$(brick_pid b /d/b/brick)"
ok 'one that was killed is missed' wait_for 10 value_is 'sum(up{job="brickd"})' 1
is 'its entry is still there' "$(entries)" 2
hash=$(cd "$repo" && node --input-type=module -e 'import { hashSync } from "bcryptjs"; console.log(hashSync("secret", 10))')
printf 'tls_server_config: { cert_file: node.crt, key_file: node.key }\nbasic_auth_users: { prometheus: "%s" }\n' "$hash" > /etc/brickd/web.yaml
echo '  web_config_file: web.yaml' >> /etc/brickd/brickd.yaml
ok 'the configuration with TLS and users is good' "$repo/brickd/bin/brickd" config
g volume start b force >/dev/null
ok 'its successor is found' wait_for 15 value_is 'sum(up{job="brickd"})' 2
is 'and has taken the place of the entry' "$(entries)" 2
is 'which asks for TLS and a password' "$(curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1:$(jq -r '.[] | select(.labels.__scheme__ == "https") | .targets[0]' $targets | cut -d: -f2)/metrics)" 401
umount /m/b
g volume stop b force >/dev/null
ok 'one that is stopped takes its entry along' wait_for 10 entries_are 1
ok 'and is no target any more' wait_for 10 value_is 'count(up{job="brickd"})' 1
kill $loader $locker $waiter $server 2>/dev/null
umount -l /m/a /m/a2
g volume stop a force >/dev/null

# SCRAPE_BRICKS: how many; 250 meet the limits on a quiet machine.
note 'many bricks'
MANY_PROGRAM=$repo/dist/brickd/main.js node "$dist/../bench/many/scrape.js" "${SCRAPE_BRICKS:-60}" /d/many || fail "many bricks are scraped"
end
