"""Plays a stream on one volume, in a directory of its own, and tells of each operation what a second volume must give as well."""
import errno
import re
import time

from glfs import Volume

TIMES_OF = {'mkdir': 0, 'creat': 1, 'open': 1, 'mknod': 0, 'symlink': 1, 'link': (0, 1), 'unlink': 0, 'rmdir': 0, 'rename': (0, 1), 'chmod': 0,
            'lchown': 0, 'utimens': 0, 'truncate': 0, 'setxattr': 0, 'removexattr': 0, 'lstat': 0, 'listdir': 0, 'readlink': 0, 'getxattr': 0}
"""Which arguments of an operation are paths (the first one, or those given)."""
FD_OPS = {'fclose', 'pread', 'pwrite', 'ftruncate', 'fallocate', 'discard', 'zerofill', 'lseek', 'fsync', 'fstat', 'fchmod', 'fchown',
          'fsetxattr', 'fgetxattr', 'lock'}
OWN = re.compile(rb'trusted\.(gfid|glusterfs\.(mdata|volume-id))')
"""Xattrs whose values differ from brick to brick."""
DAY = 86400 * 10**9


class Player:
    def __init__(self, volume: Volume, root: bytes):
        self.v = volume
        self.root = root
        self.slots = {}
        self.seen = {}
        self.who = (0, 0, ())
        self.now = time.time_ns()
        volume.become(0, 0, ())
        volume.mkdir(root, 0o777)
        volume.chmod(root, 0o777)

    def end(self):
        self.v.become(0, 0, ())
        for fd in self.slots.values():
            try:
                self.v.fclose(fd)
            except OSError:
                pass
        self.slots = {}

    def play(self, op):
        """[what came of it, what each path that it names looks like afterwards]"""
        try:
            result = self.shown(self.run(op), OWN.match(op[2]) if op[0] in ('getxattr', 'fgetxattr') else None)
        except OSError as e:
            result = errno.errorcode.get(e.errno, str(e.errno))
        return [result, *self.look(op)]

    def run(self, op):
        name, *args = op
        if name == 'become':
            self.who = tuple(args)
            return self.v.become(*args)
        if name in ('creat', 'open'):
            slot, path, *rest = args
            fd = getattr(self.v, name)(self.root + path, *rest)
            old = self.slots.pop(slot, None)
            self.slots[slot] = fd
            if old is not None:
                self.v.fclose(old)
            return None
        if name in FD_OPS:
            fd = self.slots.get(args[0])
            if fd is None:
                return 'no fd'
            if name == 'fclose':
                del self.slots[args[0]]
            return getattr(self.v, name)(fd, *args[1:])
        paths = self.paths_of(op)
        args = [self.root + a if i in paths else a for i, a in enumerate(args)]
        return getattr(self.v, name)(*args)

    @staticmethod
    def paths_of(op):
        where = TIMES_OF.get(op[0], 0 if op[0] in ('access', 'listxattr') else ())
        return where if isinstance(where, tuple) else (where,)

    def look(self, op):
        """Attributes of the operation's paths and of the directories that they are in, as root sees them."""
        if op[0] in FD_OPS or op[0] == 'become':
            return []
        paths = []
        for i in self.paths_of(op):
            path = op[1 + i]
            paths += [path, path.rpartition(b'/')[0]]
        if self.who[0] != 0:
            self.v.become(0, 0, ())
        seen = []
        for path in dict.fromkeys(paths):
            try:
                seen.append(self.describe(path, self.v.lstat(self.root + path)))
            except OSError as e:
                seen.append(errno.errorcode.get(e.errno, str(e.errno)))
                self.seen.pop(path, None)
        if self.who[0] != 0:
            self.v.become(*self.who)
        return seen

    def describe(self, path, st):
        """Times differ between two volumes: what must be equal is which of them moved, and those that were set."""
        before = self.seen.get(path)
        self.seen[path] = (st.ino, st.times)
        moved = None
        if before is not None and before[0] == st.ino:
            moved = ''.join(k for k, a, b in zip('amc', before[1], st.times) if a != b)
        given = [t if abs(t - self.now) > DAY else 0 for t in st.times]
        size = 0 if st.mode & 0o170000 == 0o040000 else st.size
        return (oct(st.mode), st.nlink, st.uid, st.gid, st.rdev, size, moved, given)

    def shown(self, result, own=None):
        if own is not None:
            return len(result)
        if hasattr(result, 'times'):
            return (oct(result.mode), result.nlink, result.uid, result.gid, result.rdev, result.size if result.mode & 0o170000 != 0o040000 else 0)
        if isinstance(result, dict):
            return sorted((name, self.shown(st)) for name, st in result.items())
        if isinstance(result, bytes) and len(result) > 80:
            return (len(result), hash(result))
        return result
