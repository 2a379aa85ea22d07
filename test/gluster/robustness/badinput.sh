. "$(dirname "$0")/../lib.sh"
ok 'glusterd starts' start_glusterd
ok 'volume starts' volume v /d/b1
ok 'online' wait_for 10 online v
ok 'mounts' mount_volume v /m
pid=$(brick_pid v /d/b1)
log=$(brick_log /d/b1)
port=$(g volume status v | awk '/b1/{print $3}')
# A client that works on all the while, in one connection.
( i=0; while [ ! -e /d/stop ]; do i=$((i+1)); echo $i > /m/w.$((i % 10)) && cat /m/w.* >/dev/null || echo "write $i failed"; sleep 0.02; done ) > /d/writer.out 2>&1 &
writer=$!
sleep 0.5

note 'peers'
timeout 100 node "$dist/work/bad-peer.js" "$port" /d/b1 "$(sed -n 's/^username=//p' /var/lib/glusterd/vols/v/info)"
is 'the process is the same' "$(brick_pid v /d/b1)" "$pid"
like 'the log tells of unknown bricks' "$(grep -a '/d/unknown' "$log")" unknown
if [ "$BRICK" != stock ]; then
  lines=$(grep -aE '^\[[^]]*\] [EW] .*(limit|Authentication)' "$log")
  like 'the log tells who sent a record too long' "$lines" '127\.0\.0\.1:[0-9]+.*(record|fragment)'
  like 'and of a wrong password' "$lines" 'Authentication failed'
  ok "memory stays bounded ($(awk '/VmHWM/{print $2}' /proc/$pid/status) KiB at most)" test "$(awk '/VmHWM/{print $2}' /proc/$pid/status)" -lt 400000
fi

note 'a second process on the same brick'
read -ra argv < <(tr '\0' ' ' < /proc/$pid/cmdline)
# Node.js and its options come first, where the brick is brickd.
while [ ${#argv[@]} -gt 0 ] && [ "${argv[0]}" != -s ]; do argv=("${argv[@]:1}"); done
brick_process() {   # ARG ...: starts a brick program as glusterd does, and gives its exit status
  timeout 20 /usr/sbin/glusterfsd "$@"
}
out=$(brick_process "${argv[@]}" 2>&1)
like 'it ends with an error' "$?" '^([1-9]|[1-9][0-9]|1[0-13-9][0-9]|2..)$'
note "$(head -n 3 <<<"$out")"
is 'the pidfile is as it was' "$(brick_pid v /d/b1)" "$pid"
is 'the process is the same' "$(pgrep -x glusterfsd)" "$pid"
ok 'online' online v
ok 'glusterd still reaches it' bash -c 'gluster volume status v clients | grep -q "Clients connected"'

note 'a volfile that turns bad while the brick runs'
if [ "$BRICK" = stock ]; then skip 'it serves on' 'stock crashes now and then'; else
  volfile=$(ls /var/lib/glusterd/vols/v/v.gfhost.d-b1.vol)
  cp "$volfile" /d/good.vol
  sed -i '5,10s/^ *option/    opshun/' "$volfile"
  kill -HUP "$pid"; sleep 1; echo >> "$volfile"; kill -HUP "$pid"; sleep 1
  cp /d/good.vol "$volfile"
  kill -HUP "$pid"; sleep 0.5
  ok 'it serves on' kill -0 "$pid"
  like 'and logs what is wrong' "$(grep -aE '^\[[^]]*\] [EW] ' "$log" | tail -n 5)" 'opshun|line [0-9]+'
fi

touch /d/stop; wait $writer
is 'the client met no error' "$(cat /d/writer.out)" ""
is 'in one connection' "$(grep -ac 'accepted client from .*PC_NAME:v-client-0-RECON_NO:-[1-9]' "$log")" 0
umount /m
g volume stop v >/dev/null

note 'bricks that must not start'
started() { wait_for 2 pgrep -x glusterfsd && sleep 1 && pgrep -x glusterfsd; }
setfattr -x trusted.glusterfs.volume-id /d/b1
: > "$log"
no 'volume start refuses a root without volume-id' g volume start v
out=$(brick_process "${argv[@]}" 2>&1; sleep 1)
is 'nor does the brick start by itself' "$(pgrep -x glusterfsd)" ""
like 'and says why' "$out$(cat "$log")" 'volume-id'
like 'and where' "$out$(cat "$log")" '/d/b1'
ls -A /d/b1 | grep -q w.1 && pass 'the data are there'
setfattr -n trusted.glusterfs.volume-id -v 0x00112233445566778899aabbccddeeff /d/b1
: > "$log"
out=$(brick_process "${argv[@]}" 2>&1; sleep 1)
is 'nor with the volume-id of another volume' "$(pgrep -x glusterfsd)" ""
like 'and says so' "$out$(cat "$log")" 'volume-id'
mv /d/b1 /d/away; : > "$log"
out=$(brick_process "${argv[@]}" 2>&1; sleep 1)
is 'nor without its directory' "$(pgrep -x glusterfsd)" ""
like 'and says which' "$out$(cat "$log")" '/d/b1'
mv /d/away /d/b1

for bad in 'volume a\n  type storage/posix\n  option directory /d/b1\n' 'volume a\n  type no/such\nend-volume\n' \
  'volume a\n  type features/locks\n  subvolumes b\nend-volume\n' 'vilume a\nend-volume\n' ''; do
  printf "$bad" > /d/bad.vol
  : > /d/bad.log
  out=$(brick_process -f /d/bad.vol -l /d/bad.log --brick-name /d/b1 --process-name brick -p /run/bad.pid 2>&1)
  code=$?
  sleep 0.3
  what=$(tr '\n' ' ' <<<"$(printf "$bad")")
  is "volfile '$what': no process" "$(pgrep -x glusterfsd)" ""
  like "a message ($code): $(grep -aoE ' [EC] .*' /d/bad.log | head -n 1 | cut -c1-150)" "$out$(cat /d/bad.log)" ' [EC] |error|expected|bad\.vol'
  [ "$BRICK" = stock ] || [ -z "$bad" ] || like 'which names file and line' "$out$(cat /d/bad.log)" 'bad\.vol.*[0-9]|line [0-9]'
done
end
