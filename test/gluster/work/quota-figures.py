#!/usr/bin/env python3
"""What is accounted on a brick for quota, beside what is there.

quota-figures.py wrong BRICK            where both differ; exit status 1 if they do anywhere
quota-figures.py size BRICK DIRECTORY   bytes/files/directories that a directory has on record
A file counts once in each directory that has a name of it, with its blocks up to its end; a directory counts itself, and gives all it has to the one above."""
import os, stat, struct, sys

QUOTA = 'trusted.glusterfs.quota.'


def xattrs(path):
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith('trusted.'):
            try:
                found[name] = os.getxattr(path, name, follow_symlinks=False)
            except OSError:
                pass
    return found


def figures(value):
    return struct.unpack('>%dq' % (len(value) // 8), value) if value is not None else None


def version(brick):
    """Suffix of the version that is in use: the highest at the root."""
    sizes = [n[len(QUOTA + 'size'):] for n in xattrs(brick) if n.startswith(QUOTA + 'size')]
    return max(sizes, key=lambda s: int(s[1:] or 0), default='')


def text(value):
    return '-' if value is None else '/'.join(map(str, value))


def check(brick):
    suffix, problems = version(brick), []

    def visit(path):
        own = xattrs(path)
        gfid = own['trusted.gfid'].hex() if path != brick else '0' * 31 + '1'
        gfid = '-'.join((gfid[:8], gfid[8:12], gfid[12:16], gfid[16:20], gfid[20:]))
        total, seen = [0, 0, 1], set()
        for name in sorted(os.listdir(path)):
            if path == brick and name in ('.glusterfs', '.trashcan'):
                continue
            at = os.path.join(path, name)
            s = os.lstat(at)
            if stat.S_ISDIR(s.st_mode):
                gives = visit(at)
                total = [a + b for a, b in zip(total, gives)]
            else:
                pointer = stat.S_ISREG(s.st_mode) and stat.S_IMODE(s.st_mode) == stat.S_ISVTX
                gives = None if pointer else (min(s.st_blocks, (s.st_size + 511) // 512) * 512, 1)
                if gives is not None and s.st_ino not in seen:
                    total = [total[0] + gives[0], total[1] + 1, total[2]]
                seen.add(s.st_ino)
            given = figures(xattrs(at).get(QUOTA + gfid + '.contri' + suffix))
            if given != gives:
                problems.append('%s gives %s, has %s' % (at[len(brick):], text(given), text(gives)))
        size = figures(own.get(QUOTA + 'size' + suffix))
        if size != tuple(total):
            problems.append('%s/ is %s on record, holds %s' % (path[len(brick):], text(size), text(total)))
        if own.get(QUOTA + 'dirty', b'0')[:1] != b'0':
            problems.append('%s/ is dirty' % path[len(brick):])
        return tuple(total)

    visit(brick)
    return problems


if sys.argv[1] == 'size':
    print(text(figures(xattrs(sys.argv[2] + sys.argv[3]).get(QUOTA + 'size' + version(sys.argv[2])))))
else:
    wrong = check(sys.argv[2])
    print('\n'.join(wrong))
    sys.exit(1 if wrong else 0)
