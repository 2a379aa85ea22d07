. "$(dirname "$0")/../lib.sh"
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
ok 'mounts' mount_volume v /m acl
lab-brick stock
ok 'volume of stock bricks starts' volume s /d/s1 /d/s2
ok 'mounts' mount_volume s /s acl
for at in /m /s /d/local; do
  mkdir -p $at/work
  bash "$repo/test/gluster/clients/aclops.sh" $at/work > "/d/$(basename $at).out"
done
like 'steps succeed, where they should' "$(grep -c '= 0$' /d/local.out)" '^5[0-9]$'
is 'the mount gives what stock gives' "$(diff -a /d/s.out /d/m.out)" ""
# Gluster says EACCES where POSIX says EPERM.
local_words() { sed 's/Operation not permitted/Permission denied/' "$1"; }
is 'and what a local directory gives' "$(diff -a <(local_words /d/local.out) <(local_words /d/m.out))" ""

note 'ACLs as the brick has them'
mkdir /m/d && setfacl -m u:1002:rx,d:u:1003:rwx /m/d && touch /m/d/f && mkdir /m/d/sub && setfacl -m g:2003:rw /m/d/f
for b in /d/b1 /d/b2; do is "directory on $b" "$(cd $b && getfacl -n d d/sub)" "$(cd /m && getfacl -n d d/sub)"; done
is 'file' "$(cd "$(dirname "$(ls -d /d/b?/d/f)")" && getfacl -n f)" "$(cd /m/d && getfacl -n f)"
umount /m
ok 'mounts again' mount_volume v /m acl
like 'and finds them' "$(getfacl -n -c /m/d/f)" 'group:2003:rw-'
umount /m
for b in /d/b1 /d/b2; do quiet_log $b; done
end
