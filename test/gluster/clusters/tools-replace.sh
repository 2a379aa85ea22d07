# A brick of a replica is replaced while a client works, and another taken out and brought back empty.
volume=replace bricks=3
mount=/m-replace
b=/d/replace/b
mkdir -p /d/replace

g volume create replace replica 3 gfhost:${b}{1,2,3} force >/dev/null
g volume set replace cluster.heal-timeout 5 >/dev/null
ok 'replace: the volume starts' g volume start replace
ok 'replace: it mounts' mount_volume replace $mount acl
ok 'replace: all bricks are connected' wait_for 30 all_up 0 1 2
mkdir $mount/kinds
for i in 1 2; do ok "replace: files of all kinds, part $i" bash "$(dirname "$0")/../kinds.sh" $mount/kinds $i; done

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
ok 'replace: the clients notice' wait_for 10 misses $mount replace-client-0
rm -rf ${b}1; mkdir ${b}1
echo meanwhile > $mount/meanwhile
ok 'replace: it comes back empty' g volume reset-brick replace gfhost:${b}1 gfhost:${b}1 commit force
ok 'replace: it is connected again' wait_for 30 all_up 0 1 2
ok 'replace: it is filled again' wait_for 60 filled ${b}4 ${b}1
agree 'after reset-brick' ${b}4 ${b}1

