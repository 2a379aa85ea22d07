# Copies that each have changed without the other: healing must not choose, reads must not either, and an operator's word settles it.
mount=/m-splitbrain
b=/d/splitbrain/b
mkdir -p /d/splitbrain
volume=splitbrain bricks=2

both() { sees $mount splitbrain-client-0 && sees $mount splitbrain-client-1; }
# without INDEX: that brick is killed; back: it is there again.
without() { kill -9 "$(brick_pid splitbrain $b$(($1 + 1)))"; wait_for 10 misses $mount splitbrain-client-$1; }
back() { g volume start splitbrain force >/dev/null; wait_for 30 both; }
# eio WHAT COMMAND ...: it fails with EIO.
eio() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then fail "splitbrain: $what"; why "$* succeeded: $said"; else like "splitbrain: $what" "$said" 'Input/output error'; fi
}
by() { g volume heal splitbrain split-brain "$@"; }
# told BRICK: the names that heal info split-brain told of it. Of a file that can't be looked up it may tell the gfid.
ask() { info=$(g volume heal splitbrain info split-brain); }
told() {
  local line
  awk -v brick="Brick gfhost:$1" '/^Brick / { on = $0 == brick } on && /^[\/<]/' <<<"$info" | while read -r line; do
    if [[ $line =~ ^\<gfid:((..)(..).*)\> ]]; then
      line=$(find "$1" -path "$1/.glusterfs" -prune -o -samefile "$(readlink -f "$1/.glusterfs/${BASH_REMATCH[2]}/${BASH_REMATCH[3]}/${BASH_REMATCH[1]}")" -printf '/%P')
    fi
    echo "$line"
  done | sort | tr '\n' ' '
}
content() { head -qc 100 ${b}1/"$1" ${b}2/"$1" | tr '\n' ' '; }
modes() { stat -c %a ${b}1/"$1" ${b}2/"$1" | tr '\n' ' '; }
dashed() { sed -n 's/^trusted.gfid=0x\(.\{8\}\)\(....\)\(....\)\(....\)\(.*\)/\1-\2-\3-\4-\5/p' <<<"$(getfattr -n trusted.gfid -e hex "$1" 2>/dev/null)"; }

g volume create splitbrain replica 2 gfhost:${b}{1,2} force >/dev/null
# By latest-mtime, healing finds no difference while clients keep the times: no ctime.
# shellcheck disable=SC2046
g volume set splitbrain cluster.quorum-type none ctime off $(printf '%s off ' cluster.{self-heal-daemon,data-self-heal,metadata-self-heal,entry-self-heal} \
  performance.{stat-prefetch,quick-read,io-cache,read-ahead,write-behind,open-behind}) >/dev/null
ok 'splitbrain: the volume starts' g volume start splitbrain
ok 'splitbrain: it mounts' mount_volume splitbrain $mount attribute-timeout=0,entry-timeout=0,negative-timeout=0
ok 'splitbrain: both bricks are connected' wait_for 30 both
mkdir $mount/{data,meta,gfid}
for i in 1 2 3 4 5 6; do echo "old $i" > $mount/data/f$i; echo "meta $i" > $mount/meta/f$i; done

ok 'splitbrain: the second brick is killed' without 1
for i in 1 2 3 4 5 6; do echo "first $i, and longer" > $mount/data/f$i; chmod 600 $mount/meta/f$i; setfattr -n user.by -v first $mount/meta/f$i; done
for i in 1 2 3 4; do echo "first $i, and longer" > $mount/gfid/f$i; done
ok 'splitbrain: it is back' back
sleep 1   # The later mtime must be so by a second.
ok 'splitbrain: the first brick is killed' without 0
for i in 1 2 3 4 5 6; do echo "second $i" > $mount/data/f$i; chmod 640 $mount/meta/f$i; setfattr -n user.by -v second $mount/meta/f$i; done
for i in 1 2 3 4; do echo "second $i" > $mount/gfid/f$i; done
ok 'splitbrain: both are back' back

is 'splitbrain: the copies differ' "$(content data/f1)/ $(modes meta/f1)" 'first 1, and longer second 1 / 600 640 '
ask
for i in 1 2; do
  is "splitbrain: heal info split-brain names all on brick $i" "$(told $b$i)" '/data/f1 /data/f2 /data/f3 /data/f4 /data/f5 /data/f6 /gfid /meta/f1 /meta/f2 /meta/f3 /meta/f4 /meta/f5 /meta/f6 '
done
is 'splitbrain: the summary counts them' "$(g volume heal splitbrain info summary | awk '/in split-brain:/ { printf "%s ", $NF }')" '13 13 '
eio 'data is not read' cat $mount/data/f1
eio 'nor written' bash -c "echo x >> $mount/data/f1"
eio 'attributes are not read' getfattr -n user.by $mount/meta/f1
eio 'nor changed' chmod 777 $mount/meta/f1
eio 'a name of two files is not looked up' stat $mount/gfid/f1
eio 'nor read' cat $mount/gfid/f2

note 'splitbrain: resolved'
g volume set splitbrain cluster.self-heal-daemon on >/dev/null
ok 'splitbrain: data by latest-mtime' by latest-mtime /data/f1
is 'splitbrain: the later one is kept' "$(content data/f1)" 'second 1 second 1 '
ok 'splitbrain: data by bigger-file' by bigger-file /data/f2
is 'splitbrain: the bigger one is kept' "$(content data/f2)" 'first 2, and longer first 2, and longer '
ok 'splitbrain: data by source-brick' by source-brick gfhost:${b}1 /data/f3
is 'splitbrain: the copy of that brick is kept' "$(content data/f3)" 'first 3, and longer first 3, and longer '
ok 'splitbrain: data by gfid' by source-brick gfhost:${b}2 "gfid:$(dashed ${b}1/data/f4)"
is 'splitbrain: the copy of the other brick is kept' "$(content data/f4)" 'second 4 second 4 '
ok 'splitbrain: metadata by source-brick' by source-brick gfhost:${b}1 /meta/f1
is 'splitbrain: the mode of that brick is kept' "$(modes meta/f1)" '600 600 '
is 'splitbrain: its xattr is kept' "$(getfattr --absolute-names --only-values -n user.by ${b}1/meta/f1 ${b}2/meta/f1)" firstfirst
no 'splitbrain: metadata is not resolved by times' by latest-mtime /meta/f2
ok 'splitbrain: a gfid by latest-mtime' by latest-mtime /gfid/f1
ok 'splitbrain: a gfid by bigger-file' by bigger-file /gfid/f2
ok 'splitbrain: a gfid by source-brick' by source-brick gfhost:${b}1 /gfid/f3
ok 'splitbrain: the last gfid by source-brick' by source-brick gfhost:${b}2 /gfid/f4
no 'splitbrain: what is no more split is not resolved again' by bigger-file /data/f2
no 'splitbrain: nor what does not exist' by bigger-file /data/none
ask
for i in 1 2; do
  rest=$(told $b$i)
  # A directory stays told of until it is healed as a whole.
  is "splitbrain: the rest is told on brick $i" "${rest/\/gfid /}" '/data/f5 /data/f6 /meta/f2 /meta/f3 /meta/f4 /meta/f5 /meta/f6 '
done
ok 'splitbrain: the rest by one brick' by source-brick gfhost:${b}1
ok 'splitbrain: all is healed' wait_for 60 heals
ask
for i in 1 2; do is "splitbrain: none is left on brick $i" "$(told $b$i)" ''; done
for what in names gfids data; do alike "splitbrain: the bricks agree on $what" $what ${b}1 ${b}2; done
is 'splitbrain: nothing is pending' "$(pending ${b}1; pending ${b}2)" ''
is 'splitbrain: all is read' "$(cat $mount/data/f{1..6} $mount/gfid/f{1..4} | tr '\n' ';')" \
  'second 1;first 2, and longer;first 3, and longer;second 4;first 5, and longer;first 6, and longer;second 1;first 2, and longer;first 3, and longer;second 4;'
is 'splitbrain: attributes are read' "$(stat -c %a $mount/meta/f{1..6} | tr '\n' ' ')" '600 600 600 600 600 600 '
