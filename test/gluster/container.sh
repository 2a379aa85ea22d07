. "$(dirname "$0")/lib.sh"
# Brick processes in containers: as PID 1, with a read-only root, the capabilities of docs/containers.md and no others, three of them in
# 256 MiB; called by the command line that kadalu uses, with a brick volfile of the same translators and no glusterd. What an engine does
# is done with unshare, mount, setpriv and a control group. PACKAGES: folder of the package. With LEAST=1 it tells
# instead what of I/O each of the capabilities is for, by leaving it out.
caps=sys_admin,chown,dac_override,fowner,fsetid,mknod,setfcap
memory=$((256 << 20))

# A stack of translators, from the disk up: `translator TYPE [OPTION VALUE ...]` adds one on top.
translator() {
  local type=$1 name=v-${1#*/}
  [ "$type" = debug/io-stats ] && name=$brick
  shift
  printf 'volume %s\n    type %s\n' "$name" "$type"
  [ $# -eq 0 ] || printf '    option %s %s\n' "$@"
  [ -z "$top" ] || printf '    subvolumes %s\n' "$top"
  printf 'end-volume\n\n'
  top=$name
}
brick_volfile() {
  local brick=$1 top=''
  translator storage/posix directory "$brick" volume-id "$2"
  translator features/changelog changelog-brick "$brick" changelog-dir "$brick/.glusterfs/changelogs"
  translator features/bitrot-stub bitrot off export "$brick"
  translator features/access-control super-uid 0
  translator features/locks
  translator features/simple-quota pass-through false
  translator features/upcall cache-invalidation off cache-invalidation-timeout 60
  translator performance/io-threads
  translator features/barrier barrier disable barrier-timeout 120
  translator features/index xattrop64-watchlist trusted.ec.dirty xattrop-dirty-watchlist trusted.afr.dirty \
    xattrop-pending-watchlist trusted.afr.v index-base "$brick/.glusterfs/indices"
  translator debug/io-stats unique-id /no/such/path
  translator protocol/server transport-type tcp "auth.addr.$brick.allow" '*'
}
client_volfile() {
  printf 'volume c\n    type protocol/client\n    option remote-host 127.0.0.1\n    option remote-port %s\n    option remote-subvolume %s\n    option transport-type tcp\nend-volume\n' "$1" "$2"
}

# A control group of either version that bounds memory, in the one that the test runs in.
make_group() {
  local own
  mkdir -p /tmp/group
  if own=$(grep -oP '^\d+:memory:\K.*' /proc/self/cgroup) && mount -t cgroup -o memory none /tmp/group 2>/dev/null; then
    group=/tmp/group$own/brickd-test.$$
    mkdir "$group" && echo $memory > "$group/memory.limit_in_bytes"
  elif mount -t cgroup2 none /tmp/group 2>/dev/null; then
    group=/tmp/group$(grep -oP '^0::\K.*' /proc/self/cgroup)/brickd-test.$$
    mkdir "$group" && echo $memory > "$group/memory.max"
  else
    return 1
  fi
}
killed_for_memory() { cat "$group/memory.events" "$group/memory.oom_control" 2>/dev/null | awk '$1 == "oom_kill" { print $2 }'; }

# contained NUMBER: the brick process of that number in a container, until it ends.
contained() {
  local n=$1
  [ -z "${group:-}" ] || echo $BASHPID > "$group/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --mount-proc bash -c '
    n=$1 caps=$2
    mount -t tmpfs run /run && mkdir -p /run/gluster /run/volfiles && cp /volfiles/* /run/volfiles
    for place in /tmp /var/log/glusterfs /var/lib/glusterd /dev/shm; do mount -t tmpfs -o ro none $place; done
    mount -o remount,bind,ro / || exit 90
    ! touch /written 2>/dev/null || exit 91
    exec setpriv --bounding-set=-all,+${caps//,/,+} --inh-caps=-all /opt/sbin/glusterfsd -N --volfile-id v.host.d-b$n \
      -p /var/run/gluster/glusterfsd-d-b$n.pid -S /var/run/gluster/brick.socket --brick-name /d/b$n -l - \
      --xlator-option "*-posix.glusterd-uuid=$(cat /proc/sys/kernel/random/uuid)" --process-name brick \
      --brick-port $((24010 + n)) --xlator-option v-server.listen-port=$((24010 + n)) -f /run/volfiles/$n.vol
  ' container "$n" "$caps"
}
# PID 1 of a container, seen from here.
pid_in() { pgrep -f -- "glusterfsd -N --volfile-id v.host.d-b$1 " | while read -r p; do [ "$(awk '/^NSpid/ { print $NF }' "/proc/$p/status")" = 1 ] && echo "$p"; done | head -n 1; }
log_of() { echo "/var/log/glusterfs/container$1.log"; }
start() {
  local id
  mkdir -p "/d/b$1/.glusterfs"
  id=$(cat /proc/sys/kernel/random/uuid)
  setfattr -n trusted.glusterfs.volume-id -v "0x${id//-/}" "/d/b$1"
  brick_volfile "/d/b$1" "$id" > "/volfiles/$1.vol"
  contained "$1" > "$(log_of "$1")" 2>&1 &
  container[$1]=$!
}
serves() { [ -n "$(pid_in "$1")" ] && ss -Hltn "sport = :$((24010 + $1))" | grep -q .; }
mount_brick() {
  mkdir -p "/m$1"
  client_volfile $((24010 + $1)) "/d/b$1" > "/volfiles/client$1.vol"
  glusterfs --acl --capability -f "/volfiles/client$1.vol" --log-file="/var/log/glusterfs/client$1.log" "/m$1" && wait_for 20 mountpoint -q "/m$1" && wait_for 20 stat "/m$1/."
}
# Everything that needs a right, through a client: what it says is what came of each.
io() {
  local m=$1 as='setpriv --reuid=1234 --regid=1234 --clear-groups'
  try() { local what=$1; shift; if out=$("$@" 2>&1); then echo "$what: ok $out"; else echo "$what: failed ${out##*: }"; fi; }
  try 'make a directory of all' install -d -m 1777 "$m/all"
  try 'make a directory of a user' install -d -m 700 -o 1234 -g 1234 "$m/all/own"
  try 'create as a user' $as sh -c "echo x > $m/all/own/file"
  try 'whose it is' stat -c '%u %g %a' "$m/all/own/file"
  try 'root changes it' sh -c "echo y >> $m/all/own/file"
  try 'no mode at all' chmod 0 "$m/all/own/file"
  try 'root reads it' cat "$m/all/own/file"
  try 'the user does not' $as cat "$m/all/own/file"
  try 'the user gives it a mode' $as chmod 640 "$m/all/own/file"
  try 'root gives it away' chown 4321:4321 "$m/all/own/file"
  try 'the user has lost it' $as sh -c "echo z >> $m/all/own/file"
  try 'set-group-id' sh -c "chmod 2755 $m/all/own/file; stat -c %a $m/all/own/file"
  try 'a write takes it' sh -c "echo w >> $m/all/own/file; stat -c %a $m/all/own/file"
  try 'a directory with set-group-id' sh -c "mkdir $m/all/group; chgrp 77 $m/all/group; chmod 2777 $m/all/group; stat -c '%g %a' $m/all/group"
  try 'in it' $as sh -c "mkdir $m/all/group/sub; echo > $m/all/group/f; stat -c '%g %a' $m/all/group/sub $m/all/group/f"
  try 'a device' mknod "$m/all/device" c 1 3
  try 'a pipe and a socket' sh -c "mknod $m/all/pipe p; stat -c %F $m/all/pipe"
  try 'a link' ln "$m/all/own/file" "$m/all/link"
  try 'a rename' mv "$m/all/link" "$m/all/own/renamed"
  try 'sticky' $as sh -c "rm -f $m/all/device 2>/dev/null"
  try 'an xattr' setfattr -n user.a -v b "$m/all/own/file"
  try 'a trusted xattr' setfattr -n trusted.a -v b "$m/all/own/file"
  try 'a capability' setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$m/all/own/file"
  try 'times of others' touch -d @1000000000 "$m/all/own/file"
  try 'an ACL' setfacl -m u:1234:rw "$m/all/own/file"
  try 'removal' rm -r "$m/all/own" "$m/all/group"
  try 'what is left' ls "$m/all"
}

declare -A container
mkdir -p /volfiles
export DEBIAN_FRONTEND=noninteractive
ok 'the package is installed' apt-get -y -q install "$PACKAGES"/brickd_*.deb
# As the Containerfile has it.
mkdir -p /opt/sbin && ln -s /usr/bin/brickd /opt/sbin/glusterfsd
if make_group; then trap 'umount -l /m1 /m2 /m3 2>/dev/null; kill "${container[@]}" 2>/dev/null; sleep 1; rmdir "$group"' EXIT; else group='' ; skip 'memory is bounded' 'there is no control group to be had'; fi
if [ -n "${LEAST:-}" ]; then
  mkdir /d/here && io /d/here > /tmp/want
  all=$caps,dac_read_search,setuid,setgid,sys_resource
  for without in none ${all//,/ }; do
    caps=$(tr , '\n' <<<"$all" | grep -vx "$without" | paste -sd,)
    start 1
    if wait_for 30 serves 1 && mount_brick 1; then io /m1 | diff /tmp/want - | sed -n "s/^> /# without $without: /p"; else note "without $without it does not serve: $(tail -n 3 "$(log_of 1)")"; fi
    umount -l /m1 2>/dev/null; kill -9 "$(pid_in 1)" 2>/dev/null; wait "${container[1]}"; rm -rf /d/b1
  done
  end; exit
fi
for n in 1 2 3; do start $n; done
for n in 1 2 3; do ok "container $n serves" wait_for 60 serves $n || why "$(tail -n 20 "$(log_of $n)")"; done
is 'each with the capabilities that it was given' "$(awk '/^CapBnd/ { print $2 }' "/proc/$(pid_in 1)/status")" "$(awk '/^CapEff/ { print $2 }' "/proc/$(pid_in 1)/status")"
for n in 1 2 3; do ok "its brick is mounted" mount_brick $n || why "$(tail -n 20 "/var/log/glusterfs/client$n.log")"; done
mkdir /d/here && is 'I/O does what it does on a file system' "$(io /m1)" "$(io /d/here)"
for n in 1 2 3; do head -c 100M /dev/urandom > /m$n/data & done
wait $(jobs -p | grep -vxF "$(printf '%s\n' "${container[@]}")")
for n in 1 2 3; do is "container $n has what was written" "$(sha256sum < /m$n/data)" "$(sha256sum < /d/b$n/data)"; done
if [ -n "$group" ]; then
  is 'none was killed for memory' "$(killed_for_memory)" 0
  note "resident: $(for n in 1 2 3; do awk '/^VmRSS/ { print $2 }' "/proc/$(pid_in $n)/status"; done | xargs) KiB"
fi
umount /m1 /m2 /m3
for n in 1 2 3; do
  kill -TERM "$(pid_in $n)"
  wait "${container[$n]}"
  is "container $n ends with" $? 0
  is 'without errors in its log' "$(grep -aE '^\[[^]]*\] [AMCE] ' "$(log_of $n)")" ''
done
end
