. "$(dirname "$0")/../lib.sh"
# Volume s runs stock bricks, volume v those under test: both get the same work, and their views are compared.
mine=$BRICK
brick() { echo "/d/$1-brick"; }
# Two bricks: names and files are spread, with links from one to the other.
both() { for at in s v; do "$@" $at; done; }
plain() { sed -e 's/\bs-brick/X/g; s/\bv-brick/X/g; s/  */ /g'; }

# As little as possible between the work and the bricks.
QUIET="performance.quick-read performance.io-cache performance.read-ahead performance.write-behind performance.open-behind
performance.stat-prefetch performance.readdir-ahead performance.parallel-readdir performance.client-io-threads"
make() {
  local o
  g volume create "$1" "gfhost:$(brick "$1")" "gfhost:$(brick "$1")-2" >/dev/null
  for o in $QUIET; do g volume set "$1" "$o" off >/dev/null; done
  g volume start "$1" >/dev/null
}
mounted() { mount_volume "$1" "/$1" attribute-timeout=0,entry-timeout=0,negative-timeout=0; }

ok 'glusterd starts' start_glusterd
lab-brick stock
ok 'a stock volume starts' make s
lab-brick "$mine"
ok 'a volume of the brick under test starts' make v
ok 'both are mounted' both mounted

# Past the kernel's cache.
read_all() { dd if="$1" of=/dev/null bs=64k iflag=direct 2>/dev/null; }

# --- profile --------------------------------------------------------------------------------------------------------
# Fops with their counts, sizes with their counts, and bytes; no latencies and durations.
counts() {
  plain | awk '/^Brick|^Cumulative|^Interval|Block Size|No. of|Data (Read|Written)|Cleared/ { print } / ns .* ns / { print $NF, $(NF - 1) }' |
    awk '/^[A-Z_]+ [0-9]+$/ { print | "sort"; next } { close("sort"); print; fflush() }'
}
info() { g volume profile "$1" info "${@:2}" | counts; }
timeless() { info "$1" "${@:2}" | grep -v '^STATFS'; }
# same WHAT COMMAND [ARG ...]: says the same of v as of s, which come first among its arguments.
same() { is "$1" "$(diff <("$2" s "${@:3}") <("$2" v "${@:3}"))" ""; }
same_info() { same "$1" timeless "${@:2}"; }
# When an inode is forgotten is up to its table: only how many are counts, in the end. How full bricks are, clients ask by the clock.
fops() { info "$1" "${@:2}" | grep -v '^FORGET\|^STATFS'; }
# Interval after interval: the same work makes the same fops. Releases come a little after the close.
step() {
  local what=$1 at
  for at in s v; do (cd /$at && eval "$2") >/dev/null 2>&1; done
  sleep 0.15
  same "profile of: $what" fops incremental
}

both eval 'echo "before the profile" > /$at/before; read_all /$at/before; g volume profile $at start >/dev/null; true #'
sleep 0.5
same_info 'what is counted before a profile starts' cumulative
both eval 'g volume profile $at info clear >/dev/null #'
both eval 'g volume profile $at info >/dev/null #'
step 'mkdir' 'mkdir -p d/sub'
step 'create and write' 'dd if=/dev/zero of=d/a bs=4096 count=5; dd if=/dev/zero of=d/b bs=128k count=2; echo x > d/c; touch d/e'
step 'read' 'read_all d/a; read_all d/a; read_all d/b; dd if=d/a bs=512 count=3 iflag=direct; read_all d/e'
step 'list' 'ls d; ls -l d; find . -type f'
step 'rename' 'mv d/a d/a2; mv d/c d/b; mkdir x; mv x d/x'
step 'links and others' 'ln d/b d/hard; ln -s b d/soft; readlink d/soft; mknod fifo p'
step 'attributes' 'chmod 640 d/b; chown 5:6 d/b; touch -d 2020-01-01 d/b; truncate -s 77 d/b; setfattr -n user.x -v y d/b; getfattr -d d/b; setfattr -x user.x d/b; stat -f .'
step 'locks and fsync' 'flock d/b true; sync d/b; fallocate -l 8192 d/b; fallocate -p -o 0 -l 4096 d/b'
step 'failures' 'cat nothing; mkdir d; rmdir d; ln d/b d/hard; rm nothing'
step 'unlink' 'rm d/hard d/soft fifo; rm d/b; rmdir d/sub'
same_info 'all of it' cumulative
before=$(info v cumulative)
is 'a look leaves the interval as it is' "$(info v peek)" "$(info v peek)"
is 'and the counts' "$(info v cumulative)" "$before"
both eval 'g volume profile $at info clear > /tmp/clear-$at #'
is 'clear' "$(plain < /tmp/clear-v)" "$(plain < /tmp/clear-s)"
same_info 'counts after clear'

# --- top ------------------------------------------------------------------------------------------------------------
for at in s v; do
  cd /$at
  mkdir t t/u
  for i in 1 2 3 4 5; do dd if=/dev/zero of=t/f$i bs=1k count=$((i * 2)) 2>/dev/null; sleep 0.02; done
  for i in 1 2 3; do for j in $(seq $i); do read_all t/f$i; done; done
  for i in 1 2; do ls t >/dev/null; done
  ls t/u >/dev/null
  rm t/f5
  sleep 0.2
  cd /
done
top() { g volume top "$@" | sed 's/, Max openfd time.*//' | plain; }
same_top() { same "top $*" top "$@"; }
for list in open read write opendir readdir; do same_top $list; done
same_top write list-cnt 2
is 'top of one brick' "$(top v read brick "gfhost:$(brick v)" list-cnt 1)" "$(top s read brick "gfhost:$(brick s)" list-cnt 1)"
like 'speeds of files' "$(g volume top v write-perf)" '[0-9]+ /t/f4 +20[0-9-]+ '
like 'speed of the disk' "$(g volume top v read-perf bs 4096 count 64 brick "gfhost:$(brick v)")" 'Throughput [0-9.]+ MBps time [0-9.]+ secs'
is 'what was written for that is gone' "$(ls -A "$(brick v)" | grep stats-perf)" ""
xml() { g volume top "$1" open --xml | grep -v -i time | plain; }
same 'top as XML' xml
is 'top clear' "$(top v clear)" "$(top s clear)"
same_top read
both eval 'read_all /$at/t/f2; sleep 0.2 #'
for list in open read write; do same_top $list; done

# --- status ---------------------------------------------------------------------------------------------------------
# What is a number of its own in every run, as ports and bytes are, is any number.
shape() { g volume status "$@" | sed -E 's/(volume|Volume)( ?:)? [sv]\b/volume X/; s/[0-9]+(\.[0-9]+)*(:[0-9]+)?/N/g' | plain | uniq; }
for view in detail clients mem fd client-list tasks; do
  same "status $view" shape $view
done
like 'clients' "$(g volume status v clients)" '10\.[0-9.]+:[0-9]+ +[1-9][0-9]+ +[1-9][0-9]+ +1[01]0000'
table() { g volume status "$1" inode | sed -n 's/^\(LRU limit\|Active Inodes\|LRU Inodes\|Purge Inodes\) *: */\1=/p' | head -n 4; }
eval "$(table v | sed 's/ /_/')"
is 'inodes: bound' "$LRU_limit" 16384
is 'inodes known: as many as stock' $((Active_Inodes + LRU_Inodes)) "$(table s | awk -F= '/Active|LRU I/ { n += $2 } END { print n }')"
# Stock counts the question itself.
like 'calls under way' "$(g volume status v callpool)" "Pending calls: $([ "$mine" = stock ] && echo 1 || echo 0)"
flock /v/t/f1 sleep 3 &
sleep 0.3
flock /v/t/f1 true &
sleep 0.5
pool=$(g volume status v callpool)
like 'calls that wait' "$pool" 'Pending calls: [1-9]'
like 'each is told of' "$pool" 'UID +: 0.*Frames +: [1-9].*Translator +='
like 'whose it is' "$pool" "PID +: $(pgrep -f 'flock /v/t/f1 true' | head -n 1)"

# --- statedump ------------------------------------------------------------------------------------------------------
run=/var/run/gluster
pid=$(brick_pid v "$(brick v)")
dump() {   # [KIND ...]: the new dump of v's brick
  rm -f $run/*.dump.*
  g volume statedump v "$@" >/dev/null
  wait_for 10 eval "ls $run/d-v-brick.$pid.dump.*"
  cat $run/d-v-brick."$pid".dump.*
}
sections() { grep '^\[' | sed 's/[0-9][0-9]*/N/g; s/[sv]-brick/X/; s/\b[sv]-/X-/' | sort -u; }
all=$(dump)
like 'a dump starts and ends' "$(head -n 1 <<<"$all")|$(tail -n 1 <<<"$all")" '^DUMP-START-TIME: 20.*\|DUMP-END-TIME: 20'
for s in mallinfo iobuf.global global.callpool 'active graph - N' xlator.protocol.server.priv 'GlusterFS N.x vN' xlator.features.locks.X-locks.inode \
  xlator.features.barrier.priv performance/io-threads.X-io-threads storage/posix.X-posix 'conn.N.bound_xl./d/X.active.N' 'conn.N.bound_xl./d/X.lru.N'; do
  ok "section $s" grep -qxF "[$s]" <(sections <<<"$all")
done
like 'a call that waits' "$all" 'global\.callpool\.stack\.[0-9]+\].*op=LK'
like 'a lock that is held' "$all" 'posixlk\[0\]\(ACTIVE\)=type=WRITE'
like 'a lock that is waited for' "$all" 'posixlk\[1\]\(BLOCKED\)=type=WRITE'
like 'profile in the dump' "$all" '/d/v-brick\.cumulative\.LOOKUP=[1-9]'
wait
mkdir -p /tmp/dumps
printf 'path=/tmp/dumps\nmem=yes\n' > $run/glusterdump.options
kill -USR1 "$pid"
ok 'a dump goes where the options say' wait_for 10 eval "ls /tmp/dumps/d-v-brick.$pid.dump.*"
ok 'with what they say' grep -q '^\[mallinfo\]' /tmp/dumps/*.dump.*
no 'and nothing else' grep -q callpool /tmp/dumps/*.dump.*
rm -f $run/glusterdump.options
# Stock has no tables of open files, and tells of its memory whatever is asked for.
if [ "$mine" != stock ]; then
  exec 7</v/t/f1
  like 'open files' "$(dump fd)" 'fdentry\[[0-9]+\]\.gfid=[0-9a-f-]{36}'
  is 'only private data' "$(dump priv | sections | grep -E 'mallinfo|callpool|fdtable|active\.N')" ""
  is 'only inodes' "$(dump inode | sections | grep -vE '^\[(active graph - N|conn\.N\.bound_xl\./d/X(\.active\.N|\.lru\.N)?)\]$')" ""
  is 'only calls' "$(dump callpool | sections | paste -sd' ')" '[active graph - N] [global.callpool]'
  exec 7<&-
  rm -f $run/*.dump.*
  json=$("$mine" statedump "$pid" --json)
  is 'a dump as JSON' "$(jq -r '.[0].sections[] | select(.name == "storage/posix.v-posix") | .values.base_path' <<<"$json")" /d/v-brick
  is 'which keeps no file' "$(ls $run | grep "\.$pid\.dump\.")" ""
fi

# --- files of io-stats ----------------------------------------------------------------------------------------------
g volume set v diagnostics.fop-sample-interval 1 >/dev/null
g volume set v diagnostics.stats-dump-interval 1 >/dev/null
cat /v/t/f1 >/dev/null
stats=/var/lib/glusterd/stats/glusterfsd__d_v-brick.dump
samples=/var/log/glusterfs/samples/glusterfsd__d_v-brick.samp
ok 'counters are written' wait_for 10 grep -q '"gluster.brick._d_v-brick.aggr.fop.lookup.count": [1-9]' $stats
ok 'samples too' wait_for 10 eval "cat /v/t/f1 >/dev/null; grep -q ',LOOKUP,' $samples"
like 'with who called' "$(grep -m1 LOOKUP $samples)" '^[0-9.]+,HIGH,LOOKUP,[0-9]+,/d/v-brick,N/A,root,root,[^,]+,[0-9]+$'
g volume set v diagnostics.stats-dump-interval 0 >/dev/null
ok 'the request of a client leaves nothing on the brick' setfattr -n trusted.io-stats-dump -v views /v
no 'no such xattr' getfattr -n trusted.io-stats-dump "$(brick v)"
is 'nor a file of the brick' "$(ls $run | grep -c 'views.*brick')" 0

# --- several bricks in one process ----------------------------------------------------------------------------------
g volume set all cluster.brick-multiplex on >/dev/null
volume m1 /d/m1 && volume m2 /d/m2
ok 'both are online' wait_for 10 eval 'online m1 && online m2'
pid_of() { g volume status "$1" --xml | sed -n 's/.*<pid>\([1-9][0-9]*\)<.*/\1/p'; }
is 'two bricks in one process' "$(pid_of m1)" "$(pid_of m2)"
ok 'both are mounted' eval 'mount_volume m1 /m1 && mount_volume m2 /m2'
g volume profile m1 start >/dev/null; g volume profile m2 start >/dev/null
dd if=/dev/zero of=/m1/file bs=1M count=1 2>/dev/null
sleep 0.2
like 'the profile of the one' "$(g volume profile m1 info cumulative)" 'Data Written: 1048576 bytes'
like 'and of the other' "$(g volume profile m2 info cumulative)" 'Data Written: 0 bytes'
like 'the files of the one' "$(g volume top m1 write)" '[1-9][0-9]*[[:space:]]+/file'
no 'and of the other' grep -q /file <(g volume top m2 write)
umount /m2
known() { g volume status "$1" inode | awk '/Active|LRU I/ { n += $NF } END { print n }'; }
ok 'the other has no client any more' wait_for 10 eval 'g volume status m2 clients | grep -q "connected : 0"'
like 'the one has' "$(g volume status m1 clients)" 'connected : 1'
is 'inodes of the one' "$(known m1)" 2
is 'and of the other' "$(known m2)" 1
rm -f $run/*.dump.*
kill -USR1 "$(pid_of m1)"
ok 'a dump' wait_for 10 eval "ls $run/d-m1.*.dump.*"
ok 'tells of the one' grep -q '^base_path=/d/m1$' $run/d-m1.*.dump.*
ok 'and of the other' grep -q '^base_path=/d/m2$' $run/d-m1.*.dump.*
is 'in one graph' "$(grep -c '^\[active graph' $run/d-m1.*.dump.*)" 1
end
