"""nameops.py DIRECTORY SAME: names, links, directories, special files, times, modes and xattrs, in a directory that SAME
shows too, by another mount of the same volume."""
import errno
import os
import socket
import stat
import sys

from ops import get, put, step

a, b = (os.fsencode(p) for p in sys.argv[1:3])


def show(path):
    s = os.lstat(path)
    kind = stat.S_IFMT(s.st_mode)
    return oct(s.st_mode), s.st_nlink, s.st_uid, s.st_gid, None if kind == stat.S_IFDIR else s.st_size


# Names: every byte that a name may have, the longest, and some that look like something else.
os.mkdir(a + b'/names')
for i in range(1, 256):
    if i != 0x2F:
        put(a + b'/names/' + bytes([i]) + b'n', bytes([i]))
step('every byte in a name', lambda: sorted(os.listdir(b + b'/names')))
step('content by name', lambda: b''.join(get(b + b'/names/' + n) for n in sorted(os.listdir(b + b'/names'))))
for name in (b'n' * 255, '\u20ac'.encode() * 85, b'.glusterfsx', b'...', b' ', b'-rf', b'a' * 200 + b'\xff\n'):
    step('name %r' % name[:12], lambda: (put(a + b'/names/' + name, b'x'), get(b + b'/names/' + name)))
step('256 bytes', lambda: put(a + b'/names/' + b'n' * 256))
step('rename to every name', lambda: [os.rename(a + b'/names/' + bytes([i]) + b'n', a + b'/names/' + bytes([i]) + b'm') for i in range(128, 256)] and len(os.listdir(b + b'/names')))

# A deep path.
deep = a + b'/deep'
for i in range(30):
    deep += b'/' + b'd%02d' % i * 12
os.makedirs(deep)
step('deep file', lambda: (put(deep + b'/f', b'deep'), get(deep.replace(a, b, 1) + b'/f')))
step('rename at the top', lambda: (os.rename(a + b'/deep', a + b'/deeper'), get(deep.replace(a + b'/deep', b + b'/deeper', 1) + b'/f')))

# Hard links.
put(a + b'/one', b'1')
step('hard links', lambda: [os.link(a + b'/one', a + b'/link%d' % i) for i in range(50)] and show(b + b'/link7'))
step('onto one that exists', lambda: os.link(a + b'/one', a + b'/link3'))
step('to a directory', lambda: os.link(a + b'/names', a + b'/dirlink'))
step('written by one', lambda: (put(a + b'/link9', b'shared'), get(b + b'/link44')))
step('first unlinked', lambda: (os.unlink(a + b'/one'), show(b + b'/link0')))
step('renamed onto its own link', lambda: (os.rename(a + b'/link0', a + b'/link1'), os.path.exists(a + b'/link0'), show(a + b'/link1')[1]))
step('same inode', lambda: os.stat(b + b'/link2').st_ino == os.stat(a + b'/link48').st_ino)

# Special files and symbolic links.
step('fifo', lambda: (os.mkfifo(a + b'/fifo', 0o640), show(b + b'/fifo')))
step('device', lambda: (os.mknod(a + b'/dev', 0o600 | stat.S_IFCHR, os.makedev(1, 3)), show(b + b'/dev'), os.lstat(b + b'/dev').st_rdev))
step('block device', lambda: (os.mknod(a + b'/blk', 0o600 | stat.S_IFBLK, os.makedev(7, 200)), os.lstat(b + b'/blk').st_rdev))
step('socket', lambda: (socket.socket(socket.AF_UNIX).bind(a + b'/sock'), show(b + b'/sock')[0]))
step('symlink', lambda: (os.symlink(b'../x/\xff', a + b'/sym'), os.readlink(b + b'/sym'), show(b + b'/sym')[0]))
step('longest symlink', lambda: (os.symlink(b't' * 4000, a + b'/long'), len(os.readlink(b + b'/long'))))
step('loop', lambda: (os.symlink(b'loop', a + b'/loop'), os.open(a + b'/loop', os.O_RDONLY)))
step('owner of a symlink', lambda: (os.lchown(a + b'/sym', 5, 6), show(b + b'/sym')[2:4]))

# Directories.
def full(action):
    """POSIX leaves the choice between two errors."""
    try:
        action()
    except OSError as error:
        return 'full' if error.errno in (errno.EEXIST, errno.ENOTEMPTY) else error.errno


step('setgid directory', lambda: (os.mkdir(a + b'/sg'), os.chown(a + b'/sg', 0, 77), os.chmod(a + b'/sg', 0o2775), os.mkdir(a + b'/sg/in'), put(a + b'/sg/f'), show(b + b'/sg/in'), show(b + b'/sg/f')))
step('links of a directory', lambda: (show(a)[1] > 2, show(a + b'/sg')[1]))
step('rename a directory over an empty one', lambda: (os.mkdir(a + b'/empty'), os.rename(a + b'/sg', a + b'/empty'), sorted(os.listdir(b + b'/empty'))))
step('mkdir', lambda: os.mkdir(a + b'/other'))
step('over a full one', lambda: full(lambda: os.rename(a + b'/other', a + b'/empty')))
step('into itself', lambda: os.rename(a + b'/empty', a + b'/empty/in/x'))
step('rmdir of a full one', lambda: os.rmdir(a + b'/empty'))
step('file over a directory', lambda: os.rename(a + b'/link5', a + b'/other'))
step('directory over a file', lambda: os.rename(a + b'/other', a + b'/link5'))
step('rmdir', lambda: (os.rmdir(a + b'/other'), os.path.exists(b + b'/other')))
step('rmdir of a file', lambda: os.rmdir(a + b'/link5'))
step('mkdir below a file', lambda: os.mkdir(a + b'/link5/x'))


def many():
    """A directory that is read while a process takes files out: what stays must come exactly once."""
    os.mkdir(a + b'/many')
    for i in range(5000):
        os.close(os.open(a + b'/many/f%04d' % i, os.O_CREAT | os.O_WRONLY))
    seen = []
    doomed = [i * 14 % 5000 for i in range(350)]
    with os.scandir(b + b'/many') as entries:
        for entry in entries:
            seen.append(entry.name)
            if len(seen) % 10 == 0 and doomed:
                os.unlink(a + b'/many/f%04d' % doomed.pop())
    for n in doomed:
        os.unlink(a + b'/many/f%04d' % n)
    odd = sorted(n for n in seen if int(n[1:]) % 2 == 1)
    return odd == [b'f%04d' % i for i in range(1, 5000, 2)], len(seen) == len(set(seen)), len(os.listdir(b + b'/many'))


step('5000 entries, read while some go', many)

# Times and modes.
put(a + b'/t')
step('times', lambda: (os.utime(a + b'/t', ns=(981173106123456789, 1234567890987654321)), os.stat(b + b'/t').st_atime_ns, os.stat(b + b'/t').st_mtime_ns))
step('before 1970 is refused or kept', lambda: os.utime(a + b'/t', (100, 200)) or os.stat(b + b'/t').st_mtime)
step('modes', lambda: [(os.chmod(a + b'/t', m), oct(os.stat(b + b'/t').st_mode)) for m in (0, 0o4777, 0o2755, 0o1600, 0o644)])
step('setuid goes by chown', lambda: (os.chmod(a + b'/t', 0o6755), os.chown(a + b'/t', 9, 9), show(b + b'/t')))


def ordered():
    """mtime and ctime move with writes, ctime alone with chmod."""
    t0 = os.stat(a + b'/t')
    with open(a + b'/t', 'ab') as file:
        file.write(b'more')
        os.fsync(file.fileno())
    t1 = os.stat(a + b'/t')
    os.chmod(a + b'/t', 0o600)
    t2 = os.stat(a + b'/t')
    return t1.st_mtime_ns > t0.st_mtime_ns, t1.st_ctime_ns >= t0.st_ctime_ns, t2.st_mtime_ns == t1.st_mtime_ns, t2.st_ctime_ns >= t1.st_ctime_ns


step('times move', ordered)

# Extended attributes.
put(a + b'/x')
for target in (b'/x', b'/names'):
    # A directory is on every brick, and its xattrs are healed by clients as they look at it: two clients may undo each other.
    p, q = a + target, (b if target == b'/x' else a) + target
    step('xattr set', lambda: (os.setxattr(p, 'user.k', b'v\0w'), os.getxattr(q, 'user.k')))
    step('xattr create', lambda: os.setxattr(p, 'user.k', b'2', os.XATTR_CREATE))
    step('xattr replace', lambda: (os.setxattr(p, 'user.k', b'2', os.XATTR_REPLACE), os.getxattr(q, 'user.k')))
    step('xattr replace of none', lambda: os.setxattr(p, 'user.n', b'2', os.XATTR_REPLACE))
    step('xattr empty', lambda: (os.setxattr(p, 'user.e', b''), os.getxattr(q, 'user.e')))
    step('xattr big', lambda: (os.setxattr(p, 'user.big', b'B' * 40000), len(os.getxattr(q, 'user.big'))))
    step('xattr of root', lambda: (os.setxattr(p, 'trusted.mine', b'm'), os.getxattr(q, 'trusted.mine')))
    step('xattrs', lambda: sorted(x for x in os.listxattr(q) if x.startswith('user.')))
    step('xattr removed', lambda: (os.removexattr(p, 'user.k'), sorted(x for x in os.listxattr(q) if x.startswith('user.'))))
    step('xattr removed again', lambda: os.removexattr(p, 'user.k'))
    step('xattr missing', lambda: os.getxattr(q, 'user.none'))
step('xattr of a symlink', lambda: os.setxattr(a + b'/sym', 'user.k', b'v', follow_symlinks=False))
print('end')
