"""fsx.py HOST VOLUME NAME SEED SECONDS: random reads and writes of one file through libgfapi, by several open descriptors, against what
a copy in memory says. Ends with a line "NAME: N operations, all as expected", or tells the first wrong byte; status 1."""
import os
import random
import sys
import time

from glfs import Volume

LONGEST = 1 << 20
OP_MAX = 200_000


class Wrong(Exception):
    pass


class Tester:
    def __init__(self, volume, path, seed):
        self.v, self.path = volume, path
        self.rng = random.Random(seed)
        self.good = bytearray()
        self.log = []
        self.fds = [volume.creat(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), volume.open(path, os.O_RDWR)]

    def span(self):
        """Mostly anywhere, sometimes at a page's edge."""
        at = self.rng.randrange(LONGEST)
        if self.rng.random() < 0.3:
            at &= ~4095
        return at, min(self.rng.randrange(1, OP_MAX if self.rng.random() < 0.3 else 9000), LONGEST - at)

    def grow(self, size):
        if size > len(self.good):
            self.good.extend(bytes(size - len(self.good)))

    def step(self):
        rng = self.rng
        kind = rng.choices(('write', 'read', 'truncate', 'zerofill', 'discard', 'fallocate', 'reopen', 'size', 'sync'),
                           (30, 35, 6, 6, 6, 4, 2, 4, 1))[0]
        fd, (at, n) = rng.choice(self.fds), self.span()
        self.log = self.log[-30:] + [(kind, at, n)]
        if kind == 'write':
            data = rng.randbytes(n)
            if self.v.pwrite(fd, data, at) != n:
                raise Wrong('short write')
            self.grow(at + n)
            self.good[at:at + n] = data
        elif kind == 'read':
            got, want = self.v.pread(fd, n, at), bytes(self.good[at:at + n])
            if got != want:
                where = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
                raise Wrong(f'read of {n} at {at}: {len(got)} bytes for {len(want)}, the first wrong one at {at + where}')
        elif kind == 'truncate':
            self.v.ftruncate(fd, at)
            self.grow(at)
            del self.good[at:]
        elif kind == 'zerofill':
            self.v.zerofill(fd, at, n)
            self.grow(at + n)
            self.good[at:at + n] = bytes(n)
        elif kind == 'discard':
            self.v.discard(fd, at, n)
            end = min(at + n, len(self.good))
            if end > at:
                self.good[at:end] = bytes(end - at)
        elif kind == 'fallocate':
            self.v.fallocate(fd, 0, at, n)
            self.grow(at + n)
        elif kind == 'reopen':
            i = rng.randrange(len(self.fds))
            self.v.fclose(self.fds[i])
            self.fds[i] = self.v.open(self.path, os.O_RDWR)
        elif kind == 'size':
            size = self.v.lstat(self.path).size
            if size != len(self.good):
                raise Wrong(f'size {size} for {len(self.good)}')
        else:
            self.v.fsync(fd)


def main():
    host, volume, name, seed, seconds = sys.argv[1:6]
    tester = Tester(Volume(volume.encode(), host.encode(), b'/var/log/glusterfs/fsx.log'), b'/' + name.encode(), int(seed))
    until, count = time.monotonic() + float(seconds), 0
    try:
        while time.monotonic() < until:
            tester.step()
            count += 1
    except (Wrong, OSError) as e:
        print(f'{name}: operation {count}: {e}; the last: {tester.log}')
        return 1
    print(f'{name}: {count} operations, all as expected')
    return 0


status = main()
sys.stdout.flush()
os._exit(status)
