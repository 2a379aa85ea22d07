#!/bin/bash
# A replica whose bricks belong to hosts of two releases of GlusterFS, h1 with this machine's and h2 with that in TREE, and a
# client of each release, c1 and c2. Without BRICK=stock both hosts have brickd installed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../agree.sh"
. "$(dirname "$0")/../net.sh"
bricks=2

system[h2]=$TREE system[c2]=$TREE
hosts h1 h2 c1 c2 || { end; exit; }
release() { on "$1" glusterfs --version | awk 'NR == 1 { split($2, v, "."); print v[1] }'; }
older=$(release h1)
is 'the second host has a later release' "$(release h2) $(release c2)" "$((older + 1)) $((older + 1))"
is 'so has the second client' "$(release c1)" "$older"
for h in h1 h2; do [ "$BRICK" = stock ] || ok "brickd is installed on $h" on $h "$BRICK" install --all; done
ok 'hosts of two releases make a pool' pool h1 h2
gh h1 volume create v replica 2 h1:/d/b h2:/d/b force >/dev/null
gh h1 volume set v cluster.heal-timeout 5 >/dev/null
gh h1 volume set v network.ping-timeout 3 >/dev/null
ok 'the volume starts' gh h1 volume start v
for h in h1 h2; do [ "$BRICK" = stock ] || ok "the brick of $h is brickd" runs_brickd $h; done
for c in c1 c2; do ok "$c mounts" mount_on $c; ok "$c has both bricks" wait_for 30 connected $c; done

on c1 cp -r /usr/include/linux/netfilter /m/tree
is 'the later client reads what the older has written' "$(on c2 bash -c 'cd /m && find . -type f -exec sha256sum {} + | sort')" "$(on c1 bash -c 'cd /m && find . -type f -exec sha256sum {} + | sort')"

apart() { ! connected "$1"; }
# without HOST CLIENT: the client works while the host's brick is away, and the brick is healed when it is back.
without() {
  local h=$1 c=$2 other=c1
  [ $c = c2 ] || other=c2
  note "$c works without the brick of $h"
  on $h kill -9 "$(brick_on $h)"
  ok "$c has lost it" wait_for 20 apart $c
  on $c bash -c 'cp -r /m/tree "/m/copy.$0" && rm -r /m/tree/ipset; echo "$0" >> /m/appended; mkdir "/m/of.$0"; ln -s there "/m/link.$0"; setfattr -n user.by -v "$0" /m/appended' "$h"
  no 'there is something to heal' eval 'gh h1 volume heal v info | none_to_heal $bricks'
  gh h1 volume start v force >/dev/null
  ok "$c has it back" wait_for 30 connected $c
  ok "$other has it back" wait_for 30 connected $other
  ok 'all is healed' wait_for 60 healed
  for what in names gfids data; do alike "$what are the same" $what /d/h1/b /d/h2/b; done
  is 'nothing is pending' "$(pending /d/h1/b; pending /d/h2/b)" ''
  is "$other sees it all" "$(on $other tail -n 1 /m/appended) $(on $other readlink "/m/link.$h") $(on $other getfattr --only-values -n user.by /m/appended)" "$h there $h"
  on $c cp -r "/m/copy.$h/ipset" /m/tree/
}
without h1 c2
without h2 c1
for h in h1 h2; do
  told=$(gh $h volume status v clients | awk -v net="^$net.(${number[c1]}|${number[c2]}):" '$1 ~ net { print $NF }' | sort -u | xargs)
  is "glusterd of $h shows clients of both op-versions" "$told" "$((older * 10000)) $(((older + 1) * 10000))"
done
end
