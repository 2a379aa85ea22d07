"""Changes files one by one and notes each change once it is acknowledged: snapshot-writer.py DIRECTORY JOURNAL, until SIGTERM;
snapshot-writer.py --check DIRECTORY JOURNAL compares: every change noted is there, and at most the one that comes next."""
import os
import signal
import sys


def changes():
    """(what, number): files are made and synced, renamed and removed, in an order that is always the same."""
    n = 0
    while True:
        yield 'make', n
        if n % 3 == 0:
            yield 'rename', n
        if n % 5 == 4:
            yield 'remove', n - 1
        n += 1


def text(n):
    return ('%d\n' % n) * (n % 700 + 1)


def name(n, renamed):
    return ('renamed-%d' if renamed else 'made-%d') % n


def expected(count):
    """What is there after so many changes, and what the change after them touches."""
    files = {}
    for i, (what, n) in enumerate(changes()):
        if i == count:
            return files, n
        if what == 'make':
            files[name(n, False)] = text(n)
        elif what == 'rename':
            files[name(n, True)] = files.pop(name(n, False))
        else:
            files.pop(name(n, n % 3 == 0))


def check(directory, journal):
    with open(journal) as f:
        files, next_one = expected(len(f.readlines()))
    there = {}
    for entry in os.listdir(directory):
        with open(os.path.join(directory, entry)) as f:
            there[entry] = f.read()
    doubtful = {name(next_one, False), name(next_one, True)}
    wrong = [e for e in sorted(set(files) | set(there)) if e not in doubtful and files.get(e) != there.get(e)]
    print('%d files, wrong: %s' % (len(files), wrong[:10]))
    return 1 if wrong or len(files) < 10 else 0


if sys.argv[1] == '--check':
    sys.exit(check(*sys.argv[2:4]))

directory, journal = sys.argv[1:3]
os.makedirs(directory, exist_ok=True)
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
with open(journal, 'w', buffering=1) as log:
    for what, n in changes():
        if ending:
            break
        path = lambda renamed: os.path.join(directory, name(n, renamed))
        if what == 'make':
            with open(path(False), 'w') as f:
                f.write(text(n))
                f.flush()
                os.fsync(f.fileno())
        elif what == 'rename':
            os.rename(path(False), path(True))
        else:
            os.unlink(path(n % 3 == 0))
        log.write('%s %d\n' % (what, n))
