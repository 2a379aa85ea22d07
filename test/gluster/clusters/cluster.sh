#!/bin/bash
# Bricks of a cluster fail in turn, one at a time, while two clients work; all they were told is done must be there, on every brick.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../agree.sh"
chaos_s=${CHAOS_S:-25} ping_s=3
declare -a bricks

# program_of INDEX: switches to what brick INDEX runs; with CHAOS_STOCK the first of every set is stock.
program_of() {
  if [ -n "${CHAOS_STOCK:-}" ] && [ $(($1 % set_size)) = 0 ]; then lab-brick stock; else lab-brick "$BRICK"; fi
}
# Whether each brick runs the stock program, and whether it should.
programs() { local b; for b in "${bricks[@]}"; do readlink "/proc/$(brick_pid v "$b")/exe" | grep -c /lab/stock/; done; }
wanted() { local i; for i in "${!bricks[@]}"; do [ -n "${CHAOS_STOCK:-}" ] && [ $((i % set_size)) = 0 ] && echo 1 || echo 0; done; }
counts() { g volume heal v info | none_to_heal ${#bricks[@]}; }
healed() { g volume heal v >/dev/null; sleep 1; counts; }
all_up() { local i; for i in "${!bricks[@]}"; do sees /m1 v-client-$i && sees /m2 v-client-$i || return 1; done; }
back() { program_of "$1"; g volume start v force >/dev/null; wait_for 30 all_up; }

# hit HOW INDEX: the brick fails, stays away for some seconds of work, and comes back.
hit() {
  local pid
  pid=$(brick_pid v "${bricks[$2]}")
  case $1 in
    killed) kill -9 "$pid"; sleep 2; back "$2" ;;
    stopped) kill -TERM "$pid"; sleep 2; back "$2" ;;
    frozen) kill -STOP "$pid"; sleep $((2 * ping_s + 2)); kill -CONT "$pid"; wait_for 30 all_up ;;
  esac
}

cluster() {
  local kind=$1 create n i first until hits=0 pairs="0,1 2,5"
  case $kind in
    replica) n=3 set_size=3 create='replica 3' ;;
    arbiter) n=3 set_size=3 create='replica 3 arbiter 1' ;;
    disperse) n=6 set_size=6 create='disperse 6 redundancy 2' ;;
    distributed) n=6 set_size=3 create='replica 3' ;;
  esac
  bricks=()
  for i in $(seq $n); do bricks+=("/d/$kind/b$i"); done
  mkdir -p /d/$kind
  lab-brick "$BRICK"
  # shellcheck disable=SC2086
  g volume create v $create "${bricks[@]/#/gfhost:}" force >/dev/null
  g volume set v cluster.heal-timeout 5 >/dev/null
  g volume set v network.ping-timeout $ping_s >/dev/null
  ok "$kind: starts" g volume start v
  ok "$kind: online" wait_for 30 online v
  if [ -n "${CHAOS_STOCK:-}" ]; then
    for i in $(seq 0 $set_size $((n - 1))); do kill -9 "$(brick_pid v "${bricks[$i]}")"; sleep 0.5; program_of $i; g volume start v force >/dev/null; done
  fi
  # Why entry-timeout: see net.sh.
  ok "$kind: mounts" mount_volume v /m1 entry-timeout=0
  ok "$kind: mounts again" mount_volume v /m2 entry-timeout=0
  ok "$kind: all bricks are connected" wait_for 30 all_up || return
  local jobs=() journal=/d/journal.$kind
  node "$dist/work/sync-writer.js" /m1/sync1 $journal.1 1 & jobs+=($!)
  node "$dist/work/sync-writer.js" /m2/sync2 $journal.2 1 & jobs+=($!)
  node "$dist/work/tree-writer.js" /m1/tree1 $journal.tree1 & jobs+=($!)
  node "$dist/work/tree-writer.js" /m2/tree2 $journal.tree2 & jobs+=($!)
  until=$((SECONDS + chaos_s))
  while [ $SECONDS -lt $until ]; do
    for how in killed frozen stopped; do
      i=$((hits++ % n))
      hit $how $i || { fail "$kind: brick $i comes back after it was $how"; return; }
      wait_for 120 healed || { fail "$kind: heals while clients work, brick $i was $how"; why "$(g volume heal v info | head -n 30)"; return; }
      [ $SECONDS -lt $until ] || break
    done
  done
  note "$kind: $hits bricks failed"
  if [ "$BRICK" != stock ]; then is "$kind: every brick runs its program" "$(programs)" "$(wanted)"; fi
  for i in "${jobs[@]}"; do kill -TERM "$i"; done
  for i in "${jobs[@]}"; do wait "$i"; is "$kind: a worker ended by itself" $? 0; done
  ok "$kind: all is healed" wait_for 120 healed
  is "$kind: nothing failed" "$(cat $journal.*errors 2>/dev/null | head -n 5)" ''
  umount /m1 /m2
  drop_caches
  mount_volume v /m1
  node "$dist/work/sync-writer.js" --check /m1/sync1 $journal.1 "on $kind, first client"
  node "$dist/work/sync-writer.js" --check /m1/sync2 $journal.2 "on $kind, second client"
  for i in 1 2; do ok "$kind: tree of client $i is as it was made" node "$dist/work/tree-writer.js" --check /m1/tree$i $journal.tree$i; done
  if [ $kind = disperse ]; then
    for pair in $pairs; do
      for i in ${pair/,/ }; do kill -9 "$(brick_pid v "${bricks[$i]}")"; done
      umount /m1; drop_caches; mount_volume v /m1
      node "$dist/work/sync-writer.js" --check /m1/sync1 $journal.1 "without bricks $pair"
      for i in 1 2; do ok "tree $i without bricks $pair" node "$dist/work/tree-writer.js" --check /m1/tree$i $journal.tree$i; done
      for i in ${pair/,/ }; do program_of $i; done
      lab-brick "$BRICK"; g volume start v force >/dev/null; wait_for 30 online v
    done
  else
    for ((first = 0; first < n; first += set_size)); do
      for i in 1 2; do
        local a=${bricks[$first]} b=${bricks[$((first + i))]}
        alike "$kind: names on $b" names "$a" "$b"
        is "$kind: nothing is pending on $b" "$(pending "$b")" ''
        alike "$kind: gfids on $b" gfids "$a" "$b"
        [ $kind$i = arbiter2 ] || alike "$kind: data on $b" data "$a" "$b"
      done
    done
  fi
  umount /m1
  for i in "${!bricks[@]}"; do
    is "$kind: brick $i keeps the contract on disk" "$(node "$dist/ondisk/main.js" check --healed "${bricks[$i]}" 2>&1 | head -n 20)" ''
  done
  g volume stop v >/dev/null; g volume delete v >/dev/null
}

start_glusterd || fail 'glusterd starts'
for kind in ${KINDS:-replica}; do cluster "$kind"; done
end
