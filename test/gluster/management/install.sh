. "$(dirname "$0")/../lib.sh"
# The lab is a plain one: glusterd, glusterfs and glusterfsd lie as Debian's packages have put them.
if [ "$BRICK" = stock ]; then skip 'installs' 'there is nothing to install of stock'; end; exit; fi
brickd=$BRICK
programs=(/usr/sbin/glusterd /usr/sbin/glusterfs /usr/sbin/glusterfsd)
# Type, mode, owner, link target and checksum of the programs, and the package manager's diversions.
state() {
  stat -c '%n %F %a %u:%g %s %N' "${programs[@]}"
  sha256sum "${programs[@]}"
  dpkg-divert --list '*gluster*'
  ls -A /usr/sbin | grep -a gluster
  ls -d /usr/lib/brickd 2>/dev/null
}
exe() { readlink "/proc/$1/exe"; }
is_brickd() { grep -q -m1 brickd.node "/proc/$(brick_pid "$1" "$2")/maps"; }
again() { g volume stop "$1" >/dev/null && g volume start "$1" >/dev/null && wait_for 10 online "$1"; }

before=$(state)
ok 'installs' "$brickd" install --all
like 'glusterfsd is the wrapper' "$(head -c 2 /usr/sbin/glusterfsd)" '#!'
installed=$(state)
ok 'installs again' "$brickd" install --all
is 'which changes nothing' "$(state)" "$installed"
like 'glusterfsd still tells its version' "$(glusterfsd --version)" '^glusterfs 1[01]'
like 'glusterfs too' "$(glusterfs --version)" '^glusterfs 1[01]'

ok 'glusterd starts' start_glusterd
is 'glusterd is stock' "$(basename "$(exe "$(pgrep -o -x glusterd)")")" glusterfsd
ok 'volume starts' volume v /d/b1
ok 'online' wait_for 10 online v
ok 'its brick runs brickd' is_brickd v /d/b1
is 'in a process called glusterfsd' "$(cat "/proc/$(brick_pid v /d/b1)/comm")" glusterfsd
ok 'mounts' mount_volume v /m
is 'the mount is stock' "$(basename "$(exe "$(pgrep -f 'process-name fuse' | head -1)")")" glusterfsd
echo one > /m/file
is 'serves' "$(cat /m/file)" one

note 'chosen volumes only'
umount /m
ok 'uninstalls' "$brickd" uninstall
ok 'installs for one volume' "$brickd" install --volume v
ok 'second volume starts' volume w /d/b2
ok 'online' wait_for 10 online w
no 'its brick runs stock' is_brickd w /d/b2
ok 'the first starts again' again v
ok 'and runs brickd' is_brickd v /d/b1
ok 'takes the second volume in' "$brickd" install --volume w
ok 'which starts again' again w
ok 'and runs brickd' is_brickd w /d/b2
ok 'takes the first out' "$brickd" uninstall --volume v
ok 'which starts again' again v
no 'and runs stock' is_brickd v /d/b1
no 'refuses what is no name of a volume' "$brickd" install --volume 'a b;c'
no 'refuses a volume that there is not' "$brickd" install --volume nosuch
no 'refuses an empty name' "$brickd" install --volume ''
no 'refuses no name' "$brickd" install --volume=
is 'and stays limited' "$(grep '^volumes=' /usr/sbin/glusterfsd)" "volumes='w'"

note 'brickd in the middle of an upgrade'
mv "$repo/dist" "$repo/dist.away"
ok 'the volume starts again' again w
no 'served by stock' is_brickd w /d/b2
ok 'mounts' mount_volume w /m2
echo stock > /m2/file2
umount /m2
mv "$repo/dist.away" "$repo/dist"
ok 'with brickd back it starts again' again w
ok 'and runs brickd' is_brickd w /d/b2

note 'removal'
ok 'mounts' mount_volume w /m
ok 'uninstalls while a brick runs' "$brickd" uninstall
is 'all is as it was' "$(state)" "$before"
echo two > /m/file
is 'the running brick serves on' "$(cat /m/file)" two
ok 'start force leaves it alone' g volume start w force
ok 'it still runs brickd' is_brickd w /d/b2
umount /m
ok 'starts again' again w
no 'now it runs stock' is_brickd w /d/b2
ok 'mounts' mount_volume w /m
is 'what was written is there' "$(cat /m/file)" two
ok 'uninstalls again' "$brickd" uninstall
is 'which changes nothing' "$(state)" "$before"
is 'the package is as it came' "$(dpkg --verify glusterfs-server glusterfs-client glusterfs-common | grep /usr/sbin)" ""
end
