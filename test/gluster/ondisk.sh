. "$(dirname "$0")/lib.sh"
# Volume v is moved between brickd and stock, volume s stays with stock: both see the same work.
ondisk() { node "$repo/dist/test/gluster/ondisk/main.js" "$@"; }
mine=$BRICK
checked() {   # WHAT BRICK ...: keeps the contract
  local what=$1
  shift
  is "$what" "$(ondisk check "$@" 2>&1 | head -n 40)" ""
}
# same_bricks WHAT: v's bricks are described like s's.
same_bricks() {
  local i
  for i in 1 2; do
    is "$1, brick $i" "$(diff -a <(ondisk describe /d/s$i) <(ondisk describe /d/v$i 2>&1) | head -n 40)" ""
    like "of $(ondisk describe /d/v$i | wc -l) lines" "$(ondisk describe /d/v$i | wc -l)" '^[0-9]{3,}$'
  done
}
move_to() {   # PROGRAM: v's bricks run that from now on
  umount /v
  g volume stop v >/dev/null
  lab-brick "$1"
  ok "v's bricks start as $(basename "$1")" g volume start v
  ok 'online' wait_for 10 online v
  ok 'mounts' mount_volume v /v acl
}
work() {   # PART, with a pause after it, for the order of times
  local at
  for at in /v /s; do ok "work, part $1, at $at" bash "$repo/test/gluster/kinds.sh" $at "$1"; done
  sync -f /v
  # What the kernel keeps of the last operations, such as times, is not sent before it forgets the files.
  umount /v /s
  sleep 0.3
  mount_volume v /v acl; mount_volume s /s acl
}

ok 'glusterd starts' start_glusterd
lab-brick stock
ok 'stock volume starts' volume s /d/s1 /d/s2
ok 'mounts' mount_volume s /s acl
lab-brick "$mine"
ok 'volume starts' volume v /d/v1 /d/v2
ok 'mounts' mount_volume v /v acl

work 1
same_trees 'same trees' /s /v
checked 'the contract is kept' /d/v1 /d/v2
checked "by stock's bricks, too" /d/s1 /d/s2
same_bricks 'same on disk'

note 'from brickd to stock'
sum=$(sums /v)
move_to stock
is 'all is there' "$(sums /v)" "$sum"
work 2
same_trees 'same trees' /s /v
checked 'the contract is kept' /d/v1 /d/v2
same_bricks 'same on disk'

note 'and back'
sum=$(sums /v)
move_to "$mine"
is 'all is there' "$(sums /v)" "$sum"
work 3
same_trees 'same trees' /s /v
checked 'the contract is kept' /d/v1 /d/v2
same_bricks 'same on disk'

note 'all parts by the program alone'
rm -rf /v/* /s/*
is 'nothing is left' "$(ls -A /v)" ""
checked 'not on the bricks either' /d/v1 /d/v2
for part in 1 2 3; do work $part; done
same_trees 'same trees' /s /v
checked 'the contract is kept' /d/v1 /d/v2
same_bricks 'same on disk'
for b in /d/v1 /d/v2; do quiet_log $b; done
end
