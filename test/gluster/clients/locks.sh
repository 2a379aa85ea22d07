. "$(dirname "$0")/../lib.sh"
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
# What is read must be what another mount has just written.
direct=direct-io-mode=enable,attribute-timeout=0,entry-timeout=0
for o in performance.{write-behind,quick-read,io-cache,read-ahead,stat-prefetch,open-behind}; do g volume set v $o off >/dev/null; done
ok 'mounts' mount_volume v /m1 $direct
ok 'and again' mount_volume v /m2 $direct
/usr/bin/python3 "$repo/test/gluster/clients/locks.py" /m1 /m2
umount -l /m1
umount /m2
for b in /d/b1 /d/b2; do quiet_log $b 'Interrupted system call'; done   # of the waiter that is killed
end
