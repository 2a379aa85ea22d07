# Several hosts in one lab, on a switch (a bridge of the lab) that can cut them off. The lab is a plain one: each host has
# its programs as Debian's packages have put them, and brickd comes by `brickd install`.
# Only there: elsewhere the same commands would change the machine's own network.
[ "${LAB:-}" = 1 ] && [ "$(hostname)" = gfhost ] || { fail 'is in a lab'; exit 1; }
# system[HOST]=TREE, set before the host is made: it has the system in that tree.
declare -A first=() number=() system=()
net=10.89.0

on() { local h=$1; shift; nsenter -t "${first[$h]:?no such host}" -m -n -p -i -u -- "$@"; }
neighbours() {
  local h
  for h in "${!number[@]}"; do
    [ "$h" = "$1" ] || on "$1" ip neigh replace $net.${number[$h]} lladdr 02:00:00:00:00:0${number[$h]} dev eth0 nud permanent
  done
}
# hosts NAME ...: makes them and joins them by the switch. No address is ever asked for on it, so that one cut off is silence
# for the others, not an unreachable host.
hosts() {
  local h n=0 pids=() begun=() why=''
  ip link add switch type bridge && ip link set switch up || { why='there is no bridge'; }
  for h in "$@"; do n=$((n + 1)); number[$h]=$n; echo "$net.$n $h" >> /etc/hosts; done
  for h in "$@"; do
    [ -z "$why" ] || break
    : > "/tmp/ready.$h"
    unshare -m -n -p -i -u --fork --kill-child --propagation private bash "$repo/test/lab/host" "$h" "/tmp/ready.$h" "${system[$h]:-/}" &
    pids+=($!)
  done
  for h in "$@"; do
    [ -z "$why" ] || break
    wait_for 20 test -s "/tmp/ready.$h"
    [ "$(cat "/tmp/ready.$h")" = ready ] || { why="host $h: $(cat "/tmp/ready.$h")"; break; }
    n=${number[$h]}
    first[$h]=$(pgrep -P "${pids[$((n - 1))]}")
    ip link add "to-$h" type veth peer name eth0 address "02:00:00:00:00:0$n" netns "${first[$h]}" &&
      ip link set "to-$h" master switch up && on "$h" ip addr add $net.$n/24 dev eth0 && on "$h" ip link set eth0 up ||
      why="no link to $h"
  done
  if [ -n "$why" ]; then skip 'several hosts' "$why"; return 1; fi
  for h in "$@"; do neighbours "$h"; done
}

# cut HOW HOST, join HOW HOST:
# down       the host's own interface is down
# unplugged  the host's interface loses its carrier
# silent     the switch drops what comes from it and what goes to it
# deaf       the switch drops what goes to it; what it says arrives
cut() {
  case $1 in
    down) on "$2" ip link set eth0 down ;;
    unplugged) ip link set "to-$2" down ;;
    silent) bridge link set dev "to-$2" state 0 ;;
    deaf) tc qdisc add dev "to-$2" root tbf rate 8bit burst 10 limit 10 ;;
  esac
}
join() {
  case $1 in
    down) on "$2" ip link set eth0 up; neighbours "$2" ;;
    unplugged) ip link set "to-$2" up ;;
    silent) bridge link set dev "to-$2" state 3 ;;
    deaf) tc qdisc del dev "to-$2" root ;;
  esac
}
reaches() { on "$1" timeout 1 bash -c "exec 3<> /dev/tcp/$2/24007"; }

peers_of() { on "$1" gluster --mode=script peer status | grep -c '(Connected)'; }
all_peers() { local h; for h in "$@"; do [ "$(peers_of "$h")" = $(($# - 1)) ] || return 1; done; }
# pool HOST ...: glusterd on each, and all know each other.
pool() {
  local h
  for h in "$@"; do on "$h" glusterd || return; done
  for h in "$@"; do wait_for 20 on "$h" gluster --mode=script volume list || return; done
  for h in "${@:2}"; do on "$1" gluster --mode=script peer probe "$h" >/dev/null || return; done
  wait_for 30 all_peers "$@"
}
gh() { local h=$1; shift; on "$h" gluster --mode=script "$@"; }
# Process of the brick of volume v on a host, as the host numbers it; all have it at /d/b.
brick_on() { on "$1" cat "/run/gluster/vols/v/$1-d-b.pid"; }
runs_brickd() { on "$1" grep -q -m1 brickd.node "/proc/$(brick_on "$1")/maps"; }
# restart HOST: its brick is killed and started again, by whatever program is installed there now.
restart() { on "$1" kill -9 "$(brick_on "$1")" && gh "$1" volume start v force >/dev/null; }

# entry-timeout=0: a rename by a name that the kernel still has from before a brick's return renames, on that brick, whatever had
# the name when it left. Replication takes that for a success, and no healing mends it. It is so with every brick program.
mount_on() { on "$1" mkdir -p /m && on "$1" mount -t glusterfs -o "entry-timeout=0,backup-volfile-servers=h2:h3${2:+,$2}" h1:/v /m && wait_for 20 on "$1" stat /m/.; }
bricks=3   # that the volume has
# connected HOST: its mount has all bricks.
connected() { [ "$(on "$1" bash -c 'cat /m/.meta/graphs/active/v-client-*/private' | grep -c '^connected *= *1')" = $bricks ]; }
healed() { gh "${1:-h1}" volume heal v >/dev/null; sleep 0.5; gh "${1:-h1}" volume heal v info | none_to_heal $bricks; }

node=$(command -v node)
# start HOST NAME COMMAND ...: in the background; stop HOST NAME ends it.
start() { on "$1" bash -c 'echo $$ > "/run/test-$0.pid"; exec "$@"' "${@:2}"; }
stop() { on "$1" bash -c 'kill -TERM "$(cat "/run/test-$0.pid")"' "$2"; }
# load HOST: writers there, until rest is called.
load() {
  start "$1" sync "$node" "$dist/work/sync-writer.js" /m/sync /d/journal 1 & loaded=($!)
  start "$1" tree "$node" "$dist/work/tree-writer.js" /m/tree /d/journal.tree & loaded+=($!)
  loader=$1
}
acknowledged() { cat "/d/$loader/journal" 2>/dev/null | wc -l; }
rest() {
  local i
  stop "$loader" sync; stop "$loader" tree
  for i in "${loaded[@]}"; do wait "$i"; is 'a worker ended by itself' $? 0; done
  is 'nothing failed' "$(cat "/d/$loader"/journal*errors 2>/dev/null | head -n 5)" ''
}
# complete WHEN: what was acknowledged is there, for a client that starts anew, and all bricks hold the same.
complete() {
  local h what
  ok 'all is healed' wait_for 120 healed
  on "$loader" umount /m
  mount_on "$loader"
  on "$loader" "$node" "$dist/work/sync-writer.js" --check /m/sync /d/journal "$1"
  ok 'the tree is as it was made' on "$loader" "$node" "$dist/work/tree-writer.js" --check /m/tree /d/journal.tree
  for h in h1 h2 h3; do
    is "nothing is pending on $h" "$(pending /d/$h/b)" ''
    [ $h = h1 ] || for what in names gfids data; do alike "$what of $h and h1" $what /d/h1/b /d/$h/b; done
  done
}
