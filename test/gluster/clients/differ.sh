. "$(dirname "$0")/../lib.sh"
# DIFFER_SEEDS, DIFFER_COUNT: which streams, and operations of each. test/gluster/differ/README.md tells what is left out.
ondisk() { node "$repo/dist/test/gluster/ondisk/main.js" "$@"; }
mine=$BRICK
ok 'glusterd starts' start_glusterd
lab-brick stock
ok 'a stock volume starts' volume s /d/s
[ "$mine" = stock ] || lab-brick "$mine"
ok 'a volume starts' volume v /d/v
# What clients keep for themselves would hide what bricks say.
for name in s v; do
  ok 'caches off' g volume set $name performance.stat-prefetch off performance.quick-read off performance.io-cache off \
    performance.write-behind off performance.open-behind off performance.read-ahead off performance.readdir-ahead off
done
# Its clients come now, and get the volume file that has this.
for seed in ${DIFFER_SEEDS:-1 2 3}; do
  out=$(python3 "$repo/test/gluster/differ/differ.py" gfhost s v "$seed" "${DIFFER_COUNT:-2500}" 2>&1)
  like "seed $seed: all alike" "$out" "^seed $seed: [0-9]+ operations alike"
  note "$(head -n 1 <<<"$out" | cut -c1-300)"
done
[ "$mine" = stock ] || is 'the contract is kept' "$(ondisk check /d/v 2>&1 | head -n 40)" ""
# Stock loses some handles and gfid2path xattrs, and keeps some that nothing has any more, in blocks of their own: the check above is stricter.
described() { ondisk describe "$1" 2>&1 | grep -avE '^[0-9]+ handles$|: (gfid2path |blocks )'; }
is 'same on disk' "$(diff -a <(described /d/s) <(described /d/v) | head -n 40)" ""
like 'there is something' "$(ondisk describe /d/v | wc -l)" '^[0-9]{3,}$'
end
