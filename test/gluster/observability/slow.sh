. "$(dirname "$0")/../lib.sh"
# Fops slowed by a lock, by QoS, by a barrier, by a frozen disk and by a client that takes no replies: what brickd says of each.
brickd=$repo/brickd/bin/brickd
export BRICKD_CONFIG=/d/brickd.yaml BRICKD_METRICS=127.0.0.1:9781
printf 'slow_fops:\n  threshold: 0.8\n' > /d/brickd.yaml
# slow FILTER: of each slow fop that the filter of jq takes, "FOP PATH STATE PLACE DETAIL SECONDS", the place that took most of its time.
slow() {
  "$brickd" slow --json v | jq -r "[.[].slow[] | select($1)] | unique_by(.number)[] | \"\(.fop) \(.path) \(if .underWay then \"now\" else \"done\" end) \(.waits[0].place) \(.waits[0].detail) \(.waits[0].ms / 100 | floor | . / 10)\""
}
# shows FILTER: there are such; they are left in /d/shown.
shows() { slow "$1" > /d/shown; test -s /d/shown; }
metric() { curl -s --max-time 5 http://127.0.0.1:9781/metrics | awk "/^brickd_slow_fops_total\{.*cause=\"$1\"/ { print \$NF }"; }
says() { grep -aqE "$1" "$(brick_log /d/x/b)"; }
thaw() { fsfreeze -u /d/x 2>/dev/null; }
trap thaw EXIT
(sleep 250; thaw) >/dev/null 2>&1 & guard=$!

mkdir -p /d/x
truncate -s 600M /d/x.img
ok 'an XFS' bash -c 'mkfs.xfs -q /d/x.img && mount -o loop /d/x.img /d/x'
ok 'the configuration is good' "$brickd" config
ok 'glusterd starts' start_glusterd
g volume create v gfhost:/d/x/b >/dev/null
for o in performance.{write-behind,quick-read,io-cache,read-ahead,stat-prefetch,open-behind}; do g volume set v $o off >/dev/null; done
g volume start v >/dev/null || fail 'v starts'
ok 'mounts' mount_volume v /m1 direct-io-mode=enable
ok 'and again' mount_volume v /m2 direct-io-mode=enable
mkdir /m1/dir
for f in locked limited held frozen; do head -c 100000 /dev/urandom > /m1/dir/$f; done
is 'nothing is slow' "$(slow true)" ''

note 'a lock'
flock /m1/dir/locked sleep 8 & holder=$!
sleep 0.5
flock /m2/dir/locked true & waiter=$!
ok 'the request is told of while it waits' wait_for 7 shows '.fop == "LK" and .underWay'
like 'with its place' "$(cat /d/shown)" '^LK /dir/locked now lock client .*'
wait $waiter $holder
like 'and afterwards, with the holder' "$(slow '.fop == "LK"')" '^LK /dir/locked done lock client .* \([0-9.]+:[0-9]+\), pid [0-9]+, owner [0-9a-f-]+ [0-9.]+$'
ok 'the log says so' says 'slow fop: LK /dir/locked by client .*under way for .* for a lock held by client'
is 'the metric counts it' "$(metric lock)" 1

note 'QoS'
g volume set v user.xlator.qos io-stats >/dev/null
g volume set v user.xlator.qos.limit bytes=50KB >/dev/null
ok 'qos is on' wait_for 5 "$brickd" qos show v
dd if=/dev/zero of=/m1/dir/limited bs=64k count=3 conv=notrunc 2>/dev/null
like 'a write waits for its tenant' "$(slow '.fop == "WRITE" and .path == "/dir/limited"' | tail -n 1)" '^WRITE /dir/limited done qos volume [1-9]\.?[0-9]*$'
ok 'the metric counts it' test "$(metric qos)" -ge 1
g volume set v user.xlator.qos.limit bytes=10GB >/dev/null
sleep 1

note 'a barrier'
g volume barrier v enable >/dev/null
(mkdir /m1/dir/new; rmdir /m1/dir/new; rm /m1/dir/held) & held=$!
sleep 2.2
g volume barrier v disable >/dev/null
wait $held
like 'an unlink or rmdir is held' "$(slow '.waits[0].place == "barrier"' | head -n 1)" '^(RMDIR|UNLINK|RENAME) /dir/(new|held) done barrier  [1-9]\.?[0-9]*$'

note 'a frozen disk'
fsfreeze -f /d/x
dd if=/dev/zero of=/m1/dir/frozen bs=4k count=1 conv=notrunc 2>/dev/null & write=$!
ok 'the write is told of while it hangs' wait_for 15 shows '.fop == "WRITE" and .underWay and .waits[0].place == "disk"'
like 'with the system call' "$(cat /d/shown)" '^WRITE /dir/frozen now disk pwrite [0-9.]+$'
sleep 1
fsfreeze -u /d/x
wait $write
like 'and afterwards' "$(slow '.path == "/dir/frozen"' | tail -n 1)" '^WRITE /dir/frozen done disk pwrite [1-9][0-9.]*$'
ok 'the log says so' says 'slow fop: WRITE /dir/frozen of 4096 bytes at 0 by client .* took .* in pwrite'

note 'the command for people'
"$brickd" slow > /d/told
like 'it names file and cause' "$(grep -A4 '/dir/frozen' /d/told | head -n 5)" 'WRITE /dir/frozen, 4096 bytes at 0.*client .*in pwrite'
kill $guard 2>/dev/null
umount -l /m1 /m2
end
