"""differ.py HOST VOLUME VOLUME SEED COUNT [LABEL]: plays a random stream on both volumes and compares every result. A difference is
shrunk to a short script that shows it, printed as Python (a long one goes to a file); status 1."""
import os
import sys
import time

from glfs import Volume
from operations import Stream
from player import Player

LONG = 60
SHRINK_S = float(os.environ.get('SHRINK_S', '60'))


LOOKS = {'lstat', 'listdir', 'access', 'readlink', 'getxattr', 'listxattr', 'pread', 'lseek', 'fsync', 'fstat', 'fgetxattr'}
counts = {}
keys = []


def invented(seed, many, ops):
    """A stream as it is being played: what is played is appended to ops, what came of it is sent in."""
    s = Stream(seed)
    for _ in range(many):
        op = s.next()
        ops.append(op)
        result = yield op
        key = result if isinstance(result, str) else 'done'
        counts[key] = counts.get(key, 0) + 1
        keys.append(key)
        s.learn(op, key == 'done')


def first_difference(volumes, ops, label):
    """Index and both results of the first operation that differs, or None."""
    players = [Player(v, b'/' + label) for v in volumes]
    results = [[None]]
    try:
        i = -1
        while True:
            try:
                op = ops.send(None if i < 0 else results[0][0]) if hasattr(ops, 'send') else ops[i + 1]
            except (StopIteration, IndexError):
                return None
            i += 1
            results = [p.play(op) for p in players]
            if not alike(op, *results):
                return i, results
    finally:
        for p in players:
            p.end()


def alike(op, one, two):
    if op[0] == 'listdir' and isinstance(one[0], list) and isinstance(two[0], list):
        # Stock leaves attributes out where the user may not search the directories above, however he got there.
        one, two = ([[(name, None if (a[1][0] == '0o0') or (b[1][0] == '0o0') else x[1]) for (name, _), x, a, b in
                      zip(r[0], r[0], one[0], two[0])], *r[1:]] if len(one[0]) == len(two[0]) else r for r in (one, two))
    return one == two


def shrink(volumes, ops, label):
    """Drops whatever the difference at the end does not need. It stays one of the same kind of operation."""
    kind = ops[-1][0]
    until = time.monotonic() + SHRINK_S
    tries = 1
    # Most of what failed or only looked has no part in it.
    fewer = [op for op, key in zip(ops, keys) if key == 'done' and op[0] not in LOOKS] + ops[-1:]
    found = first_difference(volumes, fewer, label + b'.0')
    if found is not None and fewer[found[0]][0] == kind:
        ops = fewer[: found[0] + 1]
    step = max(1, len(ops) // 2)
    while step >= 1 and time.monotonic() < until:
        at, dropped = 0, False
        while at < len(ops) - 1 and time.monotonic() < until:
            fewer = ops[:at] + ops[min(at + step, len(ops) - 1):]
            tries += 1
            found = first_difference(volumes, fewer, b'%s.%d' % (label, tries))
            if found is not None and fewer[found[0]][0] == kind:
                ops, dropped = fewer[: found[0] + 1], True
            else:
                at += step
        step = step // 2 if step > 1 or not dropped else 1
    return ops, tries


def brief(value):
    """Long data in short, where it is one byte again and again."""
    if isinstance(value, bytes) and len(value) > 60 and len(set(value)) == 1:
        return Times(value)
    return value


class Times:
    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f'{self.value[:1]!r} * {len(self.value)}'


def main():
    host, one, two, seed, count = sys.argv[1:6]
    label = (sys.argv[6] if len(sys.argv) > 6 else 'seed' + seed).encode()
    volumes = [Volume(name.encode(), host.encode(), b'/var/log/glusterfs/differ.log') for name in (one, two)]
    ops = []
    began = time.monotonic()
    found = first_difference(volumes, invented(int(seed), int(count), ops), label)
    if found is None:
        print(f'seed {seed}: {count} operations alike in {time.monotonic() - began:.1f} s:',
              ', '.join(f'{k} {n}' for k, n in sorted(counts.items(), key=lambda c: -c[1])), flush=True)
        return 0
    print(f'seed {seed}: operation {found[0]} differs: {[brief(a) for a in ops[found[0]]]}\n  {one}: {found[1][0]}\n  {two}: {found[1][1]}', flush=True)
    short, tries = shrink(volumes, ops[: found[0] + 1], label + b'.s')
    again = first_difference(volumes, short, label + b'.last')
    print(f'{len(short)} operations (of {found[0] + 1}, after {tries} tries) show a difference:', flush=True)
    where = sys.stdout
    if len(short) > LONG:
        where = open('/var/log/glusterfs/%s.script' % label.decode(), 'w')
        print('   see', where.name)
    for op in short:
        print('  ', [brief(a) for a in op], file=where)
    if again is not None:
        print(f'  {one}: {again[1][0]}\n  {two}: {again[1][1]}')
    return 1


# Not by sys.exit: clients that are still connected have threads that outlive the interpreter.
status = main()
sys.stdout.flush()
os._exit(status)
