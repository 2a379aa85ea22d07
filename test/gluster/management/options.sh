#!/bin/bash
# Every volume option that reaches a brick's volfile, on a running volume and across a restart of its brick: options.table has them, with
# what their probes (options-probes.sh) see before, live, and after the restart. Stock's brick gives the same.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/options-probes.sh"

V=v B=/d/b M=/m LOG=$(brick_log /d/b)
QUIET=$(printf 'performance.%s off ' write-behind quick-read stat-prefetch io-cache open-behind read-ahead readdir-ahead)
mark() { MARK=$(stat -c %s "$LOG" 2>/dev/null || echo 0); }
news() { tail -c +$((MARK + 1)) "$LOG" 2>/dev/null; }
taken() { news | grep -qE 'reconf|ios_sample_buf_size_configure|volfile applied|not applied|No change in volfile|graph init failed'; }
pid() { brick_pid $V $B 2>/dev/null; }
port() { tr '\0' '\n' < "/proc/$(pid)/cmdline" 2>/dev/null | sed -n 's/.*listen-port=//p'; }
up() { kill -0 "$(pid)" 2>/dev/null && ss -ltn | grep -q ":$(port) "; }
mounts() { umount -l $M 2>/dev/null; mount_volume $V $M attribute-timeout=0,entry-timeout=0,negative-timeout=0; }
works() { new; T sh -c "echo hello > $M/io$F && grep -q hello $M/io$F"; }
# see PROBE: what it sees, in one word
see() { local w; w=$("p_$1" | xargs | tr ' ' _); echo "${w:--}"; }
# set_ KEY VALUE ...: taken by glusterd and by the brick that runs
set_() {
  local was out; was=$(pid)
  mark
  out=$(g volume set $V "$@" 2>&1) || { echo "glusterd: $out"; return 1; }
  wait_for 6 taken
  [ "$(pid)" = "$was" ] && kill -0 "$was" 2>/dev/null || { echo 'the brick has ended'; return 1; }
  out=$(news | grep -m1 'not applied\|not in effect') && { echo "$out"; return 1; }
  [ -n "${NO_IO:-}" ] || works || { echo 'no file can be written'; return 1; }
}

# batch LINE ...: options that can be set together
batch() {
  local line key value probe before live restart rest=() plain=() seen
  g volume reset $V force >/dev/null; g volume set $V $QUIET >/dev/null; g volume start $V >/dev/null; wait_for 20 up; mounts
  for line; do
    read -r key value probe rest <<<"$line"
    [ "$probe" = none ] && plain+=("$key" "$value")
  done
  [ ${#plain[@]} = 0 ] || ok "${plain[*]}" set_ "${plain[@]}"
  for line; do
    read -r key value probe before live restart <<<"$line"
    [ "$probe" = none ] && continue
    seen=$(see "$probe")
    NO_IO=; [ "$live" = Read-only ] && NO_IO=1
    ok "$key $value" set_ "$key" "$value" || { g volume reset $V "$key" force >/dev/null; continue; }
    is "$key $value: live" "$seen>$(see "$probe")" "$before>$live"
  done
  g volume stop $V force >/dev/null; g volume start $V >/dev/null
  ok 'the brick starts' wait_for 20 up
  mounts
  for line; do
    read -r key value probe before live restart <<<"$line"
    [ "$probe" = none ] || is "$key $value: after a restart" "$(see "$probe")" "$restart"
  done
  umount -l $M; g volume stop $V force >/dev/null
}

# Geo-replication's programs and the hooks take most of the time of glusterd, and have no part in this.
[ -n "${LAB:-}" ] && rm -rf /usr/lib/*/glusterfs/gsyncd /usr/lib/*/glusterfs/*/gsyncd /var/lib/glusterd/hooks/1
start_glusterd || fail 'glusterd starts'
mkdir -p /run/cl /run/sd
g volume create $V gfhost:$B >/dev/null
lines=()
while read -r line; do
  case $line in '#'*|'') ;; --) [ ${#lines[@]} = 0 ] || batch "${lines[@]}" </dev/null; lines=();; *) lines+=("$line");; esac
done < "$(dirname "$0")/options.table" || fail 'options.table is there'
[ ${#lines[@]} = 0 ] || fail 'the last batch of options.table has its end'
end
