. "$(dirname "$0")/../lib.sh"
# FSX_S: seconds; FSX_PROCESSES: how many files at once.
ok 'glusterd starts' start_glusterd
ok 'a volume starts' volume v /d/b1 /d/b2
# Some caches of clients forget what another descriptor of the same client wrote, with stock bricks as well.
ok 'caches off' g volume set v performance.stat-prefetch off performance.quick-read off performance.io-cache off \
  performance.write-behind off performance.open-behind off performance.read-ahead off
# Its clients come now, and get the volume file that has this.
for i in $(seq "${FSX_PROCESSES:-4}"); do
  python3 "$repo/test/gluster/differ/fsx.py" gfhost v "file$i" "$i" "${FSX_S:-8}" > "/d/fsx$i" 2>&1 &
done
wait
for i in $(seq "${FSX_PROCESSES:-4}"); do
  like "file $i" "$(cat /d/fsx$i)" "^file$i: [0-9]+ operations, all as expected"
  note "$(cut -c1-300 /d/fsx$i)"
done
quiet_log /d/b1
quiet_log /d/b2
end
