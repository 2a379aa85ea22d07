# What the bricks of a replica must agree on, and the state of healing.
ours=(\( -path ./.glusterfs -o -path './.glusterfs-anonymous-inode*' \) -prune)

names() { (cd "$1" && find . "${ours[@]}" -o -printf '%y %m %U:%G %p\n' | sort); }
gfids() { (cd "$1" && find . "${ours[@]}" -o -print0 | sort -z | xargs -0 getfattr -h -n trusted.gfid -e hex 2>/dev/null); }
data() { (cd "$1" && find . "${ours[@]}" -o -type f -print0 | sort -z | xargs -0 -r sha256sum); }
pending() { (cd "$1" && find . "${ours[@]}" -o -print0 | xargs -0 getfattr -h -d -m '^trusted.afr' -e hex 2>/dev/null | grep '^trusted' | grep -vE '=0x0*$'); }
# alike WHAT COMMAND BRICK BRICK
alike() {
  local d
  d=$(diff <("$2" "$3") <("$2" "$4")) && pass "$1" || { fail "$1"; why "$(head -n 20 <<<"$d")"; }
}
# none_to_heal BRICKS: what `heal info` says, on standard input, is zero for at least that many bricks.
none_to_heal() { awk -v bricks="$1" '/^Number of entries:/ { n++; if ($4 != "0") bad = 1 } END { exit bad || n < bricks }'; }
