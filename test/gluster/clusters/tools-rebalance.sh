# A distributed volume grows and shrinks while clients work: every file stays what it was, and each is where its name's hash says.
# The volume's name has no "rebalance" in it: glusterd looks for that word in the whole command.
files=${TOOLS_FILES:-120}
mount=/m-dht
mkdir -p /d/dht

# What a client sees of the tree, but for the files that are written meanwhile.
tree_state() {
  (cd $mount/tree && find . -path ./hot -prune -o \( -type d -printf '%y %m %U:%G %p\0' -o -type l -printf '%y %l %T@ %p\0' -o -printf '%y %m %U:%G %s %n %T@ %p\0' \) |
    sort -z | tr '\0' '\n'
    find . -path ./hot -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
    find . -path ./hot -prune -o ! -type l -print0 | sort -z | xargs -0 getfattr -d -m '^user' -e hex 2>/dev/null
    find . -path ./hot -prune -o ! -type l -print0 | sort -z | xargs -0 getfacl -n 2>/dev/null)
}
# seen WHEN: a client that knows nothing yet sees the tree as it was made.
seen() {
  local d
  umount $mount; drop_caches
  mount_volume dht $mount acl
  tree_state > /d/dht/now
  d=$(diff /d/dht/made /d/dht/now) && pass "rebalance: $1, the tree is as it was made" || { fail "rebalance: $1, the tree is as it was made"; why "$(head -n 20 <<<"$d")"; }
}
# placed WHEN INDEX ...: these bricks hold it all as distribution wants it; $places says how much.
placed() {
  local when=$1 i where=() problems
  shift
  for i; do where+=("dht-client-$i=/d/dht/b$((i + 1))"); done
  problems=$(python3 "$work/layouts.py" "${where[@]}" 2>&1 >/d/dht/places) && pass "rebalance: $when, layouts and link files are right" ||
    { fail "rebalance: $when, layouts and link files are right"; why "$problems"; }
  places=$(cat /d/dht/places)
  note "rebalance: $when, $places"
}
# State of a rebalance or remove-brick, by its status in XML on standard input: the last statusStr is that of all hosts.
state() { tr -d '\n' | grep -o '<statusStr>[^<]*' | tail -n 1 | cut -d'>' -f2; }
field() { tr -d '\n' | grep -o '<aggregate>.*' | grep -o "<$1>[0-9]*" | cut -d'>' -f2; }
rebalanced() { sleep 0.5; [[ $(g volume rebalance dht status --xml | state) =~ completed|failed ]]; }
removed() { sleep 0.5; [[ $(g volume remove-brick dht gfhost:/d/dht/b1 status --xml | state) =~ completed|failed ]]; }
# load NAME [--reads]: a client writes files that it had opened before, or reads them, and makes new ones.
load() {
  rm -rf /d/dht/expected
  # shellcheck disable=SC2086
  python3 "$work/hot-writer.py" $mount/tree/hot $mount/new.$1 /d/dht/expected ${2:-} & load=$!
  wait_for 10 test -e $mount/new.$1/d150
}
# rest NAME: the client stops, and what it was told is done is there.
rest() {
  kill -TERM $load
  wait $load
  is "rebalance: the client of $1 ended by itself" $? 0
  is "rebalance: nothing failed for it" "$(head -n 5 /d/dht/expected.errors)" ''
  seen "after $1"
  ok "rebalance: files that were open through $1 are right" diff -r $mount/tree/hot /d/dht/expected/hot
  ok "rebalance: files that were made in $1 are right" diff -r $mount/new.$1 /d/dht/expected/new
}

g volume create dht gfhost:/d/dht/b{1,2} force >/dev/null
ok 'rebalance: the volume starts' g volume start dht
ok 'rebalance: it mounts' mount_volume dht $mount acl
ok 'rebalance: a tree is made' python3 "$work/tree-of-kinds.py" $mount/tree "$files"
tree_state > /d/dht/made
placed 'at first' 0 1

note 'rebalance: add-brick'
ok 'rebalance: a brick is added' g volume add-brick dht gfhost:/d/dht/b3 force
ok 'rebalance: fix-layout starts' g volume rebalance dht fix-layout start
ok 'rebalance: fix-layout ends' wait_for 60 rebalanced
is 'rebalance: fix-layout moves nothing' "$(find /d/dht/b3 -path '*/.glusterfs' -prune -o -type f -print | head -n 5)" ''
placed 'after fix-layout' 0 1 2
seen 'after fix-layout'
placed 'after looking up all' 0 1 2

load rebalance
ok 'rebalance: rebalance starts' g volume rebalance dht start
ok 'rebalance: rebalance ends' wait_for 120 rebalanced
# A brick refuses the copy that is late for what a client has written to meanwhile: such a file stays where it is.
is 'rebalance: it failed for no file that is not written' "$(grep -aE ' E .*(Migrate file failed|migrate-data failed|lookup failed)' /var/log/glusterfs/dht-rebalance.log | grep -av '/tree/hot/' | head -n 5)" ''
like 'rebalance: it moved files' "$(g volume rebalance dht status --xml | field files)" '^[1-9][0-9]+$'
rest rebalance
placed 'after rebalance with load' 0 1 2

if [ -n "${TOOLS_FILES:-}" ]; then
  ok 'rebalance: it starts again by force' g volume rebalance dht start force
  ok 'rebalance: the forced one ends' wait_for 60 rebalanced
  is 'rebalance: the forced one failed for no file' "$(g volume rebalance dht status --xml | field failures)" 0
  placed 'after a forced rebalance' 0 1 2
fi

note 'rebalance: remove-brick'
# Read only, as a brick with files left on it is not given up.
load removal --reads
ok 'rebalance: remove-brick starts' g volume remove-brick dht gfhost:/d/dht/b1 start
ok 'rebalance: remove-brick ends' wait_for 120 removed
is 'rebalance: remove-brick failed for no file' "$(g volume remove-brick dht gfhost:/d/dht/b1 status --xml | field failures)" 0
is 'rebalance: the brick holds no file any more' "$(find /d/dht/b1 -path '*/.glusterfs' -prune -o ! -type d ! -perm 1000 -print | head -n 5)" ''
# Before the commit: a descriptor that was not used since its file moved is lost with the brick.
rest removal
ok 'rebalance: remove-brick is committed' g volume remove-brick dht gfhost:/d/dht/b1 commit
seen 'after the brick is gone'
placed 'after remove-brick' 1 2
