#!/bin/bash
# Three hosts with a brick each, a client on a fourth: links are cut and come back under load. Then a client's host vanishes
# while it holds locks. Without BRICK=stock every host has brickd installed, but for those named in HOSTS_STOCK.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../agree.sh"
. "$(dirname "$0")/../net.sh"
ping_s=3 cut_s=${HOSTS_CUT_S:-5}
# What the servers find a vanished client out by, in seconds; with HOSTS_PATIENT they are left at their defaults.
keepalive_time=2 user_timeout=4

hosts h1 h2 h3 c1 c2 || { end; exit; }
for h in h1 h2 h3; do
  [ "$BRICK" = stock ] || [[ " ${HOSTS_STOCK:-} " = *" $h "* ]] || ok "brickd is installed on $h" on $h "$BRICK" install --all
done
ok 'three hosts make a pool' pool h1 h2 h3
gh h1 volume create v replica 3 h{1,2,3}:/d/b force >/dev/null
gh h1 volume set v cluster.heal-timeout 5 >/dev/null
gh h1 volume set v network.ping-timeout $ping_s >/dev/null
if [ -n "${HOSTS_PATIENT:-}" ]; then keepalive_time=20 user_timeout=42; else
  gh h1 volume set v server.keepalive-time $keepalive_time >/dev/null
  gh h1 volume set v server.keepalive-interval 1 >/dev/null
  gh h1 volume set v server.keepalive-count 3 >/dev/null
  gh h1 volume set v server.tcp-user-timeout $user_timeout >/dev/null
fi
ok 'the volume starts' gh h1 volume start v
for c in c1 c2; do ok "$c mounts" mount_on $c; ok "$c has all bricks" wait_for 30 connected $c; done
for h in h1 h2 h3; do
  if [ "$BRICK" = stock ] || [[ " ${HOSTS_STOCK:-} " = *" $h "* ]]; then no "the brick of $h is stock" runs_brickd $h; else ok "the brick of $h is brickd" runs_brickd $h; fi
done
note 'set up'

# cut_off HOW HOST: under load the host is cut off, and comes back.
cut_off() {
  local how=$1 host=$2 before seen=h1
  [ "$host" = h1 ] && seen=h2
  cut "$how" "$host"
  sleep "$((ping_s + 1))"
  before=$(acknowledged)
  no "$host is out of reach, $how" reaches c1 "$net.${number[$host]}"
  sleep "$((cut_s - ping_s - 1))"
  ok 'the client works on meanwhile' wait_for 5 passed "$before"
  join "$how" "$host"
  ok "$host comes back" wait_for 30 connected c1 || return
  ok "and is healed while the client works" wait_for 120 healed $seen || { why "$(gh $seen volume heal v info | head -n 30)"; return 1; }
  note "$host was $how"
}

passed() { [ "$(acknowledged)" -gt "$1" ]; }

load c1
ok 'the load begins' wait_for 10 passed 5
until=$((SECONDS + ${HOSTS_S:-0})) hits=0 ways=(down silent deaf unplugged)
while :; do
  # Another way for each host in each round.
  cut_off "${ways[$(((hits + hits / 3) % 4))]}" "h$((hits % 3 + 1))" || break
  hits=$((hits + 1))
  [ $hits -lt 3 ] || [ $SECONDS -lt $until ] || break
done
rest
note "$hits links were cut"
complete 'after the cuts'

# A client's host vanishes without a word: with a lock, waiting for another, and amid writing.
holds() { : > "/tmp/$2.$1"; start "$1" "lock-$2" python3 "$repo/test/gluster/work/hold-lock.py" "/m/$2" >> "/tmp/$2.$1" & }
holding() { test -s "/tmp/$2.$1"; }
connections() { on "$1" ss -Htn state established "( dst $net.${number[c2]} and not sport = :24007 )" | wc -l; }
gone() { [ "$(connections h1)$(connections h2)$(connections h3)" = 000 ]; }
holds c2 one; holds c1 two
ok 'a client holds a lock' wait_for 10 holding c2 one
ok 'another holds another' wait_for 10 holding c1 two
holds c2 two
start c2 writer bash -c 'while :; do for i in {1..200}; do echo $i; done >> /m/shared || sleep 0.1; done' 2>/dev/null &
ok 'the first writes' wait_for 10 on c1 test -s /m/shared
cut silent c2
cut_at=${EPOCHREALTIME/./}
holds c1 one
on c1 bash -c 'echo mine >> /m/shared' & appender=$!
sleep 1
no 'its lock is not given away at once' holding c1 one
limit=$((user_timeout + 8))
ok 'but later' wait_for $((limit + 5)) holding c1 one
took=$(((${EPOCHREALTIME/./} - cut_at) / 100000))
note "$((took / 10)).$((took % 10)) s; keepalive-time is $keepalive_time, tcp-user-timeout $user_timeout"
if [ $took -le $((limit * 10)) ]; then pass 'in time'; else fail 'in time'; why "after ${took} tenths of a second, want $limit s"; fi
wait $appender
is 'a write to its file comes through' $? 0
is 'which is there' "$(on c1 grep -c mine /m/shared)" 1
ok 'the bricks have dropped its connections' wait_for 3 gone
stop c1 lock-two
holds c1 two
ok 'what it waited for is free for others' wait_for 3 holding c1 two
no 'and not given to it' holding c2 two
join silent c2
# Its kernel tries a connection again after 1, 2, 4 s and so on: as long as the cut lasted once more.
ok 'the client comes back' wait_for $((limit + 30)) connected c2
stop c2 writer; stop c2 lock-one
holds c2 one
sleep 1
no 'its lock is another one now' holding c2 one
stop c1 lock-one
ok 'who gives it back' wait_for 5 holding c2 one
note 'locks'
end
