"""gfapiops.py VOLUME HOST MOUNT: what libgfapi offers beyond a mount (zerofill, discard, anonymous reads after close, seek,
copies on the server), checked against the bytes that it must give; the mount shows the same volume."""
import ctypes
import os
import sys

volume, host, mount = (os.fsencode(a) for a in sys.argv[1:4])
api = ctypes.CDLL('libgfapi.so.0', use_errno=True)
api.glfs_new.restype = api.glfs_creat.restype = api.glfs_open.restype = ctypes.c_void_p
api.glfs_lseek.restype = api.glfs_copy_file_range.restype = ctypes.c_ssize_t
for name in ('glfs_pread', 'glfs_pwrite'):
    getattr(api, name).restype = ctypes.c_ssize_t
P, L = ctypes.c_void_p, ctypes.c_long


def check(what, good, detail=''):
    print('ok' if good else 'not ok', 'libgfapi:', what, flush=True)
    if not good:
        print('#|', detail, os.strerror(ctypes.get_errno()))


fs = P(api.glfs_new(volume))
api.glfs_set_volfile_server(fs, b'tcp', host, 24007)
check('connects', api.glfs_init(fs) == 0)
fd = P(api.glfs_creat(fs, b'/gfapi', os.O_RDWR, 0o644))
data = bytearray(os.urandom(300000))
written = api.glfs_pwrite(fd, bytes(data), ctypes.c_size_t(len(data)), L(0), 0, None, None)
check('writes', written == len(data), written)


def content(n):
    buffer = ctypes.create_string_buffer(n)
    got = api.glfs_pread(fd, buffer, ctypes.c_size_t(n), L(0), 0, None)
    return buffer.raw[: max(got, 0)]


def same(what):
    api.glfs_fsync(fd, None, None)
    check(what, content(400000) == bytes(data))
    with open(mount + b'/gfapi', 'rb') as file:
        check(what + ', by the mount', file.read() == bytes(data))


same('reads')
check('zerofill', api.glfs_zerofill(fd, L(1000), L(50000)) == 0)
data[1000:51000] = bytes(50000)
same('is zero there')
check('zerofill beyond the end', api.glfs_zerofill(fd, L(299000), L(11000)) == 0)
data[299000:] = bytes(11000)
same('is longer')
check('discard', api.glfs_discard(fd, L(65536), ctypes.c_size_t(65536)) == 0)
data[65536:131072] = bytes(65536)
same('has a hole')
seek = api.glfs_lseek(fd, L(65536), 3), api.glfs_lseek(fd, L(65536), 4)
check('seeks data and hole', seek == (131072, 65536), seek)
check('fallocate', api.glfs_fallocate(fd, 0, L(350000), ctypes.c_size_t(10000)) == 0)
data.extend(bytes(360000 - len(data)))
same('is longer by fallocate')
check('fallocate keeping the size', api.glfs_fallocate(fd, 1, L(500000), ctypes.c_size_t(10000)) == 0)
same('is not longer')
check('truncates', api.glfs_ftruncate(fd, L(123456), None, None) == 0)
del data[123456:]
same('is shorter')


def copy(name):
    """Copies from the file to a new one of this name; fails where DHT puts that on the other brick."""
    to = P(api.glfs_creat(fs, name, os.O_RDWR, 0o644))
    off_in, off_out = L(0), L(7)
    n = api.glfs_copy_file_range(
        fd, ctypes.byref(off_in), to, ctypes.byref(off_out), ctypes.c_size_t(100000), 0, None, None, None
    )
    api.glfs_close(to)
    return n


names = [b'/gfapi.copy%d' % i for i in range(12)]
copied = [name for name in names if copy(name) == 100000]
check('copies on the server', len(copied) > 0)
for name in copied:
    with open(mount + name, 'rb') as file:
        check('the copy is the same', file.read() == bytes(7) + bytes(data[:100000]))
api.glfs_close(fd)
check('unlinks', all(api.glfs_unlink(fs, name) == 0 for name in [b'/gfapi', *names]))
check('is gone', not os.path.exists(mount + b'/gfapi'))
