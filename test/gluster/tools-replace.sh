# A replica gets a third copy, another brick and an emptied one while clients work; healing fills them and tells truly how it goes.
mount=/m-replace
b=/d/replace/b
mkdir -p /d/replace
bricks=3

healed() { g volume heal replace info | none_to_heal $bricks; }
heals() { g volume heal replace >/dev/null; for _ in 1 2 3; do sleep 1; healed && return; done; return 1; }
same_names() { [ "$(names "$1")" = "$(names "$2")" ]; }
# filled BRICK BRICK: all is healed, and both have the same names.
filled() { heals && same_names "$1" "$2"; }
# agree WHEN BRICK BRICK
agree() {
  alike "replace: names, $1" names "$2" "$3"
  alike "replace: gfids, $1" gfids "$2" "$3"
  alike "replace: data, $1" data "$2" "$3"
  alike "replace: xattrs and ACLs, $1" attributes "$2" "$3"
  is "replace: nothing is pending, $1" "$(pending "$2"; pending "$3")" ''
}
attributes() { (cd "$1" && find . "${ours[@]}" -o -print0 | sort -z | xargs -0 getfattr -h -d -m '^user|^system.posix_acl' -e hex 2>/dev/null); }
all_up() { local i; for i; do up $mount replace-client-$i || return 1; done; }
# of BRICK TEXT: the part of heal info's (or heal-count's) text on that brick.
of() { awk -v brick="gfhost:$1" '/^(Brick|Gathering count of entries to be healed on brick|brick) / { on = index($0, brick) && $NF == brick || index($0, brick " ") } on'; }

g volume create replace replica 2 gfhost:${b}{1,2} force >/dev/null
g volume set replace cluster.heal-timeout 5 >/dev/null
ok 'replace: the volume starts' g volume start replace
ok 'replace: it mounts' mount_volume replace $mount acl
ok 'replace: both bricks are connected' wait_for 30 all_up 0 1
mkdir $mount/kinds
for i in 1 2; do ok "replace: files of all kinds, part $i" bash "$(dirname "$0")/kinds.sh" $mount/kinds $i; done

note 'replace: a third copy'
ok 'replace: a third brick is added' g volume add-brick replace replica 3 gfhost:${b}3 force
ok 'replace: it is connected' wait_for 30 all_up 0 1 2
ok 'replace: it is filled' wait_for 60 filled ${b}1 ${b}3
agree 'after the third brick is added' ${b}1 ${b}3

note 'replace: what heal info tells'
mkdir $mount/told; for i in 1 2; do echo old > $mount/told/changed$i; done
ok 'replace: nothing to heal' wait_for 20 heals
kill -9 "$(brick_pid replace ${b}3)"
ok 'replace: the brick is gone' wait_for 10 down $mount replace-client-2
for i in 1 2; do echo new >> $mount/told/changed$i; done
for i in 1 2 3; do echo new > $mount/told/new$i; done
sync -f $mount
info=$(g volume heal replace info)
counts=$(g volume heal replace statistics heal-count)
for i in 1 2; do
  told=$(of $b$i <<<"$info")
  is "replace: heal info names what is to be healed on brick $i" "$(grep '^/' <<<"$told" | sed 's/ *$//' | sort | tr '\n' ' ')" '/told /told/changed1 /told/changed2 /told/new1 /told/new2 /told/new3 '
  like "replace: heal info counts it on brick $i" "$told" 'Status: Connected
Number of entries: 6'
  is "replace: heal-count counts it on brick $i" "$(of $b$i <<<"$counts" | awk '/^Number of entries:/ { print $4 }')" 6
done
like 'replace: heal info says of the brick that it is away' "$(of ${b}3 <<<"$info")" 'Status: Transport endpoint is not connected
Number of entries: -'
summary=$(g volume heal replace info summary)
for i in 1 2; do
  is "replace: the summary of brick $i" "$(of $b$i <<<"$summary" | grep -v ^Brick | tr '\n' ';' | tr -s ' ;')" \
    'Status: Connected;Total Number of entries: 6;Number of entries in heal pending: 6;Number of entries in split-brain: 0;Number of entries possibly healing: 0;'
done
g volume start replace force >/dev/null
ok 'replace: the brick is back' wait_for 30 all_up 0 1 2
ok 'replace: it is healed again' wait_for 60 heals
agree 'after a brick was away' ${b}1 ${b}3
is 'replace: heal-count is zero' "$(g volume heal replace statistics heal-count | grep -c '^Number of entries: 0')" 3
summary=$(g volume heal replace info summary)
is 'replace: the summary is zero' "$(grep -c '^Total Number of entries: 0' <<<"$summary")" 3
statistics=$(g volume heal replace statistics)
like 'replace: statistics tell of crawls' "$statistics" 'Type of crawl: INDEX'
healed_entries=$(awk '/^No. of entries healed/ { n += $5 } END { print n + 0 }' <<<"$statistics")
like 'replace: statistics tell of what was healed' "$healed_entries" '^[1-9]'
is 'replace: and of no failure at last' "$(awk '/^No. of heal failed entries/ { last = $6 } END { print last }' <<<"$statistics")" 0

note 'replace: replace-brick under load'
node "$dist/work/tree-writer.js" $mount/changing /d/replace/changing & load=$!
wait_for 10 test -e $mount/changing/d4
ok 'replace: a brick is replaced' g volume replace-brick replace gfhost:${b}2 gfhost:${b}4 commit force
ok 'replace: the new one is connected' wait_for 30 all_up 0 1 2
sleep 1
kill -TERM $load
wait $load
is 'replace: the client ended by itself' $? 0
ok 'replace: the new brick is filled' wait_for 60 filled ${b}1 ${b}4
agree 'after replace-brick' ${b}1 ${b}4
is 'replace: nothing failed for the clients' "$(head -qn 5 /d/replace/changing.errors 2>/dev/null)" ''
ok 'replace: the changing files are right' node "$dist/work/tree-writer.js" --check $mount/changing /d/replace/changing

note 'replace: reset-brick'
ok 'replace: a brick is taken out' g volume reset-brick replace gfhost:${b}1 start
ok 'replace: the clients notice' wait_for 10 down $mount replace-client-0
rm -rf ${b}1; mkdir ${b}1
echo meanwhile > $mount/meanwhile
ok 'replace: it comes back empty' g volume reset-brick replace gfhost:${b}1 gfhost:${b}1 commit force
ok 'replace: it is connected again' wait_for 30 all_up 0 1 2
ok 'replace: it is filled again' wait_for 60 filled ${b}4 ${b}1
agree 'after reset-brick' ${b}4 ${b}1

note 'replace: heal full'
kill -9 "$(brick_pid replace ${b}3)"
ok 'replace: a brick is away' wait_for 10 down $mount replace-client-2
# What a repair of its file system may lose: names, handles and content, with no mark of it anywhere.
lost=$(cd ${b}3 && getfattr -n trusted.gfid -e hex told/new1 2>/dev/null | sed -n 's/^trusted.gfid=0x\(..\)\(..\)\(....\)\(....\)\(....\)\(....\)\(.*\)/\1\/\2\/\1\2\3-\4-\5-\6-\7/p')
rm ${b}3/told/new1 "${b}3/.glusterfs/$lost"
rm -rf ${b}3/kinds/times ${b}3/kinds/to
g volume start replace force >/dev/null
ok 'replace: it is back' wait_for 30 all_up 0 1 2
no 'replace: names are missing' same_names ${b}4 ${b}3
heal_full() { g volume heal replace full; }
ok 'replace: heal full starts' wait_for 20 heal_full
ok 'replace: the lost names are back' wait_for 60 filled ${b}4 ${b}3
agree 'after heal full' ${b}4 ${b}3
like 'replace: statistics tell of the full crawl' "$(g volume heal replace statistics)" 'Type of crawl: FULL'
