"""Changes that geo-replication is to carry over: replicated-changes.py MOUNT before|first|second|offline."""
import os
import random
import sys

mount, step = sys.argv[1:3]
rnd = random.Random(step)


def path(*names):
    p = os.path.join(mount, *names)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    return p


def put(*names, size=1000, at=None):
    with open(path(*names), 'wb' if at is None else 'r+b') as f:
        f.seek(at or 0)
        f.write(rnd.randbytes(size))


if step == 'before':
    for i in range(40):
        put('before', 'd%d' % (i % 4), 'e', 'f%d' % i, size=rnd.randrange(30000))
    put('before', 'big', size=3 << 20)
    put('before', 'empty', size=0)
    os.link(path('before', 'd0', 'e', 'f0'), path('before', 'd1', 'hard'))
    os.symlink('no such file', path('before', 'dangling'))
    os.symlink('../before/big', path('before', 'soft'))
    os.lchown(path('before', 'soft'), 5, 6)
    os.chmod(path('before', 'd2'), 0o2750)
    os.chown(path('before', 'd2', 'e', 'f2'), 1001, 1002)
elif step == 'first':
    for i in range(20):
        put('made', 'f%d' % i, size=i * 700)
        put('written', 'w%d' % i)
        put('names', 'x', 'r%d' % i)
        put('gone', 'd', 'g%d' % i)
    put('names', 'brief')
    os.rename(path('names', 'brief'), path('names', 'late'))
    put('names', 'none')
    os.unlink(path('names', 'none'))
    for d in 'abc':
        put('folders', d, 'in', 'f')
    put('links', 'h')
    os.link(path('links', 'h'), path('links', 'h2'))
    os.symlink('h', path('links', 's'))
    os.symlink('nothing', path('links', 'dangling'))
    os.lchown(path('links', 'dangling'), 1000, 1000)
    os.link(path('links', 'dangling'), path('links', 'dangling too'), follow_symlinks=False)
    for name in ['new\nline', 'per%25cent', ' blank ', 'quo"te', "ap'os", 'back\\slash', 'é日本', 'x' * 255, '-n']:
        put('odd', name, size=10)
    os.mkfifo(path('odd', 'fifo'))
elif step == 'second':
    put('written', 'w0', size=10, at=0)
    put('written', 'w1', size=5000, at=1000)
    put('written', 'w2', size=4096, at=1 << 20)
    os.truncate(path('written', 'w3'), 0)
    os.truncate(path('written', 'w4'), 70000)
    os.chmod(path('written', 'w5'), 0o4640)
    os.chown(path('written', 'w6'), 12345, 54321)
    names = lambda n: path('names', 'x', n)
    os.rename(names('r0'), names('R0'))
    os.rename(names('r1'), path('names', 'y', 'r1'))
    os.rename(names('r2'), names('r3'))
    os.rename(names('r4'), names('tmp'))
    os.rename(names('r5'), names('r4'))
    os.rename(names('tmp'), names('r5'))
    os.rename(names('r6'), names('twice'))
    os.rename(names('twice'), names('thrice'))
    put('names', 'x', 'thrice', size=3000, at=500)
    put('names', 'x', 'saved')
    os.rename(names('saved'), names('r7'))
    os.rename(path('folders', 'a'), path('folders', 'A'))
    os.rename(path('folders', 'b', 'in'), path('folders', 'A', 'in b'))
    put('folders', 'A', 'in', 'new')
    os.unlink(path('links', 'h'))
    os.link(path('links', 'h2'), path('links', 'deep', 'h3'))
    os.rename(path('links', 's'), path('links', 's2'))
    for i in range(20):
        os.unlink(path('gone', 'd', 'g%d' % i))
    os.rmdir(path('gone', 'd'))
    put('gone', 'd')
    os.unlink(path('made', 'f3'))
    os.mkdir(path('made', 'f3'))
    os.rename(path('odd', 'new\nline'), path('odd', 'other\nline'))
elif step == 'offline':
    for i in range(20):
        put('offline', 'd%d' % (i % 3), 'f%d' % i)
    os.rename(path('offline', 'd0', 'f0'), path('offline', 'renamed'))
    os.unlink(path('offline', 'd1', 'f1'))
    os.rename(path('before', 'd3'), path('offline', 'moved'))
    os.unlink(path('before', 'empty'))
    put('before', 'big', size=5000, at=1 << 20)
    os.chmod(path('before', 'd1'), 0o711)
