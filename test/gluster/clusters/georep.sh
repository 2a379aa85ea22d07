#!/bin/bash
# Geo-replication by the real gsyncd, over ssh, from volume p on host h1 to volume s on host h2. Without BRICK=stock both hosts have
# brickd installed, but for those named in GEOREP_STOCK. GEOREP_S: seconds of renames and deletes while the brick is killed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../net.sh"
session='p h2::s'
storm_s=${GEOREP_S:-10}

# sshd on a host, which all hosts may enter as root; the key comes on standard input.
sshd_on() {
  on "$1" bash -c '
    mkdir -p -m 700 /root/.ssh /run/ssh && mkdir -p /run/sshd && (umask 077; cat > /root/.ssh/id_ed25519) && ssh-keygen -q -y -f /root/.ssh/id_ed25519 > /root/.ssh/authorized_keys
    printf "%s\n" "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" "LogLevel ERROR" > /root/.ssh/config
    ssh-keygen -q -t ed25519 -N "" -f /run/ssh/host
    printf "%s\n" "HostKey /run/ssh/host" "PidFile /run/ssh/pid" "PermitRootLogin yes" "PasswordAuthentication no" "KbdInteractiveAuthentication no" \
      "UsePAM no" "StrictModes no" "MaxStartups 100" "PrintMotd no" "Subsystem sftp internal-sftp" \
      "SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" > /run/ssh/config
    mkdir -p /var/lib/glusterd/geo-replication /var/log/glusterfs/geo-replication /var/log/glusterfs/geo-replication-secondaries
    "$(command -v sshd)" -f /run/ssh/config'
}
enters() { [ "$(on "$1" ssh "$2" hostname)" = "$2" ]; }
keys_pushed() { on h2 grep -q gsyncd /root/.ssh/authorized_keys; }
p() { on h1 gluster --mode=script "$@"; }
# worker FIELD: what the session's status says of it.
worker() { p volume geo-replication $session status detail --xml | grep -o "<$1>[^<]*" | sed 's/.*>//' | sort -u; }
worker_is() { [ "$(worker "$1")" = "$2" ]; }
gsyncd_log() { cat /var/log/glusterfs/h1/geo-replication/*/gsyncd.log; }
crawls() { gsyncd_log | grep -c "starting $1 crawl"; }
faults() { gsyncd_log | grep -E '\] E ' | tail -n 5; }
# Files that gsyncd has made of journals of which it was told.
told() { on h1 find /var/lib/misc/gluster/gsyncd -path '*/.history' -prune -o -name 'CHANGELOG.*' -print | grep -q . || on h1 find /var/lib/misc/gluster/gsyncd -name 'archive_*' | grep -q .; }
listed() { on "$1" bash -c '. "$0/lib.sh"; { sums /m; cd /m && find . -type f -links +1 -printf "%n names: %p\n" | sort; } | grep -v trashcan' "$repo/test/gluster"; }
trees() { listed h1 > /tmp/p.sums; listed h2 > /tmp/s.sums; }
equal() { trees; [ -s /tmp/p.sums ] && cmp -s /tmp/p.sums /tmp/s.sums; }
arrives() { ok "$1" wait_for "${2:-100}" equal || { why "$(diff /tmp/p.sums /tmp/s.sums | head -n 10)"; why "$(faults)"; return 1; }; }
changes() { on h1 python3 "$repo/test/gluster/work/replicated-changes.py" /m "$@"; }
brick_works() { on h1 timeout 5 stat /m/. >/dev/null; }
revive() { on h1 kill -9 "$(brick_on_p)"; sleep 1; p volume start p force >/dev/null; wait_for 60 brick_works; }
brick_on_p() { on h1 cat /run/gluster/vols/p/h1-d-b.pid; }
xtime() { on h1 getfattr -h --absolute-names --only-values -n "trusted.glusterfs.$1.xtime" "$2" | od -An -tx1 | tr -d ' \n'; }

hosts h1 h2 || { end; exit; }
ssh-keygen -q -t ed25519 -N '' -f /tmp/key
for h in h1 h2; do
  [ "$BRICK" = stock ] || [[ " ${GEOREP_STOCK:-} " = *" $h "* ]] || ok "brickd is installed on $h" on $h "$BRICK" install --all
  ok "sshd on $h" sshd_on $h < /tmp/key
  ok "glusterd on $h" on $h glusterd
done
ok 'the hosts reach each other' enters h1 h2
for h in h1 h2; do
  v=$([ $h = h1 ] && echo p || echo s)
  wait_for 20 gh $h volume list
  gh $h volume create $v $h:/d/b force >/dev/null
  ok "volume $v starts" gh $h volume start $v
  ok "volume $v is mounted" on $h bash -c "mkdir -p /m; for i in {1..20}; do mount -t glusterfs $h:/$v /m && stat /m/. && exit; sleep 0.5; done; exit 1"
done
changes before
ok 'keys are made' p system:: execute gsec_create
ok 'the session is made' p volume geo-replication $session create push-pem
ok 'its keys have arrived' wait_for 60 keys_pushed
p volume set p changelog.rollover-time 3 >/dev/null
# Newer versions of rsync write nothing into a directory that is unmounted lazily.
for o in 'secondary-access-mount true' 'sync-method rsync' 'change-interval 1' 'sync-jobs 2'; do p volume geo-replication $session config $o >/dev/null; done
ok 'the session starts' p volume geo-replication $session start
ok 'its worker is active' wait_for 120 worker_is status Active || { why "$(faults)"; end; exit; }
note 'set up'

arrives 'what was there before'
is 'by a hybrid crawl' "$(crawls hybrid)" 1
ok 'then journals are read' wait_for 60 worker_is crawl_status 'Changelog Crawl'
changes first
ok 'gsyncd is told of journals' wait_for 60 told
sleep 4
changes second
arrives 'changes of every kind'

uuid=$(p volume info p | sed -n 's/^Volume ID: //p')
on h1 bash -c 'mkdir -p /m/x/y; echo > /m/x/y/z'; sleep 1
before=$(xtime "$uuid" /d/b)
on h1 bash -c 'echo >> /m/x/y/z'; sleep 0.5
is 'a change marks its file as it marks the root' "$(xtime "$uuid" /d/b/x/y/z)" "$(xtime "$uuid" /d/b)"
is 'and what is between' "$(xtime "$uuid" /d/b/x/y)$(xtime "$uuid" /d/b/x)" "$(xtime "$uuid" /d/b)$(xtime "$uuid" /d/b)"
if [[ $(xtime "$uuid" /d/b) > $before ]]; then pass 'later than before'; else fail 'later than before'; fi

p volume geo-replication $session config checkpoint now >/dev/null
on h1 touch /m/checkpoint
ok 'a checkpoint is reached' wait_for 60 worker_is checkpoint_completed Yes
note 'changelog crawl'

ok 'the session stops' p volume geo-replication $session stop
changes offline
sleep 4
history=$(crawls history)
ok 'the session starts again' p volume geo-replication $session start
arrives 'what was changed meanwhile'
if [ "$(crawls history)" -gt "$history" ]; then pass 'by its history'; else fail 'by its history'; fi
note 'history crawl'

on h1 mkdir -p /m/tree
start h1 tree "$node" "$dist/work/tree-writer.js" /m/tree /d/tree.json & writer=$!
sleep $((storm_s / 3))
ok 'the brick comes back after it was killed' revive
sleep $((storm_s / 3))
ok 'again' revive
sleep $((storm_s / 3))
stop h1 tree; wait $writer
on h1 umount /m; on h1 mount -t glusterfs h1:/p /m
arrives 'renames and deletes while the brick was killed' 150
is 'hybrid crawls' "$(crawls hybrid)" 1
note 'storm'
ok 'the session stops' p volume geo-replication $session stop
ok 'and is removed' p volume geo-replication $session delete
end
