"""libgfapi by ctypes: each call gives its result, or raises OSError with the errno that the server's answer became."""
import ctypes
import errno
import os
import struct

api = ctypes.CDLL('libgfapi.so.0', use_errno=True)
POINTER, SIZE, OFFSET = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long
for _name in ('new', 'creat', 'open', 'opendir', 'readdirplus'):
    getattr(api, 'glfs_' + _name).restype = POINTER
for _name in ('pread', 'pwrite', 'readlink', 'lgetxattr', 'llistxattr', 'fgetxattr', 'flistxattr', 'lseek'):
    getattr(api, 'glfs_' + _name).restype = ctypes.c_ssize_t

STAT = struct.Struct('=QQQIIIxxxxQqqq6q')
ROOM = 1 << 17


class Stat:
    """What lstat tells; times in nanoseconds."""

    def __init__(self, raw):
        f = STAT.unpack(raw[: STAT.size])
        (_, self.ino, self.nlink, self.mode, self.uid, self.gid, self.rdev, self.size, self.blksize, self.blocks) = f[:10]
        self.times = tuple(f[10 + 2 * i] * 10**9 + f[11 + 2 * i] for i in range(3))


def _timespec(ns):
    return struct.pack('=qq', ns // 10**9, ns % 10**9)


class Volume:
    """One client of one volume."""

    def __init__(self, volume, host, log):
        self.fs = POINTER(api.glfs_new(volume))
        api.glfs_set_logging(self.fs, log, 5)
        api.glfs_set_volfile_server(self.fs, b'tcp', host, 24007)
        if api.glfs_init(self.fs) != 0:
            raise OSError(ctypes.get_errno(), 'glfs_init of ' + volume.decode())
        self.fs_call = lambda name, *args: self._done(name, getattr(api, 'glfs_' + name)(self.fs, *args))

    def close(self):
        api.glfs_fini(self.fs)

    @staticmethod
    def _done(name, r):
        if r is None or r == -1:
            e = ctypes.get_errno()
            raise OSError(e, name)
        return r

    @staticmethod
    def _fd_call(name, fd, *args):
        return Volume._done(name, getattr(api, 'glfs_' + name)(fd, *args))

    @staticmethod
    def become(uid, gid, groups):
        api.glfs_setfsuid(uid)
        api.glfs_setfsgid(gid)
        api.glfs_setfsgroups(SIZE(len(groups)), (ctypes.c_uint32 * len(groups))(*groups))

    # --- names ------------------------------------------------------------------------------------------------------

    def lstat(self, path):
        raw = ctypes.create_string_buffer(256)
        self.fs_call('lstat', path, raw)
        return Stat(raw.raw)

    def mkdir(self, path, mode):
        self.fs_call('mkdir', path, mode)

    def rmdir(self, path):
        self.fs_call('rmdir', path)

    def unlink(self, path):
        self.fs_call('unlink', path)

    def mknod(self, path, mode, dev):
        self.fs_call('mknod', path, mode, ctypes.c_ulong(dev))

    def symlink(self, target, path):
        self.fs_call('symlink', target, path)

    def readlink(self, path):
        room = ctypes.create_string_buffer(5000)
        n = self.fs_call('readlink', path, room, SIZE(5000))
        return room.raw[:n]

    def link(self, old, new):
        self._parent(new)
        self.fs_call('link', old, new)

    def rename(self, old, new):
        self.lstat(old)
        self._parent(new)
        self.fs_call('rename', old, new)

    def _parent(self, path):
        """libgfapi 10 crashes where the new name's directory is not there or is none."""
        if self.lstat(path.rpartition(b'/')[0]).mode & 0o170000 != 0o040000:
            raise OSError(errno.ENOTDIR, path)

    def access(self, path, mode):
        self.fs_call('access', path, mode)

    def chmod(self, path, mode):
        self.fs_call('chmod', path, mode)

    def lchown(self, path, uid, gid):
        self.fs_call('lchown', path, uid, gid)

    def utimens(self, path, atime, mtime):
        self.fs_call('lutimens', path, _timespec(atime) + _timespec(mtime))

    def truncate(self, path, size):
        self.fs_call('truncate', path, OFFSET(size))

    def listdir(self, path):
        """Names with what readdirplus tells of each."""
        fd = POINTER(self.fs_call('opendir', path))
        raw = ctypes.create_string_buffer(256)
        found = {}
        try:
            while True:
                entry = api.glfs_readdirplus(fd, raw)
                if not entry:
                    return found
                name = ctypes.string_at(entry + 19)
                if name not in (b'.', b'..'):
                    found[name] = Stat(raw.raw)
        finally:
            api.glfs_closedir(fd)

    # --- xattrs -----------------------------------------------------------------------------------------------------

    def setxattr(self, path, name, value, flags):
        self.fs_call('lsetxattr', path, name, value, SIZE(len(value)), flags)

    def getxattr(self, path, name):
        room = ctypes.create_string_buffer(ROOM)
        n = self.fs_call('lgetxattr', path, name, room, SIZE(ROOM))
        return room.raw[:n]

    def listxattr(self, path):
        room = ctypes.create_string_buffer(ROOM)
        n = self.fs_call('llistxattr', path, room, SIZE(ROOM))
        # XFS tells ACLs under names of its own as well, which stock hides from GlusterFS 11 on.
        return sorted(name for name in room.raw[:n].split(b'\0') if name and not name.startswith(b'trusted.SGI_'))

    def removexattr(self, path, name):
        self.fs_call('lremovexattr', path, name)

    # --- open files -------------------------------------------------------------------------------------------------

    def open(self, path, flags):
        return POINTER(self.fs_call('open', path, flags))

    def creat(self, path, flags, mode):
        return POINTER(self.fs_call('creat', path, flags, mode))

    def fclose(self, fd):
        self._fd_call('close', fd)

    def pread(self, fd, size, offset):
        room = ctypes.create_string_buffer(max(size, 1))
        n = self._fd_call('pread', fd, room, SIZE(size), OFFSET(offset), 0, None)
        return room.raw[:n]

    def pwrite(self, fd, data, offset):
        return self._fd_call('pwrite', fd, data, SIZE(len(data)), OFFSET(offset), 0, None, None)

    def ftruncate(self, fd, size):
        self._fd_call('ftruncate', fd, OFFSET(size), None, None)

    def fallocate(self, fd, keep, offset, size):
        self._fd_call('fallocate', fd, keep, OFFSET(offset), SIZE(size))

    def discard(self, fd, offset, size):
        self._fd_call('discard', fd, OFFSET(offset), SIZE(size))

    def zerofill(self, fd, offset, size):
        self._fd_call('zerofill', fd, OFFSET(offset), OFFSET(size))

    def lseek(self, fd, offset, whence):
        return self._fd_call('lseek', fd, OFFSET(offset), whence)

    def fsync(self, fd):
        self._fd_call('fsync', fd, None, None)

    def fstat(self, fd):
        raw = ctypes.create_string_buffer(256)
        self._fd_call('fstat', fd, raw)
        return Stat(raw.raw)

    def fchmod(self, fd, mode):
        self._fd_call('fchmod', fd, mode)

    def fchown(self, fd, uid, gid):
        self._fd_call('fchown', fd, uid, gid)

    def fsetxattr(self, fd, name, value, flags):
        self._fd_call('fsetxattr', fd, name, value, SIZE(len(value)), flags)

    def fgetxattr(self, fd, name):
        room = ctypes.create_string_buffer(ROOM)
        n = self._fd_call('fgetxattr', fd, name, room, SIZE(ROOM))
        return room.raw[:n]

    def lock(self, fd, owner, command, kind, start, length):
        """A POSIX lock of an owner (bytes); gives the kind of what F_GETLK found: which of several locks in the way is open."""
        self._fd_call('fd_set_lkowner', fd, owner, len(owner))
        flock = ctypes.create_string_buffer(struct.pack('=hhxxxxqqixxxx', kind, os.SEEK_SET, start, length, 0), 32)
        self._fd_call('posix_lock', fd, command, flock)
        return 'free' if struct.unpack('=h', flock.raw[:2])[0] == 2 else 'taken'
