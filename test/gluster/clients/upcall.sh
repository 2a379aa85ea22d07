#!/bin/bash
# Two mounts that cache attributes, xattrs and missing names for ten minutes, and no kernel cache in between.
. "$(dirname "$0")/../lib.sh"

start_glusterd || fail 'glusterd starts'
g volume create v gfhost:/d/b1 gfhost:/d/b2 >/dev/null
for group in metadata-cache nl-cache; do ok "group $group" g volume set v group $group; done
for o in cache-samba-metadata nl-cache-positive-entry; do ok "$o" g volume set v performance.$o on; done
for o in quick-read io-cache read-ahead open-behind write-behind; do g volume set v performance.$o off >/dev/null; done
ok 'the volume starts' g volume start v
ok 'online' wait_for 20 online v
now='attribute-timeout=0,entry-timeout=0,negative-timeout=0'
for m in /m /n; do mkdir $m; ok "mounts $m" mount -t glusterfs -o $now gfhost:/v $m; done

echo one > /m/f; mkdir /m/d; echo two > /m/d/g
setfattr -n user.swift.metadata -v old /m/f
look() { stat -c '%s %a %u %h' /n/f; getfattr --only-values -n user.swift.metadata /n/f; ls /n/d; stat /n/new 2>&1; }
look >/dev/null; look >/dev/null

echo more >> /m/f
is 'size' "$(stat -c %s /n/f)" 9
chmod 600 /m/f; is 'mode' "$(stat -c %a /n/f)" 600
chown 5 /m/f; is 'owner' "$(stat -c %u /n/f)" 5
truncate -s 2 /m/f; is 'truncated' "$(stat -c %s /n/f)" 2
ln /m/f /m/h; is 'links' "$(stat -c %h /n/f)" 2
setfattr -n user.swift.metadata -v new /m/f
is 'xattr' "$(getfattr --only-values -n user.swift.metadata /n/f)" new
setfattr -x user.swift.metadata /m/f
no 'a removed xattr' getfattr -n user.swift.metadata /n/f
stat /n/new 2>/dev/null; echo x > /m/new; ok 'a new name' stat /n/new
rm /m/new; no 'a removed name' stat /n/new
mv /m/f /m/moved; no 'the old name' stat /n/f; ok 'the new name' stat /n/moved
mkdir /m/d/e; like 'a new directory' "$(ls /n/d)" e
rmdir /m/d/e; is 'a removed one' "$(ls /n/d)" g
python3 - <<'P' && pass 'in turn, a hundred times' || fail 'in turn, a hundred times'
import os
for i in range(100):
    a, b = ('/m', '/n') if i % 2 else ('/n', '/m')
    with open(a + '/turn', 'a') as f: f.write('x')
    assert os.stat(b + '/turn').st_size == i + 1, i
P

note 'switched off and on at run time'
ok 'off' g volume set v features.cache-invalidation off
ok 'on' g volume set v features.cache-invalidation on
sleep 2
stat /n/turn >/dev/null; echo >> /m/turn
is 'told again' "$(stat -c %s /n/turn)" 101
umount /m /n
for b in /d/b1 /d/b2; do quiet_log $b; done
end
