#!/usr/bin/env python3
"""Random changes of a tree: quota-storm.py DIRECTORY SEED SECONDS. Whatever fails of them does not matter."""
import os, random, sys, time

top, rnd, end = sys.argv[1], random.Random(int(sys.argv[2])), time.time() + float(sys.argv[3])
os.makedirs(top, exist_ok=True)
dirs, files, serial = [top], [], 0


def write(path, size, flags=0):
    fd = os.open(path, os.O_CREAT | os.O_RDWR | flags, 0o644)
    try:
        os.pwrite(fd, b'x' * size, 0)  # no holes: blocks of files that have some come and go by themselves
    finally:
        os.close(fd)


while time.time() < end:
    serial += 1
    kind, name = rnd.randrange(12), os.path.join(rnd.choice(dirs), 'n%d' % serial)
    try:
        if kind < 4 or not files:
            write(name, rnd.randrange(1, 100000))
            files.append(name)
        elif kind == 4:
            write(rnd.choice(files), rnd.randrange(1, 50000))
        elif kind == 5:
            cut = rnd.choice(files)
            os.truncate(cut, rnd.randrange(os.path.getsize(cut) + 1))
        elif kind == 6:
            os.link(rnd.choice(files), name)
            files.append(name)
        elif kind == 7:
            os.unlink(files.pop(rnd.randrange(len(files))))
        elif kind == 8:
            old = files.pop(rnd.randrange(len(files)))
            new = rnd.choice([name, rnd.choice(files or [name])])
            os.rename(old, new)
            files.append(new)
        elif kind == 9:
            os.mkdir(name)
            dirs.append(name)
        elif kind == 10:
            os.symlink('x' * rnd.randrange(1, 200), name)
            files.append(name)
        elif len(dirs) > 1:
            old = rnd.choice(dirs[1:])
            os.rename(old, name)
            moved = lambda p: name + p[len(old):] if (p + '/').startswith(old + '/') else p
            dirs, files = list(map(moved, dirs)), list(map(moved, files))
    except OSError:
        pass
