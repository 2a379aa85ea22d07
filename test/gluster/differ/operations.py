"""The random stream: each operation is a list [name, argument ...] that stands by itself, so that any part of a stream can be
played again. Paths are relative; descriptors are numbered slots. The stream learns what succeeded, so that most operations meet
files that are there."""
import os
import random

MODES = (0o644, 0o600, 0o755, 0o777, 0o000, 0o4755, 0o2775, 0o1777, 0o640, 0o444, 0o111)
UIDS = ((0, 0, ()), (0, 0, ()), (0, 0, ()), (1000, 1000, ()), (1001, 1001, (1000, 7)), (1002, 7, ()))
XATTRS = (b'user.a', b'user.b', b'user.' + b'n' * 240, b'user.\xc3\xa4', b'trusted.test.x', b'trusted.test.y', b'security.z',
          b'user.glusterfs.own', b'trusted.gfid', b'trusted.glusterfs.volume-id', b'trusted.gfid2path.0123456789abcdef',
          b'trusted.glusterfs.mdata', b'glusterfs.posix.acl', b'system.posix_acl_access', b'system.posix_acl_default', b'user.e', b'bogus.x')
SIZES = (0, 1, 511, 512, 4096, 4097, 10000, 65536, 131071)
OFFSETS = (0, 1, 4095, 4096, 5000, 65535, 65536, 100000, 1 << 20, (1 << 32) + 5)
TIMES = (0, 1, 981173106123456789, 1234567890987654321, 15 * 10**17, 10**9 * 2**30 + 5)
SLOTS = 8
OWNERS = (b'own1', b'owner-two', b'\0\1\2\3\4\5\6\7')


def acl(rng):
    """A POSIX ACL in the kernel's form, not always a valid one."""
    def entry(tag, perm, who=0xFFFFFFFF):
        return tag.to_bytes(2, 'little') + perm.to_bytes(2, 'little') + who.to_bytes(4, 'little')
    p = [rng.randrange(8) for _ in range(6)]
    out = b'\2\0\0\0' + entry(1, p[0]) + entry(2, p[1], 1000) + entry(4, p[2]) + entry(8, p[3], 7)
    if rng.random() < 0.9:
        out += entry(16, p[4])
    return out + entry(32, p[5])


class Stream:
    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.names = [b'a', b'b', b'c', b'dd', b'E', b'with space', b'new\nline', b'\xff\xfe', b'\xc3\xa4\xc3\xb6', b'*?[',
                      b'.hidden', b'...', b'%s', b'\x01', b'x' * 255, b'y' * 256]
        self.names += [bytes(rng.choice([c for c in range(1, 256) if c != 47]) for _ in range(rng.randrange(1, 40))) for _ in range(4)]
        self.kinds = {b'': 'd'}
        self.slots = set()
        self.directories = set()
        self.uid = 0

    def learn(self, op, done):
        """Keeps a picture of the tree, by what the first volume said of an operation."""
        name = op[0]
        if name == 'become':
            self.uid = op[1]
        if not done:
            return
        if name == 'mkdir':
            self.kinds[op[1]] = 'd'
        elif name == 'link':
            self.kinds[op[2]] = self.kinds.get(op[1], 'f')
        elif name in ('mknod', 'symlink', 'creat'):
            self.kinds[op[1] if name == 'mknod' else op[2]] = 'l' if name == 'symlink' else 'f'
        elif name in ('unlink', 'rmdir'):
            self.kinds.pop(op[1], None)
        elif name == 'rename':
            old, new = op[1], op[2]
            if old != new:
                for path in [p for p in self.kinds if p == old or p.startswith(old + b'/')]:
                    self.kinds[new + path[len(old):]] = self.kinds.pop(path)
        if name in ('creat', 'open'):
            self.slots.add(op[1])
            (self.directories.add if self.kinds.get(op[2]) == 'd' else self.directories.discard)(op[1])
        elif name == 'fclose':
            self.slots.discard(op[1])

    def name(self):
        name = self.rng.choice(self.names[:8] if self.rng.random() < 0.7 else self.names)
        # Stock looks at permissions first, and at the length of a name when it is on the disk.
        return b'a' if len(name) > 255 and self.uid != 0 else name

    def directory(self):
        found = [p for p, kind in self.kinds.items() if kind == 'd']
        return self.rng.choice(found)

    def fresh(self):
        """A path that may or may not be there."""
        return self.directory() + b'/' + self.name()

    def known(self, kinds='dfl'):
        if self.rng.random() < 0.06:
            return self.fresh()
        found = [p for p, kind in self.kinds.items() if kind in kinds and p != b'']
        return self.rng.choice(found) if found else self.fresh()

    def slot(self):
        return self.rng.choice(sorted(self.slots)) if self.slots else self.rng.randrange(SLOTS)

    def file_slot(self):
        """For what stock refuses on directories in another way in each release."""
        files = sorted(self.slots - self.directories)
        return self.rng.choice(files) if files else self.rng.randrange(SLOTS)

    def data(self):
        size = self.rng.choice(SIZES)
        return bytes([self.rng.randrange(256)]) * size

    def next(self):
        if len(self.kinds) > 150 and self.rng.random() < 0.3:
            return [self.rng.choice(('unlink', 'unlink', 'rmdir')), self.known()]
        # Users other than root get little done: not for long.
        if self.uid != 0 and self.rng.random() < 0.04:
            return ['become', 0, 0, ()]
        kind = self.rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        return getattr(self, kind)(self.rng)

    # --- the kinds --------------------------------------------------------------------------------------------------

    def become(self, rng):
        return ['become', *rng.choice(UIDS)]

    def mkdir(self, rng):
        return ['mkdir', self.fresh(), rng.choice(MODES)]

    def creat(self, rng):
        flags = os.O_CREAT | rng.choice((os.O_RDWR, os.O_WRONLY, os.O_RDONLY))
        for more in (os.O_EXCL, os.O_TRUNC, os.O_APPEND):
            if rng.random() < 0.3:
                flags |= more
        path = self.fresh()
        # Stock follows a symbolic link on the brick here, and leaves a file without gfid where it leads to.
        while self.kinds.get(path) == 'l':
            path = self.fresh()
        return ['creat', rng.randrange(SLOTS), path, flags, rng.choice(MODES)]

    def open(self, rng):
        flags = rng.choice((os.O_RDWR, os.O_WRONLY, os.O_RDONLY))
        for more in (os.O_TRUNC, os.O_APPEND):
            if rng.random() < 0.2:
                flags |= more
        return ['open', rng.randrange(SLOTS), self.known('f' if rng.random() < 0.9 else 'dl'), flags]

    def fclose(self, rng):
        return ['fclose', self.slot()]

    def mknod(self, rng):
        kinds = ((0o010000, 0), (0o140000, 0), (0o100000, 0))
        # Devices are root's to make; stock asks clients to see to that.
        kind, dev = rng.choice(kinds + ((0o020000, 0x0103), (0o060000, 0x0700)) if self.uid == 0 else kinds)
        return ['mknod', self.fresh(), kind | rng.choice(MODES), dev]

    def symlink(self, rng):
        return ['symlink', rng.choice((b'a', b'../b', b'nowhere/at/all', b'x' * 1000, b'', b'\xff')), self.fresh()]

    def readlink(self, rng):
        return ['readlink', self.known('l') if rng.random() < 0.9 else self.known()]

    def link(self, rng):
        return ['link', self.known('f') if rng.random() < 0.9 else self.known(), self.fresh()]

    def unlink(self, rng):
        return ['unlink', self.known('fl') if rng.random() < 0.9 else self.known('d')]

    def rmdir(self, rng):
        return ['rmdir', self.known('d') if rng.random() < 0.8 else self.known()]

    def rename(self, rng):
        old = self.known()
        new = self.known() if rng.random() < 0.5 else self.fresh()
        return ['rename', old, new]

    def lstat(self, rng):
        return ['lstat', self.known()]

    def listdir(self, rng):
        return ['listdir', self.directory()]

    def access(self, rng):
        return ['access', self.known(), rng.randrange(8)]

    def chmod(self, rng):
        return ['chmod', self.known(), rng.choice(MODES)]

    def lchown(self, rng):
        return ['lchown', self.known(), rng.choice((0, 1000, 1001, -1)), rng.choice((0, 1000, 7, -1))]

    def utimens(self, rng):
        return ['utimens', self.known(), rng.choice(TIMES), rng.choice(TIMES)]

    def truncate(self, rng):
        return ['truncate', self.known('f') if rng.random() < 0.9 else self.known(), rng.choice(OFFSETS)]

    def settable(self, names):
        """Names that both volumes let the caller set and remove."""
        return [x for x in names if self.uid == 0 or not x.startswith((b'security.', b'trusted.glusterfs.mdata'))]

    def setxattr(self, rng):
        # Stock reads a time record that is none beyond its end.
        path, name = self.xattr(rng, [x for x in self.settable(XATTRS) if x != b'trusted.glusterfs.mdata'])
        value = acl(rng) if name.startswith(b'system.') else rng.choice((b'', b'v', b'\0\1\2', b'w' * 300, b'B' * 5000))
        return ['setxattr', path, name, value, rng.choice((0, 0, 1, 2))]

    def xattr(self, rng, names):
        path, name = self.known(), rng.choice(names)
        # Stock follows a symbolic link on the brick here.
        return path, b'user.a' if name == b'glusterfs.posix.acl' and self.kinds.get(path) == 'l' else name

    def getxattr(self, rng):
        return ['getxattr', *self.xattr(rng, XATTRS)]

    def listxattr(self, rng):
        return ['listxattr', self.known()]

    def removexattr(self, rng):
        return ['removexattr', *self.xattr(rng, self.settable(XATTRS))]

    def pread(self, rng):
        return ['pread', self.file_slot(), rng.choice(SIZES), rng.choice(OFFSETS)]

    def pwrite(self, rng):
        return ['pwrite', self.file_slot(), self.data(), rng.choice(OFFSETS)]

    def ftruncate(self, rng):
        return ['ftruncate', self.file_slot(), rng.choice(OFFSETS)]

    def fallocate(self, rng):
        return ['fallocate', self.file_slot(), rng.randrange(2), rng.choice(OFFSETS[:8]), rng.choice(SIZES)]

    def discard(self, rng):
        return ['discard', self.file_slot(), rng.choice(OFFSETS[:8]), rng.choice(SIZES)]

    def zerofill(self, rng):
        return ['zerofill', self.file_slot(), rng.choice(OFFSETS[:8]), rng.choice(SIZES)]

    def lseek(self, rng):
        return ['lseek', self.file_slot(), rng.choice(OFFSETS), rng.choice((3, 4))]

    def fsync(self, rng):
        return ['fsync', self.file_slot()]

    def fstat(self, rng):
        return ['fstat', self.slot()]

    def fchmod(self, rng):
        op = ['fchmod', self.slot(), rng.choice(MODES)]
        return ['fstat', op[1]] if op[1] in self.directories or self.uid != 0 else op

    def fchown(self, rng):
        op = ['fchown', self.slot(), rng.choice((0, 1000)), rng.choice((0, 7))]
        return op if self.uid == 0 else ['fstat', op[1]]

    def fsetxattr(self, rng):
        return ['fsetxattr', self.slot(), rng.choice(self.settable(XATTRS[:9])), rng.choice((b'', b'v', b'w' * 300)), rng.choice((0, 0, 1, 2))]

    def fgetxattr(self, rng):
        return ['fgetxattr', self.slot(), rng.choice(XATTRS)]

    def lock(self, rng):
        command, kind = rng.choice(((6, 0), (6, 1), (6, 2), (6, 1), (5, 1), (5, 0)))
        return ['lock', self.slot(), rng.choice(OWNERS), command, kind, rng.choice((0, 10, 50, 100)), rng.choice((0, 1, 10, 50, 100))]


WEIGHTS = {
    'become': 3, 'mkdir': 8, 'creat': 10, 'open': 5, 'fclose': 3, 'mknod': 3, 'symlink': 3, 'readlink': 2, 'link': 5, 'unlink': 6,
    'rmdir': 3, 'rename': 9, 'lstat': 3, 'listdir': 3, 'access': 2, 'chmod': 4, 'lchown': 3, 'utimens': 2, 'truncate': 3,
    'setxattr': 6, 'getxattr': 3, 'listxattr': 2, 'removexattr': 3, 'pread': 4, 'pwrite': 7, 'ftruncate': 2, 'fallocate': 2,
    'discard': 2, 'zerofill': 2, 'lseek': 2, 'fsync': 1, 'fstat': 2, 'fchmod': 1, 'fchown': 1, 'fsetxattr': 2, 'fgetxattr': 1, 'lock': 8,
}
