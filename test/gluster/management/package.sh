. "$(dirname "$0")/../lib.sh"
# PACKAGES: folder of two builds of the package, and one of Node.js for a SYSTEM whose own is too old.
programs=(/usr/sbin/glusterd /usr/sbin/glusterfs /usr/sbin/glusterfsd)
home=/usr/lib/brickd
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -y -q -o Dpkg::Options::=--force-confdef "$@" </dev/null; }
state() { stat -c '%n %F %a %u:%g %s %N' "${programs[@]}"; sha256sum "${programs[@]}"; dpkg-divert --list '*gluster*'; }
verified() { dpkg --verify glusterfs-server glusterfs-client glusterfs-common "$@" | grep -E '/usr/|brickd'; }
# code VOLUME BRICK: the release folder of which a brick runs; nothing for a stock brick.
code() { grep -o -m1 "$home/release-[^/]*" "/proc/$(brick_pid "$1" "$2")/maps"; }
runs_brickd() { [ -n "$(code "$@")" ]; }
release() { echo "$home/$(readlink $home/current)"; }

before=$(state)
no 'there is no compiler' sh -c 'command -v cc || command -v gcc || command -v make'
if [ "$SYSTEM" = debian12 ]; then
  no 'without Node.js the package is not installed' apt --no-download install "$PACKAGES"/brickd_1.0.0_*.deb
  ok 'a Node.js from elsewhere is installed' apt install "$PACKAGES/nodejs.deb"
fi
ok 'the package is installed' apt install "$PACKAGES"/brickd_1.0.0_*.deb
is 'as it is in the archive' "$(verified brickd)" ''
is 'which changes nothing of GlusterFS' "$(state)" "$before"
like 'brickd tells its version' "$(brickd --version)" '^brickd [0-9]'
like 'the configuration that comes with it is good' "$(brickd config)" 'brickd.yaml is good'
like 'it has a man page' "$(zcat /usr/share/man/man8/brickd-install.8.gz)" '--all|\\-\\-all'
complete_words() { bash -c 'compopt() { :; }; . /usr/share/bash-completion/completions/brickd; COMP_WORDS=(brickd unin) COMP_CWORD=1; _brickd_yargs_completions; echo "${COMPREPLY[@]}"'; }
is 'bash completes its commands' "$(complete_words)" uninstall
echo '# changed by an administrator' >> /etc/brickd/brickd.yaml

note 'a volume of stock bricks changes over'
ok 'glusterd starts' start_glusterd
g volume create v replica 2 gfhost:/d/b1 gfhost:/d/b2 force >/dev/null
g volume set v cluster.heal-timeout 5 >/dev/null
ok 'the volume starts' g volume start v
ok 'it is online' wait_for 20 online v
ok 'it is mounted' mount_volume v /m
cp -r /usr/share/doc/brickd /m/documents
documents=$(cd /usr/share/doc/brickd && find . -type f -exec sha256sum {} + | sort)
ok 'the volume is checked by its name' brickd check v
no 'a volume that there is not' brickd check nosuch
no 'installing for all volumes wants to be said' brickd install
is 'and changes nothing' "$(state)" "$before"
ok 'brickd is installed for all volumes' brickd install --all
is 'it starts from what the package keeps through upgrades' "$(grep '^brickd=' /usr/sbin/glusterfsd)" "brickd='$home/current/brickd/bin/brickd'"
first=$(release)

healed() { ! g volume heal v info | grep -q 'Number of entries: [^0]'; }
both() { sees /m v-client-0 && sees /m v-client-1; }
# Starts a brick again, with nothing to heal before and after.
restart() {
  wait_for 60 healed || return 1
  local pid
  pid=$(brick_pid v "$1")
  kill "$pid"
  wait_for 20 eval "! kill -0 $pid"
  g volume start v force >/dev/null && wait_for 30 online v && wait_for 30 both && wait_for 60 healed
}
for b in /d/b1 /d/b2; do ok "brick $b starts again" restart $b; is 'with the first build' "$(code v $b)" "$first"; done

note 'upgrade under load'
# What the client was told is written: numbers, each synced.
write_numbers() {
  local n=0
  while [ ! -e /tmp/enough ]; do
    n=$((n + 1))
    echo $n | dd of=/m/numbers oflag=append conv=notrunc,fsync status=none || { echo "number $n failed" >> /tmp/failures; continue; }
    echo $n >> /tmp/told
    head -c 20000 /dev/urandom > "/m/file.$((n % 50))" || echo "file of $n failed" >> /tmp/failures
  done
}
write_numbers & writer=$!
wait_for 20 [ -s /tmp/told ]
pids=$(brick_pid v /d/b1; brick_pid v /d/b2)
count=$(wc -l < /tmp/told)
ok 'the second build is installed' apt install "$PACKAGES"/brickd_1.0.1_*.deb
is 'bricks run on' "$(brick_pid v /d/b1; brick_pid v /d/b2)" "$pids"
is 'from the files that they were started from' "$(code v /d/b1; ls -d "$first/dist")" "$first
$first/dist"
no 'there is a new release' [ "$(release)" = "$first" ]
is 'the configuration is as the administrator left it' "$(tail -n 1 /etc/brickd/brickd.yaml)" '# changed by an administrator'
for b in /d/b1 /d/b2; do ok "brick $b starts again" restart $b; is 'with the second build' "$(code v $b)" "$(release)"; done
wait_for 20 eval '[ "$(wc -l < /tmp/told)" -gt $((count + 20)) ]'
touch /tmp/enough
wait $writer
is 'no write failed' "$(head -n 5 /tmp/failures 2>/dev/null)" ''
is 'nothing is lost' "$(cmp /tmp/told /m/numbers 2>&1)" ''
ok 'all is healed' wait_for 60 healed
same_trees 'both bricks hold the same' /d/b1 /d/b2
ok 'the package is installed again' apt --reinstall install "$PACKAGES"/brickd_1.0.1_*.deb
no 'what no brick runs is gone' [ -e "$first" ]

note 'logs are rotated as GlusterFS does it'
log=$(brick_log /d/b1)
cp "$log" "$log.1"; : > "$log"
g volume set v diagnostics.brick-log-level DEBUG >/dev/null
ok 'the log goes on' wait_for 20 [ -s "$log" ]
is 'at its beginning' "$(head -c 1 "$log")" '['

note 'removal'
ok 'the package is removed' apt remove brickd
is 'GlusterFS is as it was' "$(state)" "$before"
is 'as its package has it' "$(verified)" ''
ok 'bricks serve on' cmp /tmp/told /m/numbers
for b in /d/b1 /d/b2; do ok "brick $b starts again" restart $b; no 'and is stock' runs_brickd v $b; done
is 'stock serves what was written' "$(cmp /tmp/told /m/numbers 2>&1)" ''
is 'and what was written before' "$(cd /m/documents && find . -type f -exec sha256sum {} + | sort)" "$documents"
ok 'the package is purged' apt purge brickd
is 'nothing is left' "$(ls -d /etc/brickd $home 2>/dev/null)" ''
end
