. "$(dirname "$0")/../lib.sh"
brickd=$repo/brickd/bin/brickd
# Client translators that would answer, merge or repeat fops by themselves.
plain='performance.io-cache off performance.read-ahead off performance.quick-read off performance.write-behind off performance.stat-prefetch off performance.open-behind off'
q() { g volume set "$1" "user.xlator.qos.$2" "$3" >/dev/null; }
# fio_on VOLUME SECONDS ARG...: what fio tells, as JSON.
fio_on() {
  local volume=$1 seconds=$2
  shift 2
  timeout 60 fio --name=f --ioengine=gfapi_async --volume="$volume" --brick=gfhost --filename=f.data --size=32M --randrepeat=0 \
    --output-format=json --time_based --runtime="$seconds" "$@" 2>/dev/null | sed -n '/^{/,$p'
}
iops() { jq '.jobs | map(.read.iops + .write.iops) | add | floor'; }
# within WHAT GOT WANT PERCENT
within() { if [ $((($2 - $3) * 100)) -le $(($3 * $4)) ] && [ $((($3 - $2) * 100)) -le $(($3 * $4)) ]; then pass "$1: $2"; else fail "$1: $2, not $3"; fi; }
# of_volume VOLUME FILTER: a number of the tenant that is the volume itself.
of_volume() { "$brickd" qos show --json "$1" | jq "[.[].qos.tenants[] | select(.tenant == \"volume\")$2] | add"; }
queued() { [ "$(of_volume v .queued)" "$@" ]; }
has_qos() { "$brickd" qos show v; }
log_has() { grep -aqE "$1" "$(brick_log /d/v)"; }

ok 'glusterd starts' start_glusterd
g volume set all cluster.brick-multiplex on >/dev/null
for v in v w; do
  g volume create $v gfhost:/d/$v >/dev/null
  g volume set $v $plain >/dev/null
  g volume start $v >/dev/null || fail "$v starts"
done
pid=$(pgrep glusterfsd)
ok 'a volume mounts' mount_volume v /m
exec 5>/m/open
for v in v w; do fio --name=f --ioengine=gfapi --volume=$v --brick=gfhost --filename=f.data --size=32M --rw=write --bs=1M >/dev/null 2>&1 || fail "fio writes to $v"; done

note 'the translator comes into a running brick'
no 'no tenants before' has_qos
g volume set v user.xlator.qos io-stats >/dev/null
ok 'tenants' wait_for 5 has_qos
is 'the process goes on' "$(pgrep glusterfsd)" "$pid"
echo open >&5; is 'and the mount, with its open file' "$(cat /m/open)" open
no 'the log tells of nothing refused' log_has 'continues with the previous one'

note 'ceilings'
# growth FIELD: of the tenant that is the volume itself, a second.
growth() {
  local a b from to
  a=$(of_volume v ".$1") from=$(date +%s%3N); sleep 2
  b=$(of_volume v ".$1") to=$(date +%s%3N)
  echo $(((b - a) * 1000 / (to - from)))
}
R='--rw=randread --bs=16k --iodepth=32'
q v limit ops=500; sleep 0.5
within 'a client counts 500/s' "$(fio_on v 3 $R | iops)" 500 8
q v limit ops=2000
fio --name=f --ioengine=gfapi_async --volume=v --brick=gfhost --filename=f.data --size=32M --time_based --runtime=60 $R --numjobs=2 >/dev/null 2>&1 & client=$!; disown
busy() { [ "$(of_volume v .delayed)" -gt 3000 ]; }
ok 'two more are at work' wait_for 15 busy
within 'together they get 2000/s' "$(growth fops)" 2000 8
q v limit ops=800; sleep 1.5
within 'changed live to 800/s' "$(growth fops)" 800 8
q v limit read-bytes=10MB; sleep 1.5
within 'and to 10 MB/s' "$(growth bytes)" 10485760 8
q v limit none; sleep 1
ok 'and to nothing' [ "$(growth fops)" -gt 2500 ]
{ kill -9 $client; pkill -9 -x fio; } 2>/dev/null

note 'what can not be used'
q v limit ops=700; q v limit ops=many; q v colour red
ok 'is told of in the log' wait_for 5 log_has "option 'limit': value 'ops=many' has \"many\""
shown=$("$brickd" qos show v)
like 'and shown' "$shown" "bad option limit: value 'ops=many'.*in effect: the value before: ops=700"
like 'with the other one' "$shown" 'bad option colour'
like 'the last good value holds' "$shown" 'ops 700/s'
checked=$("$brickd" check /var/lib/glusterd/vols/v/v.gfhost.d-v.vol)
like 'check tells of it beforehand' "$checked" "warning: .*'v-qos': option 'limit': value 'ops=many'"
like 'and says that the volume can be served' "$checked" 'can be served, with the warnings above'

note 'who is who'
q v match-lab client=10.88.0.0/16; q v match-root uid=0,dir=home; q v order root,lab; q v limit-lab ops=9000
explained() { "$brickd" qos explain v "$@"; }
ok 'rules arrive' wait_for 5 bash -c "'$brickd' qos explain v --client 10.88.0.1 --uid 7 | grep -q 'tenant lab'"
like 'by address' "$(explained --client 10.88.0.1 --path /home/x --uid 7)" 'tenant lab, by the rule match-lab.*ops 9000/s'
like 'by directory' "$(explained --client 10.88.0.1 --path /home/x)" 'tenant root'
like 'by pid' "$(explained --client 10.88.0.1 --pid -6)" 'tenant self-heal, by the pid -6'
like 'none' "$(explained --client 10.99.0.1)" 'tenant volume, by no rule'
mkdir /m/home; echo x > /m/home/x; cat /m/home/x >/dev/null
ok 'fops find their tenants' [ "$("$brickd" qos show --json v | jq '[.[].qos.tenants[] | select(.tenant == "root").fops] | add')" -gt 0 ]
q v match-lab none; q v match-root none

note 'clients that go while they wait'
exec 5>&-; umount /m
q v max-delay none
before=$(of_volume v .fops)
for i in 1 2 3 4; do fio --name=f --ioengine=gfapi_async --volume=v --brick=gfhost --filename=f.data --size=32M --rw=randread --bs=4k --iodepth=48 --time_based --runtime=60 >/dev/null 2>&1 & clients[i]=$!; disown; done
# A client that comes under such a limit would take a minute to open its file.
at_work() { [ "$(of_volume v .fops)" -gt $((before + 1000)) ]; }
ok 'they are at work' wait_for 15 at_work
q v limit ops=1
ok 'hundreds wait' wait_for 20 queued -gt 150
alone=$(fio_on w 1 --rw=randread --bs=4k --iodepth=1 --rate_iops=200 | iops)
within 'another volume has what it wants' "$alone" 200 10
{ kill -9 "${clients[@]}"; pkill -9 -x fio; wait "${clients[@]}"; } 2>/dev/null
ok 'nothing waits for them' wait_for 10 queued -eq 0
ok 'they are told as dropped' [ "$(of_volume v .dropped)" -gt 150 ]
is 'none is under way' "$("$brickd" qos show --json v | jq '.[].qos.inFlight')" 0
is 'for glusterd neither' "$(g volume status v callpool | grep -o 'Pending calls: [0-9]*' | sort -u)" 'Pending calls: 0'
q v limit none

note 'restart, and the end of it'
g volume stop v >/dev/null
ok 'a brick starts with it' g volume start v
ok 'and has its tenants' wait_for 10 has_qos
ok 'mounts' mount_volume v /m
g volume reset v >/dev/null
gone() { ! has_qos; }
ok 'a reset takes it out' wait_for 5 gone
echo still > /m/still; is 'the mount goes on' "$(cat /m/still)" still
is 'the process too' "$(pgrep glusterfsd)" "$pid"
end
