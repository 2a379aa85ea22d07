#!/bin/bash
# The tools that change a volume under its clients, each on a volume of its own, all at once: what they wait for is mostly time.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../agree.sh"
work=$repo/test/gluster/work

# Of a replica $volume of $bricks bricks, mounted at $mount.
healed() { g volume heal $volume info | none_to_heal $bricks; }
heals() { g volume heal $volume >/dev/null; for _ in 1 2 3; do sleep 1; healed && return; done; return 1; }
same_names() { [ "$(names "$1")" = "$(names "$2")" ]; }
# filled BRICK BRICK: all is healed, and both have the same names.
filled() { heals && same_names "$1" "$2"; }
# agree WHEN BRICK BRICK
agree() {
  alike "$volume: names, $1" names "$2" "$3"
  alike "$volume: gfids, $1" gfids "$2" "$3"
  alike "$volume: data, $1" data "$2" "$3"
  alike "$volume: xattrs and ACLs, $1" attributes "$2" "$3"
  is "$volume: nothing is pending, $1" "$(pending "$2"; pending "$3")" ''
}
attributes() { (cd "$1" && find . "${ours[@]}" -o -print0 | sort -z | xargs -0 getfattr -h -d -m '^user|^system.posix_acl' -e hex 2>/dev/null); }
all_up() { local i; for i; do sees $mount $volume-client-$i || return 1; done; }

start_glusterd || fail 'glusterd starts'
jobs=()
parts=${TOOLS:-rebalance heal replace splitbrain}
for part in $parts; do
  # shellcheck disable=SC1090
  (SECONDS=0; . "$(dirname "$0")/tools-$part.sh"; note "$part ends") > "/var/log/glusterfs/tools-$part.out" 2>&1 &
  jobs+=($!)
done
wait "${jobs[@]}"
for part in $parts; do
  cat "/var/log/glusterfs/tools-$part.out"
  like "$part came to its end" "$(tail -n 1 "/var/log/glusterfs/tools-$part.out")" "^# $part ends"
done
end
