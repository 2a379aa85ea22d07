# A replica gets a third copy; healing fills it, and whatever a brick has missed or lost, and tells truly how it goes.
volume=heal bricks=3
mount=/m-heal
b=/d/heal/b
mkdir -p /d/heal

# of BRICK TEXT: the part of heal info's (or heal-count's) text on that brick.
of() { awk -v brick="gfhost:$1" '/^(Brick|Gathering count of entries to be healed on brick|brick) / { on = index($0, brick) && $NF == brick || index($0, brick " ") } on'; }

g volume create heal replica 2 gfhost:${b}{1,2} force >/dev/null
g volume set heal cluster.heal-timeout 5 >/dev/null
ok 'heal: the volume starts' g volume start heal
ok 'heal: it mounts' mount_volume heal $mount acl
ok 'heal: both bricks are connected' wait_for 30 all_up 0 1
mkdir $mount/kinds
for i in 1 2; do ok "heal: files of all kinds, part $i" bash "$(dirname "$0")/../kinds.sh" $mount/kinds $i; done

note 'heal: a third copy'
ok 'heal: a third brick is added' g volume add-brick heal replica 3 gfhost:${b}3 force
ok 'heal: it is connected' wait_for 30 all_up 0 1 2
ok 'heal: it is filled' wait_for 60 filled ${b}1 ${b}3
agree 'after the third brick is added' ${b}1 ${b}3

note 'heal: what heal info tells'
mkdir $mount/told; for i in 1 2; do echo old > $mount/told/changed$i; done
ok 'heal: nothing to heal' wait_for 20 heals
kill -9 "$(brick_pid heal ${b}3)"
ok 'heal: the brick is gone' wait_for 10 misses $mount heal-client-2
for i in 1 2; do echo new >> $mount/told/changed$i; done
for i in 1 2 3; do echo new > $mount/told/new$i; done
sync -f $mount
info=$(g volume heal heal info)
counts=$(g volume heal heal statistics heal-count)
for i in 1 2; do
  told=$(of $b$i <<<"$info")
  is "heal: heal info names what is to be healed on brick $i" "$(grep '^/' <<<"$told" | sed 's/ *$//' | sort | tr '\n' ' ')" '/told /told/changed1 /told/changed2 /told/new1 /told/new2 /told/new3 '
  like "heal: heal info counts it on brick $i" "$told" 'Status: Connected
Number of entries: 6'
  is "heal: heal-count counts it on brick $i" "$(of $b$i <<<"$counts" | awk '/^Number of entries:/ { print $4 }')" 6
done
like 'heal: heal info says of the brick that it is away' "$(of ${b}3 <<<"$info")" 'Status: Transport endpoint is not connected
Number of entries: -'
summary=$(g volume heal heal info summary)
for i in 1 2; do
  is "heal: the summary of brick $i" "$(of $b$i <<<"$summary" | grep -v ^Brick | tr '\n' ';' | tr -s ' ;')" \
    'Status: Connected;Total Number of entries: 6;Number of entries in heal pending: 6;Number of entries in split-brain: 0;Number of entries possibly healing: 0;'
done
g volume start heal force >/dev/null
ok 'heal: the brick is back' wait_for 30 all_up 0 1 2
ok 'heal: it is healed again' wait_for 60 heals
agree 'after a brick was away' ${b}1 ${b}3
is 'heal: heal-count is zero' "$(g volume heal heal statistics heal-count | grep -c '^Number of entries: 0')" 3
summary=$(g volume heal heal info summary)
is 'heal: the summary is zero' "$(grep -c '^Total Number of entries: 0' <<<"$summary")" 3
statistics=$(g volume heal heal statistics)
like 'heal: statistics tell of crawls' "$statistics" 'Type of crawl: INDEX'
healed_entries=$(awk '/^No. of entries healed/ { n += $5 } END { print n + 0 }' <<<"$statistics")
like 'heal: statistics tell of what was healed' "$healed_entries" '^[1-9]'
is 'heal: and of no failure at last' "$(awk '/^No. of heal failed entries/ { last = $6 } END { print last }' <<<"$statistics")" 0

note 'heal: heal full'
kill -9 "$(brick_pid heal ${b}3)"
ok 'heal: a brick is away' wait_for 10 misses $mount heal-client-2
# What a repair of its file system may lose: names, handles and content, with no mark of it anywhere.
lost=$(cd ${b}3 && getfattr -n trusted.gfid -e hex told/new1 2>/dev/null | sed -n 's/^trusted.gfid=0x\(..\)\(..\)\(....\)\(....\)\(....\)\(....\)\(.*\)/\1\/\2\/\1\2\3-\4-\5-\6-\7/p')
rm ${b}3/told/new1 "${b}3/.glusterfs/$lost"
rm -rf ${b}3/kinds/times ${b}3/kinds/to
g volume start heal force >/dev/null
ok 'heal: it is back' wait_for 30 all_up 0 1 2
no 'heal: names are missing' same_names ${b}1 ${b}3
heal_full() { g volume heal heal full; }
ok 'heal: heal full starts' wait_for 20 heal_full
ok 'heal: the lost names are back' wait_for 60 filled ${b}1 ${b}3
agree 'after heal full' ${b}1 ${b}3
like 'heal: statistics tell of the full crawl' "$(g volume heal heal statistics)" 'Type of crawl: FULL'
