. "$(dirname "$0")/../lib.sh"
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

note 'the check itself'
umount /v
g volume stop v >/dev/null
# found WHAT COMMAND ...: after the command the check tells of WHAT.
found() {
  "${@:2}" || fail "$*"
  like "the check finds $1" "$(ondisk check /d/v1 /d/v2)" "$1"
}
somewhere() { ls -d /d/v[12]/"$1" | head -n 1; }
file=$(somewhere copy)
found 'no mdata' setfattr -x trusted.glusterfs.mdata /d/v1/a
found 'mdata is of version 0' setfattr -n trusted.glusterfs.mdata -v 0x"$(printf '%0114d' 0)" /d/v2/a
found 'lacks trusted.gfid2path' setfattr -x "$(getfattr -m gfid2path --absolute-names "$file" | sed -n 2p)" "$file"
found 'for no name of it' setfattr -n trusted.gfid2path.0123456789abcdef -v x "$file"
found 'but 1 names and a handle' ln "$file" /d/v1/.glusterfs/00/another
found '00/another: (is unknown|is the handle of nothing)' true
found 'trusted.gfid is missing' touch /d/v1/stranger
found 'is the handle of nothing' cp -P "$(readlink -f /d/v1/.glusterfs/00/00)/00000000-0000-0000-0000-000000000001" /d/v1/.glusterfs/00/00/00000000-0000-0000-0000-000000000002
found 'has mode 755' chmod 755 /d/v1/.glusterfs
found 'is a directory of mode 711' chmod 711 /d/v1/.glusterfs/00
found 'is left over' touch /d/v1/.glusterfs/unlink/7
found 'its handle points to' mv /d/v1/other /d/v1/other2
end
