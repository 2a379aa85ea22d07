"""differ.py HOST VOLUME VOLUME SEED COUNT [LABEL]: plays a random stream on both volumes and compares every result. A difference is
shrunk to a short script that shows it, printed as Python; status 1."""
import os
import sys
import time

from glfs import Volume
from operations import Stream
from player import Player

SHRINK_S = float(os.environ.get('SHRINK_S', '60'))


counts = {}


def invented(seed, many, ops):
    """A stream as it is being played: what is played is appended to ops, what came of it is sent in."""
    s = Stream(seed)
    for _ in range(many):
        op = s.next()
        ops.append(op)
        result = yield op
        key = result if isinstance(result, str) else 'done'
        counts[key] = counts.get(key, 0) + 1
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
            if results[0] != results[1]:
                return i, results
    finally:
        for p in players:
            p.end()


def shrink(volumes, ops, label):
    """Drops whatever the difference at the end does not need."""
    until = time.monotonic() + SHRINK_S
    tries = 0
    step = max(1, len(ops) // 2)
    while step >= 1 and time.monotonic() < until:
        at, dropped = 0, False
        while at < len(ops) - 1 and time.monotonic() < until:
            fewer = ops[:at] + ops[min(at + step, len(ops) - 1):]
            tries += 1
            found = first_difference(volumes, fewer, b'%s.%d' % (label, tries))
            if found is not None:
                ops, dropped = fewer[: found[0] + 1], True
            else:
                at += step
        step = step // 2 if step > 1 or not dropped else 1
    return ops, tries


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
    print(f'seed {seed}: operation {found[0]} differs: {ops[found[0]]}\n  {one}: {found[1][0]}\n  {two}: {found[1][1]}', flush=True)
    short, tries = shrink(volumes, ops[: found[0] + 1], label + b'.s')
    again = first_difference(volumes, short, label + b'.last')
    print(f'{len(short)} operations (of {found[0] + 1}, after {tries} tries) show a difference:', flush=True)
    for op in short:
        print('  ', op)
    if again is not None:
        print(f'  {one}: {again[1][0]}\n  {two}: {again[1][1]}')
    return 1


# Not by sys.exit: clients that are still connected have threads that outlive the interpreter.
status = main()
sys.stdout.flush()
os._exit(status)
