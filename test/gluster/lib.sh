# What the scenarios share. A scenario is a bash script that runs in the lab and prints one line per check:
# "ok WHAT" or "not ok WHAT", "# ..." for remarks ("#| ..." on the check before), and "# end" as the last of all, so that one that stopped early shows.
set -u
repo=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
dist=$repo/dist/test/gluster
logs=/var/log/glusterfs/bricks

pass() { echo "ok $*"; }
fail() { echo "not ok $*"; }
skip() { echo "ok $1 # SKIP $2"; }
note() { sed "s|^|# |" <<<"$*, after $SECONDS s"; }
why() { sed 's/^/#| /' <<<"$*"; }   # details of the failure just told
ends() { awk 'NR <= 10 { print; next } { last[NR % 10] = $0 } END { for (i = NR - 9; i <= NR; i++) if (i > 10) print last[i % 10] }'; }
end() { echo "# end"; }

# ok WHAT COMMAND [ARG ...]: the command succeeds; what it says shows if not.
ok() {
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then pass "$what"; else fail "$what"; why "$* failed: $(ends <<<"$out")"; return 1; fi
}
# no WHAT COMMAND [ARG ...]: the command fails.
no() {
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then fail "$what"; why "$* succeeded: $(ends <<<"$out")"; return 1; else pass "$what"; fi
}
# is WHAT GOT WANT
is() {
  if [ "$2" = "$3" ]; then pass "$1"; else
    fail "$1"; why "got:  $(head -c 2000 <<<"$2")"; why "want: $(head -c 2000 <<<"$3")"; return 1
  fi
}
# like WHAT GOT ERE
like() { if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1"; why "got: $(head -c 2000 <<<"$2")"; why "want a match of: $3"; return 1; fi; }
# wait_for SECONDS COMMAND [ARG ...]: until the command succeeds.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.1
  done
}

# A glusterd that answers.
start_glusterd() { glusterd && wait_for 20 gluster --mode=script volume list; }
g() { gluster --mode=script "$@"; }
# volume NAME BRICK ...: made and started.
volume() {
  local name=$1 b bricks=()
  shift
  for b in "$@"; do bricks+=("gfhost:$b"); done
  g volume create "$name" "${bricks[@]}" >/dev/null && g volume start "$name" >/dev/null
}
# online VOLUME: every brick of it has a port and a pid.
online() { g volume status "$1" --xml | tr -d '\n ' | grep -q '<status>1</status>' && ! g volume status "$1" --xml | tr -d '\n ' | grep -q '<status>0</status>'; }
mount_volume() { mkdir -p "$2" && mount -t glusterfs ${3:+-o "$3"} "gfhost:/$1" "$2" && wait_for 20 stat "$2/."; }
remount() { umount "$2" && mount_volume "$1" "$2" "${3:-}"; }
# sees MOUNT SUBVOLUME: the client is connected to that brick.
sees() { [ "$(awk '/^connected/ { print $3 }' "$1/.meta/graphs/active/$2/private")" = 1 ]; }
misses() { ! sees "$@"; }
# brick_pid VOLUME BRICK
brick_pid() { cat "/run/gluster/vols/$1/gfhost$(tr / - <<<"$2").pid"; }
brick_log() { echo "$logs/$(sed 's,^/,,; s,/,-,g' <<<"$1").log"; }
drop_caches() { sync; echo 3 > /proc/sys/vm/drop_caches; }
# sums DIRECTORY: type, mode, owner, link target and checksum of all that is in it.
sums() {
  (cd "$1" && find . -path ./.glusterfs -prune -o \( -type f -printf '%y %m %U:%G %s %p\0' -o -type l -printf '%y %l %p\0' -o -printf '%y %m %U:%G %p\0' \) |
    sort -z | tr '\0' '\n'
    find . -path ./.glusterfs -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum)
}
# same_trees WHAT A B
same_trees() {
  local d
  if d=$(diff <(sums "$2") <(sums "$3")); then pass "$1"; else fail "$1"; why "$(head -n 20 <<<"$d")"; return 1; fi
}
# quiet_log BRICK [ERE]: no line of the severities A, C, E or M in the brick's log, but for those that match.
quiet_log() {
  local lines
  lines=$(grep -aE '^\[[^]]*\] [AMCE] ' "$(brick_log "$1")" | { [ -n "${2:-}" ] && grep -avE "$2" || cat; })
  is "log of $1 has no errors" "$lines" ""
}
