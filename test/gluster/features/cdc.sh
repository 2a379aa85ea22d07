#!/bin/bash
# Compression on the wire: what clients write and read is right, on disk it is plain, with either brick program; and a brick whose clients
# compress before it can is not left to store that.
. "$(dirname "$0")/../lib.sh"

start_glusterd || fail 'glusterd starts'
g volume create v gfhost:/d/b1 gfhost:/d/b2 >/dev/null
for o in quick-read io-cache read-ahead open-behind; do g volume set v performance.$o off >/dev/null; done
g volume set v network.compression on >/dev/null
g volume set v network.compression.debug on >/dev/null
ok 'the volume starts' g volume start v
ok 'mounts' mount_volume v /m
mkdir /run/f
seq 1 200000 > /run/f/text
head -c 3000000 /dev/urandom > /run/f/random
head -c 5000000 /dev/zero > /run/f/zero
echo short > /run/f/short
: > /run/f/empty
on_disk() { local f; for f in /run/f/*; do cat /d/b?/"${f##*/}" 2>/dev/null | cmp - "$f" || return 1; done; }
same() { local f; for f in /run/f/*; do cmp "/m/${f##*/}" "$f" || return 1; done; }
cp /run/f/* /m/
ok 'what is written is plain on disk' on_disk
rm -f /tmp/cdcdump.gz
drop_caches; remount v /m
ok 'and read' same
cat /m/text >/dev/null; cat /m/zero > /dev/null
if [ "$BRICK" != stock ]; then ok 'reads are compressed' gzip -t /tmp/cdcdump.gz; fi
python3 - <<'P' && pass 'at random places' || fail 'at random places'
import os, random
random.seed(4)
with open('/run/f/text', 'r+b') as a, open('/m/text', 'r+b') as b:
    for i in range(60):
        at, n = random.randrange(1200000), random.choice((1, 100, 4096, 131072))
        data = bytes(random.choice(b'ab') for _ in range(min(n, 5000)))
        for f in (a, b): f.seek(at); f.write(data); f.flush()
        if i % 7 == 0:
            c = random.randrange(1200000); a.truncate(c); b.truncate(c)
        at = random.randrange(1000000); a.seek(at); b.seek(at)
        assert a.read(n) == b.read(n), (i, at, n)
P
ok 'on disk as well' on_disk

if [ "$BRICK" != stock ]; then
  note 'switched off and on while it runs'
  no 'reads are never compressed for clients that do not know' bash -c 'gluster --mode=script volume set v network.compression off >/dev/null; sleep 1; timeout -s KILL 3 cat /m/text >/dev/null'
  umount -l /m; g volume stop v >/dev/null; g volume start v >/dev/null; wait_for 20 online v
  ok 'off: mounts' mount_volume v /m
  ok 'reads' same
  no 'nor is compressed data stored' bash -c 'gluster --mode=script volume set v network.compression on >/dev/null; sleep 1; timeout -s KILL 3 cp /run/f/zero /m/zero'
  umount -l /m; g volume stop v >/dev/null; g volume start v >/dev/null; wait_for 20 online v
  ok 'on: mounts' mount_volume v /m
  cp /run/f/zero /m/zero
  ok 'reads' same
  ok 'on disk' on_disk
fi
end
