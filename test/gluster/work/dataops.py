"""dataops.py DIRECTORY SAME: data operations in a directory that SAME shows too, by another mount of the same volume."""
import ctypes
import hashlib
import mmap
import os
import struct
import subprocess
import sys

from ops import get, put, step

a, b = (os.fsencode(p) for p in sys.argv[1:3])
libc = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE = 1, 2


def fallocate(fd, mode, offset, length):
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
        raise OSError(ctypes.get_errno(), '')


def digest(path):
    return hashlib.sha256(get(path)).hexdigest()


def size(path):
    return os.stat(path).st_size


def direct():
    fd = os.open(a + b'/direct', os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    page = mmap.mmap(-1, 8192)
    for i in range(16):
        page[:] = bytes([i + 65]) * 8192
        os.pwrite(fd, page, i * 8192)
    back = mmap.mmap(-1, 8192)
    got = os.preadv(fd, [back], 5 * 8192)
    same = back[:] == b'F' * 8192
    os.close(fd)
    return got, same, digest(b + b'/direct')


step('O_DIRECT', direct)


def append():
    """Two mounts append to one file, from two processes each."""
    program = (
        'import os,sys\n'
        'fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)\n'
        'for i in range(100): os.write(fd, (sys.argv[2] + " %06d\\n" % i).encode())\n'
        'os.close(fd)\n'
    )
    writers = [
        subprocess.Popen([sys.executable, '-c', program, (a if w % 2 else b) + b'/append', 'w%d' % w]) for w in range(4)
    ]
    states = [w.wait() for w in writers]
    lines = get(a + b'/append').decode().split('\n')
    return states, len(lines), sorted(lines) == sorted(['w%d %06d' % (w, i) for w in range(4) for i in range(100)] + [''])


step('O_APPEND from both', append)

put(a + b'/f', bytes(range(256)) * 1024)
step('seen by the other', lambda: digest(b + b'/f'))
step('truncate', lambda: os.truncate(a + b'/f', 70001))
step('size', lambda: (size(a + b'/f'), size(b + b'/f')))
step('truncate up', lambda: os.truncate(b + b'/f', 200003))
step('content', lambda: (digest(a + b'/f'), digest(b + b'/f')))
step('truncate negative', lambda: os.truncate(a + b'/f', -1))
step('truncate a directory', lambda: os.truncate(a, 0))

fd = os.open(a + b'/f', os.O_RDWR)
step('fallocate', lambda: (fallocate(fd, 0, 190000, 100000), os.fstat(fd).st_size))
step('fallocate keeping the size', lambda: (fallocate(fd, KEEP_SIZE, 400000, 100000), os.fstat(fd).st_size))
step('punch a hole', lambda: (fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 8192, 16384), os.fstat(fd).st_size))
step('content', lambda: (os.fsync(fd), digest(a + b'/f'), digest(b + b'/f')))
step('ftruncate', lambda: (os.ftruncate(fd, 33333), os.fstat(fd).st_size, digest(b + b'/f')))
step('read beyond the end', lambda: (os.pread(fd, 100, 33330), os.pread(fd, 100, 50000)))
step('vectored', lambda: (os.pwritev(fd, [b'abc', b'', b'defgh'], 10), os.pread(fd, 10, 9)))
os.close(fd)

fd = os.open(a + b'/sparse', os.O_CREAT | os.O_RDWR)
step('sparse', lambda: (os.pwrite(fd, b'x' * 65536, 1 << 20), os.pwrite(fd, b'y' * 65536, 3 << 20), os.ftruncate(fd, 5 << 20)))
os.fsync(fd)
for start in (0, 1 << 20, (1 << 20) + 70000, (3 << 20) + 1, (4 << 20), (5 << 20), (6 << 20)):
    step('data from %d' % start, lambda: os.lseek(fd, start, os.SEEK_DATA))
    step('hole from %d' % start, lambda: os.lseek(fd, start, os.SEEK_HOLE))
step('far', lambda: (os.pwrite(fd, b'end', 1 << 40), os.fstat(fd).st_size, os.pread(fd, 10, (1 << 40) - 3)))
step('few blocks', lambda: os.fstat(fd).st_blocks < 4096)
os.ftruncate(fd, 4 << 20)
os.close(fd)


def mapped():
    put(a + b'/mapped', b'0' * 100000)
    with open(a + b'/mapped', 'r+b') as file:
        view = mmap.mmap(file.fileno(), 0)
        view[0:5] = b'hello'
        view[65536:65541] = b'world'
        view.flush()
        view.close()
    return digest(a + b'/mapped'), digest(b + b'/mapped')


step('mmap', mapped)


def unlinked():
    fd = os.open(a + b'/gone', os.O_CREAT | os.O_RDWR)
    os.write(fd, b'before ')
    os.unlink(a + b'/gone')
    os.write(fd, b'after')
    os.fsync(fd)
    os.ftruncate(fd, 10)
    got = os.pread(fd, 100, 0), os.fstat(fd).st_size, os.path.exists(b + b'/gone')
    os.close(fd)
    return got


step('unlink of an open file', unlinked)


def renamed_over():
    put(a + b'/old', b'old')
    put(a + b'/new', b'new')
    fd = os.open(a + b'/old', os.O_RDWR)
    os.rename(a + b'/new', a + b'/old')
    os.write(fd, b'OLD!')
    got = os.pread(fd, 100, 0), get(b + b'/old')
    os.close(fd)
    return got


step('rename over an open file', renamed_over)


def copied():
    """copy_file_range between two files."""
    put(a + b'/from', os.urandom(1) * 300000)
    src = os.open(a + b'/from', os.O_RDONLY)
    dst = os.open(a + b'/to', os.O_CREAT | os.O_RDWR)
    done = 0
    while done < 300000:
        n = os.copy_file_range(src, dst, 300000 - done)
        if n == 0:
            break
        done += n
    os.fsync(dst)
    os.close(src)
    os.close(dst)
    same = get(b + b'/to') == get(a + b'/from')
    put(a + b'/from')
    put(a + b'/to')
    return done, same


step('copy_file_range', copied)
step('open a directory for writing', lambda: os.open(a, os.O_WRONLY))
step('open of nothing', lambda: os.open(a + b'/nothing', os.O_RDONLY))
step('O_EXCL', lambda: os.open(a + b'/f', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
step('O_NOFOLLOW', lambda: (os.symlink(b'f', a + b'/link'), os.open(a + b'/link', os.O_RDONLY | os.O_NOFOLLOW)))
step('O_TRUNC by the link', lambda: (os.close(os.open(a + b'/link', os.O_WRONLY | os.O_TRUNC)), size(b + b'/f')))
step('write to a reader', lambda: os.write(os.open(a + b'/f', os.O_RDONLY), b'x'))
step('O_SYNC', lambda: (os.write(os.open(a + b'/sync', os.O_CREAT | os.O_WRONLY | os.O_SYNC), b'x' * 5000), size(b + b'/sync')))

# A fixed stream of pseudo-random writes, reads, truncations and appends, with a digest now and then.
state = 12345


def random(below):
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return state % below


fds = [os.open(p + b'/random', os.O_CREAT | os.O_RDWR) for p in (a, b)]
for i in range(600):
    kind = random(10)
    fd = fds[random(2)]
    if kind < 6:
        os.pwrite(fd, struct.pack('>I', i) * (1 + random(5000)), random(300000))
    elif kind < 8:
        os.fsync(fd)
        os.ftruncate(fd, random(300000))
    else:
        os.pread(fd, random(20000), random(300000))
    # What one mount has written behind, the other can't know.
    os.fsync(fd)
    if i % 100 == 99:
        step('random %d' % i, lambda: (digest(a + b'/random'), digest(b + b'/random')))
for fd in fds:
    os.close(fd)
print('end')
