# TLS between clients and a brick: who is let in, live changes, certificates renewed on disk; never plain text where TLS is asked for.
# Each client sees certificate files of its own in the place where all of GlusterFS looks for them. All kinds of certificates and
# parameters are in unit/mux/tls.
. "$(dirname "$0")/lib.sh"

place=$(openssl version -d | sed 's/.*"\(.*\)"/\1/')
pki=/run/pki
mkdir -p $pki
authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -subj "/CN=$1" -days 2 -out "$pki/$1.ca" 2>/dev/null; }
# certificate NAME AUTHORITY: the folder $pki/NAME, as a client's place
certificate() {
  local d=$pki/$1
  mkdir -p "$d"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$d/glusterfs.key" -subj "/CN=$1" -out "$d/csr" 2>/dev/null
  openssl x509 -req -in "$d/csr" -CA "$pki/$2.ca" -CAkey "$pki/$2.key" -CAcreateserial -days 2 -out "$d/glusterfs.pem" 2>/dev/null
  cp "$pki/ca.ca" "$d/glusterfs.ca"
  cp -L "$place/openssl.cnf" "$d/" 2>/dev/null
}
serve() { cp "$pki/$1"/glusterfs.* "$place/"; }
# as NAME COMMAND ...: with that client's files
as() { local d=$pki/$1; shift; unshare -m --propagation private sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$d" "$place" "$@"; }
# client NAME VOLUME: mounts, writes and reads 8 MiB, which come to the brick; prints works or refused
client() {
  as "$1" bash -c 'm=$(mktemp -d); timeout 60 mount -t glusterfs gfhost:/"$0" $m >/dev/null 2>&1 || { echo refused; exit; }
    head -c 8388608 /dev/urandom > /tmp/data.$$; { timeout 30 cp /tmp/data.$$ $m/f.$$ && timeout 30 cmp /tmp/data.$$ $m/f.$$ && [ -s /d/b/f.$$ ]; } >/dev/null 2>&1 && echo works || echo refused
    timeout 5 rm -f $m/f.$$; umount -l $m' "$2"
}
port() { tr '\0' '\n' < "/proc/$(brick_pid v /d/b)/cmdline" | sed -n 's/.*listen-port=//p' | tail -n 1; }
plain() { (exec 3<>"/dev/tcp/gfhost/$(port)" && printf '\x80\0\0\x28\0\0\0\x07\0\0\0\0\0\0\0\x02\x07\x5b\xc8\xad\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >&3 && timeout 3 head -c 4 <&3 | wc -c) 2>/dev/null; }
log=$logs/d-b.log
since() { tail -n "+$((mark + 1))" "$log"; }
marked() { mark=$(wc -l < "$log"); }

authority ca; authority other
certificate server ca; certificate client ca; certificate stranger ca; certificate foreign other
serve server
start_glusterd
g volume create v gfhost:/d/b >/dev/null
for option in server.ssl client.ssl; do g volume set v $option on >/dev/null; done
g volume set v auth.ssl-allow client,server >/dev/null
ok 'a volume with TLS starts' g volume start v
wait_for 20 online v

note 'who is let in'
is 'an allowed name' "$(client client v)" works
marked
is 'a name that is not allowed' "$(client stranger v)" refused
like 'and the log says who' "$(since)" 'connecting user name: stranger'
marked
is 'a certificate of another authority' "$(client foreign v)" refused
like 'and the log says why' "$(since)" 'TLS handshake failed: certificate verify failed'
marked
is 'plain text gets no answer' "$(plain)" 0
like 'and the log says so' "$(since)" 'plain text, and the bricks here take TLS connections only'

note 'live changes'
mkdir -p /m
as client bash -c 'mount -t glusterfs gfhost:/v /m && while [ ! -e /run/end ]; do echo $RANDOM > /m/kept 2>/dev/null && date +%s%N > /run/works; sleep 0.2; done; umount -l /m' & kept=$!
works() { local was now; was=$(cat /run/works 2>/dev/null); sleep 0.5; now=$(cat /run/works 2>/dev/null); [ -n "$now" ] && [ "$was" != "$now" ]; }
fails() { ! works; }
ok 'a client is connected' wait_for 20 works
g volume set v auth.ssl-allow server >/dev/null
ok 'its name is taken off the list: it is thrown out' wait_for 10 fails
g volume set v auth.ssl-allow client,server >/dev/null
ok 'its name is back: it goes on' wait_for 20 works
certificate server ca; serve server
is 'a renewed certificate is taken without a restart' "$(client client v)" works
mv "$place/glusterfs.ca" /run/away
marked
is 'without the list of authorities nobody is let in' "$(client client v)" refused
like 'and the log names the file' "$(since)" 'could not load CA list at .*glusterfs.ca'
is 'nor by plain text' "$(plain)" 0
mv /run/away "$place/glusterfs.ca"
is 'until it is back' "$(client client v)" works
ok 'who was connected goes on' wait_for 10 works
touch /run/end; wait $kept; rm -f /run/end

note 'TLS switched on while a plain client is connected'
g volume set v client.ssl off >/dev/null
g volume set v server.ssl off >/dev/null
is 'TLS is off: plain text is answered' "$(plain)" 4
is 'and a plain client works' "$(client client v)" works
mount_volume v /m
echo before > /m/before
marked
g volume set v server.ssl on >/dev/null
said() { since | grep -q 'server.ssl is on now: connections in plain text are closed'; }
ok 'the log says what happens' wait_for 10 said
no 'the plain client is thrown out' timeout 10 cat /m/before
is 'plain text gets no answer any more' "$(plain)" 0
umount -l /m
g volume set v client.ssl on >/dev/null
is 'a TLS client works' "$(client client v)" works
pid=$(brick_pid v /d/b)
ok 'it is the same process all along' test -d "/proc/$pid"
is 'no connection is left behind' "$(ss -tn state established "( sport = :$(port) )" | tail -n +2 | wc -l)" 0
is 'no assertion failed' "$(grep -c 'assertion' "$log")" 0
end
