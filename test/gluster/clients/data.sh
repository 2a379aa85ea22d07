. "$(dirname "$0")/../lib.sh"
ok 'glusterd starts' start_glusterd
ok 'volume of two bricks starts' volume v /d/b1 /d/b2
# The second mount must see at once what the first does: no caches in the clients.
ok 'caches off' g volume set v performance.stat-prefetch off performance.quick-read off performance.io-cache off \
  performance.write-behind off performance.open-behind off performance.read-ahead off performance.readdir-ahead off
options=attribute-timeout=0,entry-timeout=0,negative-timeout=0
ok 'mounts' mount_volume v /m "$options" || { end; exit; }
ok 'mounts twice' mount_volume v /m2 "$options,direct-io-mode=enable" || { end; exit; }

note 'libgfapi'
# In one go: a client by libgfapi takes ten seconds to end.
fio_job() { echo "--name=$2 --ioengine=$1 --volume=v --brick=gfhost --size=16m --filename=fio-$2 --rw=$2 --bs=$3 --iodepth=$4 --verify=crc32c --verify_fatal=1 --do_verify=1 --fsync=64"; }
ok 'fio of different kinds verifies' fio \
  $(fio_job gfapi_async randwrite 4k 16) $(fio_job gfapi_async write 128k 4) $(fio_job gfapi randrw 16k 1) $(fio_job gfapi_async rw 1m 8)
drop_caches
ok 'fio verifies through the mount' fio --name=again --filename=/m/fio-randwrite --rw=randwrite --bs=4k --size=16m \
  --verify=crc32c --verify_fatal=1 --verify_only
ok 'fio by the mount, O_DIRECT, four files at once' fio --name=direct --directory=/m --rw=randrw --bs=4k --size=4m --numjobs=4 --direct=1 \
  --verify=crc32c --verify_fatal=1

python3 "$repo/test/gluster/work/gfapiops.py" v gfhost /m2

note 'operations of programs, as a local directory does them'
mkdir -p /m/ops /d/local/ops
for work in dataops nameops; do
  python3 "$repo/test/gluster/work/$work.py" /d/local/ops /d/local/ops > /d/$work.local 2>&1
  python3 "$repo/test/gluster/work/$work.py" /m/ops /m2/ops > /d/$work.mount 2>&1
  ok "$work: the local run ends" grep -q '^end$' /d/$work.local
  is "$work: gives what a local directory gives" "$(diff -a /d/$work.local /d/$work.mount)" ""
  like "$work: does something" "$(wc -l < /d/$work.local)" '^[0-9]{2,}$'
done

note 'room'
read -r size used < <(df --output=size,used -B1 /d | tail -n 1)
read -r msize mused < <(df --output=size,used -B1 /m | tail -n 1)
# Both bricks share one file system, which glusterd knows (shared-brick-count).
ok "statfs: size $msize of $size" test "$msize" -gt $((size * 97 / 100)) -a "$msize" -le "$size"
ok 'statfs: use' test $((mused - used)) -lt $((size * 3 / 100)) -a $((used - mused)) -lt $((size * 3 / 100))
ok 'no reserve' g volume set v storage.reserve 0
sleep 1
mused=$(df --output=used -B1 /m | tail -n 1)
dd if=/dev/zero of=/m/space bs=1M count=100 conv=fsync status=none
after=$(df --output=used -B1 /m | tail -n 1)
ok 'statfs: 100 MiB more' test $((after - mused)) -gt 100000000 -a $((after - mused)) -lt 140000000
rm -r /m/ops/many /m/fio*
sum=$(sums /m | sha256sum)
umount /m /m2
drop_caches
ok 'mounts again' mount_volume v /m
is 'all is the same after it' "$(sums /m | sha256sum)" "$sum"
umount /m
for b in /d/b1 /d/b2; do quiet_log $b "File name too long|No data available|COPY_FILE_RANGE"; done
end
