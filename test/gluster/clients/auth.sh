#!/bin/bash
# Who may connect, with raw handshakes from chosen addresses and with real clients: lists of addresses, sub-directories, logins, claimed
# names, privileged ports, squashing, and what becomes of connected clients when rules change, in two bricks of one process.
. "$(dirname "$0")/../lib.sh"
here=$(readlink -f "$(dirname "$0")")
A=10.88.0.1 C=10.99.7.7

ip addr add $C/16 dev lo
printf '%s hostc\n' $C >> /etc/hosts
start_glusterd || fail 'glusterd starts'
hi() { python3 "$here/setvolume.py" "$port" "$brick" "$@" | head -n 1; }
# meets WHAT WANT SETVOLUME-ARGUMENT ...: rules reach a running brick a moment after they are set.
meets() {
  local what=$1 want=$2 got until=$((SECONDS + 8))
  shift 2
  while got=$(hi "$@"); ! [[ $got =~ ^$want ]] && [ $SECONDS -lt $until ]; do sleep 0.2; done
  like "$what" "$got" "^$want"
}
shut='(out EACCES|denied AUTH)'
# better CHECK ...: what the original gets wrong.
better() { [ "$BRICK" = stock ] || "$@"; }
port_of() { g volume status "$1" "gfhost:$2" --xml | tr -d '\n' | sed -n 's,.*<port>\([0-9]*\)</port>.*,\1,p'; }
# at VOLUME: the brick that is asked.
at() { brick=/d/$1; port=$(port_of "$1" "$brick"); }
rules() { g volume set "$@" >/dev/null || fail "sets $*"; }

g volume set all cluster.brick-multiplex on >/dev/null
for v in v w; do ok "volume $v" volume $v /d/$v; ok "$v is online" wait_for 20 online $v; done
is 'one process serves both' "$(brick_pid v /d/v)" "$(brick_pid w /d/w)"
rules w auth.allow $C

at v
rules v auth.allow hostc
meets 'another address than the host' "$shut" from=$A
meets 'the host' in from=$C
rules v auth.allow 10.99.4.0/22
meets 'an address outside the network' "$shut" from=$A
better meets 'one inside' in from=$C
rules v auth.allow "/one($C),/($A)"
meets 'the root, for one who may only mount a directory' "$shut" from=$C
meets 'a directory that is not there' 'out ENOENT' from=$C subdir=/one
meets 'the root, for one who may' in from=$A
at w
meets 'the other brick has its own rules' "$shut" from=$A
meets 'and its own clients' in from=$C

at v
volfile=/var/lib/glusterd/vols/v/v.gfhost.d-v.vol
user=$(sed -n 's/.*auth\.login.*d\/v\.allow \(.*\)/\1/p' $volfile)
password=$(sed -n "s/.*auth\.login\.$user\.password \(.*\)/\1/p" $volfile)
rules v auth.allow $C auth.ssl-allow boss
meets 'a login of the pool passes the addresses' in from=$A user="$user" password="$password"
meets 'a wrong password does not' "$shut" from=$C user="$user" password=wrong
better meets 'a claimed name of a certificate counts for nothing' "$shut" from=$A ssl-name=boss
meets 'nor does it harm' in from=$C ssl-name=nobody
rules v server.allow-insecure off auth.allow '*'
meets 'an unprivileged port' "$shut" from=$A sport=high
meets 'a privileged one' in from=$A
rules v server.allow-insecure on

# held NAME ADDRESS: a connection that stays; what becomes of it is in /tmp/held.NAME when released.
held() { python3 "$here/setvolume.py" "$port" "$brick" from="$2" hold=/tmp/release > "/tmp/held.$1" & holders+=($!); wait_for 10 test -s "/tmp/held.$1"; }
outcome() { sed -n 2p "/tmp/held.$1"; }
holders=()
held gone $C; held stays $A
at w; held neighbour $C; at v
rules v auth.reject $C
meets 'a rejected address' "$shut" from=$C
: > /tmp/release; wait "${holders[@]}"
better is 'a client that is rejected now is disconnected' "$(outcome gone)" 'cut off'
is 'another stays' "$(outcome stays)" 'still connected'
is 'so do those of other bricks' "$(outcome neighbour)" 'still connected'
g volume reset v auth.reject force >/dev/null

# A client from outside the pool: its volfile has no login.
for o in write-behind quick-read stat-prefetch io-cache open-behind; do rules v performance.$o off; done
mkdir /m; ok 'a client outside the pool mounts' glusterfs --attribute-timeout=0 --entry-timeout=0 -f /var/lib/glusterd/vols/v/v.tcp-fuse.vol /m
ok 'it is there' wait_for 20 stat /m/.
chmod 777 /m
rules v server.anonuid 1000 server.anongid 1001 server.root-squash on
made() { rm -f /d/v/made.*; local n=$RANDOM; setpriv --reuid "$1" --regid "$1" --clear-groups -- sh -c ": > /m/made.$n && mkdir /m/made.d.$n && setfattr -n user.a -v 1 /m/made.$n && mv /m/made.$n /m/made.r.$n" 2>/dev/null; stat -c %u:%g /d/v/made.r.$n /d/v/made.d.$n 2>/dev/null | sort -u; }
owns() { [ "$(made "$1")" = "$2" ]; }
ok 'root-squash: root is the anonymous user' wait_for 8 owns 0 1000:1001
is 'root-squash: others are themselves' "$(made 2000)" 2000:2000
rules v server.root-squash off server.all-squash on
ok 'all-squash, live: everybody is' wait_for 8 owns 2000 1000:1001
is 'and root' "$(made 0)" 1000:1001
rules v server.all-squash off
ok 'no squashing, live' wait_for 8 owns 0 0:0
rules v auth.allow $C
writes() { timeout 5 sh -c "echo x > /m/written" 2>/dev/null; }
stopped() { ! writes; }
ok 'a FUSE client whose address is taken away' wait_for 10 stopped
rules v auth.allow '*'
ok 'and given back' wait_for 15 writes
umount /m
for b in v w; do quiet_log /d/$b 'Cannot authenticate|not privileged|subdirectory for mount'; done
end
