#!/bin/bash
# Records what unmodified GlusterFS says on the wire; run inside a lab whose log directory is kept:
#
#   lab --logs DIR -- test/wire/record/record.sh
#
# leaves DIR/*.pcap, one per scenario, for extract.js. Needs tshark's dumpcap, gcc, libgfapi with its headers, and the project built.
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=/var/log/glusterfs
dist=$here/../../../dist/test/wire/record
g() { gluster --mode=script "$@"; }
wait_for() { local i; for i in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; echo "gave up: $*"; }
# scenario NAME COMMAND...: captures the loopback while COMMAND runs
scenario() {
  local name=$1; shift
  dumpcap -q -P -i lo -s 0 -f tcp -w "$out/$name.pcap" 2>"$out/dumpcap.log" & local pid=$!
  sleep 1
  echo "== $name"; "$@"
  sleep 1; kill -INT $pid; wait $pid
}
mounted() { mkdir -p "/m/$1"; mount -t glusterfs "${@:2}" "gfhost:/$1" "/m/$1"; }

plain() {
  g volume create v gfhost:/d/v1 gfhost:/d/v2; g volume set v features.leases on; g volume set v features.cache-invalidation on
  g volume set v performance.write-behind off; g volume set v performance.md-cache-timeout 0; g volume set v performance.open-behind off
  g volume start v
  /tmp/exercise v gfhost
  mounted v -o acl
  cd /m/v
  echo hello > a; cat a; ln -s a b; ln a c; mkdir -p x/y/z; cp a x/y/z/; mv x/y w; ls -laR .; rm c; df .; chmod u+s a; chown 3:4 a
  truncate -s 100k a; fallocate -l 8k f; mknod n c 9 1; setfattr -n user.k -v v a; setfattr -n trusted.t -v 0xff00 a; getfattr -d -m . a
  setfacl -m u:5:rw,g:6:r a; setfacl -d -m u:7:rwx w; getfacl a w; touch w/inherits; flock a true
  dd if=/dev/zero of=direct bs=4096 count=3 oflag=direct; dd if=direct of=/dev/null bs=4096 iflag=direct; sync a
  python3 -c 'import fcntl,os; f=open("a","r+"); fcntl.lockf(f, fcntl.LOCK_EX, 10, 5); os.fsync(f.fileno()); fcntl.lockf(f, fcntl.LOCK_UN)'
  su nobody -s /bin/sh -c 'cat a; touch denied; ls w'; cat none; rmdir w
  rm -rf x w; cd /; umount /m/v
  mounted v -o use-readdirp=no; ls -la /m/v; umount /m/v
  fio --name=r --ioengine=gfapi --volume=v --brick=gfhost --rw=randrw --bs=4k --size=64k --group_reporting >/dev/null
  g volume statedump v; g volume profile v start; g volume profile v info >/dev/null; g volume top v read >/dev/null
  g volume status v detail >/dev/null; g volume status v clients > /dev/null; g volume clear-locks v / kind all inode
}
replica() {
  g volume create r replica 3 gfhost:/d/r1 gfhost:/d/r2 gfhost:/d/r3 force; g volume set r cluster.data-self-heal-algorithm diff
  g volume set r cluster.granular-entry-heal on; g volume start r; mounted r; cd /m/r
  mkdir d; head -c 300000 /dev/urandom > d/f; echo x > d/gone; setfattr -n user.a -v b d/f; sync d/f
  pkill -9 -f 'glusterfsd.*/d/r2'; sleep 1
  head -c 1000 /dev/urandom | dd of=d/f bs=1000 seek=50 conv=notrunc 2>/dev/null; echo y > d/new; rm d/gone; mkdir d/e; mv d/new d/e/; setfattr -n user.c -v d d/f
  chmod 700 d; gluster volume heal r info >/dev/null
  g volume start r force; sleep 2; gluster volume heal r >/dev/null; sleep 4; gluster volume heal r info; gluster volume heal r info summary >/dev/null
  gluster volume heal r full >/dev/null; sleep 2; ls -la d; cat d/f | wc -c; cd /; umount /m/r
}
disperse() {
  g volume create e disperse 3 redundancy 1 gfhost:/d/e1 gfhost:/d/e2 gfhost:/d/e3 force; g volume start e
  mounted e; mkdir -p /m/e2; mount -t glusterfs gfhost:/e /m/e2
  cd /m/e; echo 1 > f; mkdir d; cp /etc/passwd d/; (for i in 1 2 3 4 5 6; do echo $i >> f; sleep 0.1; done) & for i in 1 2 3 4 5 6; do echo $i >> /m/e2/f; sleep 0.1; done; wait $!
  (for i in $(seq 20); do touch d/a$i; done) & for i in $(seq 20); do touch /m/e2/d/b$i; done; wait $!
  cat f /m/e2/f | wc -l; mv d/passwd g; ln -s g s; rm g; ls -la; cd /; umount /m/e /m/e2
}
# hold SECONDS: read locks on the files to be moved
hold() {
  python3 -c 'import fcntl,sys,time
f=[open("/m/v/many/%d"%i,"r+") for i in range(1,31)]
for x in f: fcntl.lockf(x, fcntl.LOCK_SH)
time.sleep(int(sys.argv[1]))' "$1"
}
rebalance() {
  mounted v; mkdir -p /m/v/many; for i in $(seq 30); do echo $i > /m/v/many/$i; done
  hold 9 &
  g volume add-brick v gfhost:/d/v3; g volume rebalance v start force; sleep 6; g volume rebalance v status; wait $!
  g volume remove-brick v gfhost:/d/v3 start; sleep 5; g volume remove-brick v gfhost:/d/v3 status; g volume remove-brick v gfhost:/d/v3 commit
  # Moving locks along ends stock 10.3 bricks: last.
  g volume add-brick v gfhost:/d/v4; g volume set v cluster.lock-migration on; hold 8 & sleep 1; g volume rebalance v start force; sleep 8; g volume start v force
  umount /m/v
}
quota() {
  g volume quota v enable; mounted v; mkdir -p /m/v/q/r; g volume quota v limit-usage /q 1MB; g volume quota v limit-objects /q 20
  head -c 500000 /dev/zero > /m/v/q/r/f; head -c 900000 /dev/zero > /m/v/q/g; sleep 3; g volume quota v list; g volume quota v list-objects; df /m/v/q; umount /m/v
}
bitrot() {
  g volume bitrot v enable; mounted v; echo sign > /m/v/signed; g volume bitrot v scrub ondemand; sleep 8; g volume bitrot v scrub status >/dev/null; umount /m/v
}
restart() {
  # A client that reconnects opens its files again; stop and start; snapshots of state while clients are bound.
  mounted v; exec 9>/m/v/open; python3 -c 'import fcntl,time
f=open("/m/v/signed","r+"); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(8)' &
  pkill -9 -f 'glusterfsd.*/d/v1'; sleep 1; g volume start v force; sleep 5; echo more >&9; exec 9>&-; wait $!; umount /m/v
  g volume set v server.root-squash on; g volume set v auth.allow 1.2.3.4; sleep 1; timeout 5 mount -t glusterfs gfhost:/v /m/v; g volume stop v
}
port_of() { g volume status "$1" "gfhost:$2" | awk '/^Brick/ {print $3}'; }
probe() {
  g volume create p gfhost:/d/p1 gfhost:/d/p2; g volume set p features.leases on; g volume start p; wait_for port_of p /d/p1
  node "$dist/probe.js" "$(port_of p /d/p1)" /d/p1
  mounted p; python3 -c 'import os; d=os.open("/m/p", os.O_RDONLY); os.fsync(d)'; umount /m/p
}
brickops() {
  # glusterd and the bricks meet on unix sockets: led through TCP for a while.
  local pid port=50001 sock
  g volume start p force; wait_for port_of p /d/p1; wait_for port_of p /d/p2
  for sock in /run/gluster/*.socket; do node "$dist/forward.js" "$sock" $port & port=$((port + 1)); done
  pkill glusterd; sleep 2; glusterd; wait_for gluster volume status p
  mounted p; echo x > /m/p/x; cat /m/p/x
  g volume status p clients; g volume status p client-list; g volume status p mem; g volume status p inode; g volume status p fd; g volume status p callpool
  g volume profile p start; cat /m/p/x; g volume profile p info; g volume profile p info incremental peek; g volume profile p info clear
  g volume top p open; g volume top p read list-cnt 3; g volume top p read-perf bs 1024 count 4; g volume top p clear; g volume barrier p enable; g volume barrier p disable
  umount /m/p; g volume stop p
  # Multiplexed: the second volume's brick is attached to the process of the first.
  kill $(jobs -p); rm -f /run/gluster/*.real
  g volume set all cluster.brick-multiplex on; g volume create q gfhost:/d/q1; g volume create s gfhost:/d/s1; g volume start q; sleep 1
  for sock in $(ls /run/gluster/*.socket); do node "$dist/forward.js" "$sock" $port & port=$((port + 1)); done
  pkill glusterd; sleep 2; glusterd; wait_for gluster volume status q; sleep 2
  g volume start s; g volume status s; g volume stop s; g volume stop q
  g volume set all cluster.brick-multiplex off; kill $(jobs -p)
}
aggregate() {
  mounted v; mkdir -p /m/v/limited; g volume quota v limit-usage /limited 1MB; sleep 2
  node "$dist/forward.js" /run/gluster/quotad.socket 50100 &
  sleep 1
  # glusterd would start quotad anew, too.
  local pid command
  for pid in $(pgrep -f 'glusterfsd.*/d/v'); do command=$(tr '\0' ' ' < "/proc/$pid/cmdline"); kill -9 "$pid"; sleep 1; $command; done
  sleep 10
  head -c 300000 /dev/zero > /m/v/limited/a; sleep 6; head -c 900000 /dev/zero > /m/v/limited/b; mkdir /m/v/limited/c; umount /m/v
  kill $(jobs -p); pkill -f 'process-name quotad'; g volume start v force
}
gcc -o /tmp/exercise "$here/exercise.c" $(pkg-config --cflags --libs glusterfs-api) || exit 1
glusterd; wait_for gluster pool list
for s in ${*:-plain replica disperse quota bitrot aggregate rebalance probe brickops restart}; do scenario "$s" "$s" > "$out/$s.out" 2>&1; done
ls -la "$out"/*.pcap
