"""Two clients of a volume with leases, by libgfapi: leases.py VOLUME RECALL_SECONDS CASE. Prints one line per check, as lib.sh does."""
import ctypes
import errno
import os
import subprocess
import sys
import threading
import time

volume, recall_s, case = sys.argv[1], float(sys.argv[2]), sys.argv[3]
stock = os.environ.get('BRICK') == 'stock'
api = ctypes.CDLL('libgfapi.so.0', use_errno=True)
P, S, I, U = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
for name, result, arguments in (
    ('new', P, [S]), ('set_volfile_server', I, [P, S, S, I]), ('set_logging', I, [P, S, I]), ('init', I, [P]), ('fini', I, [P]),
    ('creat', P, [P, S, I, U]), ('open', P, [P, S, I]), ('close', I, [P]), ('write', ctypes.c_ssize_t, [P, S, ctypes.c_size_t, I]),
    ('pread', ctypes.c_ssize_t, [P, P, ctypes.c_size_t, ctypes.c_long, I, P]), ('unlink', I, [P, S]), ('rename', I, [P, S, S]),
    ('truncate', I, [P, S, ctypes.c_long]), ('setfsleaseid', I, [S]), ('lease', I, [P, P, P, P]), ('free', None, [P]),
    ('upcall_register', I, [P, ctypes.c_uint32, P, P]), ('upcall_get_reason', I, [P]), ('upcall_get_event', P, [P]),
    ('upcall_lease_get_lease_type', U, [P]),
):
    function = getattr(api, 'glfs_' + name)
    function.restype, function.argtypes = result, arguments

RECALL, READ, WRITE, GET, SET, GIVE_BACK = 2, 1, 2, 1, 2, 3
A, B = b'client-A-lease1', b'client-B-lease1'
UPCALL = ctypes.CFUNCTYPE(None, P, P)
RECALLED = ctypes.CFUNCTYPE(None, P, P)
no_callback = RECALLED(0)


class Lease(ctypes.Structure):
    _fields_ = [('cmd', I), ('type', I), ('id', ctypes.c_char * 16), ('flags', U)]


def outcome(good):
    return 'ok' if good else errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))


class Client:
    def __init__(self):
        self.recalls = []
        self.fs = api.glfs_new(volume.encode())
        api.glfs_set_volfile_server(self.fs, b'tcp', b'gfhost', 24007)
        api.glfs_set_logging(self.fs, b'/var/log/glusterfs/gfapi.log', 5)
        assert api.glfs_init(self.fs) == 0, 'glfs_init'
        self.callback = UPCALL(self.upcall)
        assert api.glfs_upcall_register(self.fs, RECALL, ctypes.cast(self.callback, P), None) > 0

    def upcall(self, argument, _data):
        if api.glfs_upcall_get_reason(argument) == RECALL:
            self.recalls.append(api.glfs_upcall_lease_get_lease_type(api.glfs_upcall_get_event(argument)))
        api.glfs_free(argument)

    def recalled(self):
        end = time.monotonic() + 5
        while not self.recalls and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)     # for those that must not come
        count = len(self.recalls)
        self.recalls.clear()
        return count

    def create(self, path):
        fd = api.glfs_creat(self.fs, path, os.O_RDWR, 0o644)
        assert fd, path
        api.glfs_write(fd, b'0123456789', 10, 0)
        api.glfs_close(fd)
        time.sleep(0.2)

    def open(self, path, flags, id=None):
        api.glfs_setfsleaseid(id and id.ljust(16, b'\0'))
        fd = api.glfs_open(self.fs, path, flags)
        api.glfs_setfsleaseid(None)
        return fd


def lease(fd, cmd, type, id):
    request = Lease(cmd, type, id, 0)
    result = api.glfs_lease(fd, ctypes.byref(request), ctypes.cast(no_callback, P), None)
    return outcome(result == 0) if cmd != GET or result != 0 else request.type


class Held(threading.Thread):
    """A call that may be held back."""
    def __init__(self, call, id=None):
        super().__init__(daemon=True)
        self.call, self.id, self.value, self.result, self.took = call, id, None, None, 0.0
        self.start()

    def run(self):
        api.glfs_setfsleaseid(self.id and self.id.ljust(16, b'\0'))
        begin = time.monotonic()
        self.value = self.call()
        good = self.value is not None and self.value >= 0
        self.result, self.took = outcome(good), time.monotonic() - begin

    def waits(self, seconds=0.7):
        self.join(seconds)
        return self.is_alive()

    def ends(self):
        self.join(recall_s * 3 + 10)
        return self.result if not self.is_alive() else 'never ends'


def check(what, got, want):
    print(('ok ' if got == want else 'not ok ') + what, flush=True)
    if got != want:
        print('#| got %r, want %r' % (got, want), flush=True)


def grants(a, b):
    a.create(b'/g')
    fd = a.open(b'/g', os.O_RDWR, A)
    check('none at first', lease(fd, GET, 0, A), 0)
    check('a read lease', lease(fd, SET, READ, A), 'ok')
    check('and a read-write lease', lease(fd, SET, WRITE, A), 'ok')
    check('both are there', lease(fd, GET, 0, A), READ | WRITE)
    check('one is given back', lease(fd, GIVE_BACK, WRITE, A), 'ok')
    check('it is no longer held', lease(fd, GIVE_BACK, WRITE, A), 'EINVAL')
    check('the other is', lease(fd, GIVE_BACK, READ, A), 'ok')
    check('one that is gone', lease(fd, GIVE_BACK, READ, A), 'ok')
    other = b.open(b'/g', os.O_RDWR, B)
    check('not while somebody writes', lease(fd, SET, READ, A), 'EPERM')
    api.glfs_close(other)
    time.sleep(0.3)
    check('afterwards', lease(fd, SET, READ, A), 'ok')
    if not stock:       # of 16 bytes none of which is zero
        lease(fd, GIVE_BACK, READ, A)
        api.glfs_close(fd)
        time.sleep(0.3)
        long = b'sixteen-bytes-id'
        fd = a.open(b'/g', os.O_RDWR, long)
        check('a lease id of 16 bytes', lease(fd, SET, WRITE, long), 'ok')
    api.glfs_close(fd)


def conflicts(a, b):
    for type, what, call, id in (
        (READ, 'open for writing', lambda: b.open(b'/c', os.O_RDWR, B), B),
        (WRITE, 'open for reading', lambda: b.open(b'/c', os.O_RDONLY, B), B),
        (WRITE, 'truncate', lambda: api.glfs_truncate(b.fs, b'/c', 3), None),
        (READ, 'rename', lambda: api.glfs_rename(b.fs, b'/c', b'/moved'), B),
        (READ, "the holder's own unlink", lambda: api.glfs_unlink(a.fs, b'/c'), A),
    ):
        a.create(b'/c')
        fd = a.open(b'/c', os.O_RDWR if type == WRITE else os.O_RDONLY, A)
        lease(fd, SET, type, A)
        held = Held(call, id)
        check(f'{what} waits', held.waits(), True)
        check('one recall', a.recalled(), 1)
        check('the lease is given back', lease(fd, GIVE_BACK, type, A), 'ok')
        check(f'{what} goes on', held.ends(), 'ok')
        api.glfs_close(fd)
        if 'open' in what:
            api.glfs_close(held.value)
        for left in (b'/c', b'/moved'):
            api.glfs_unlink(a.fs, left)
    a.create(b'/r')
    fd, other = a.open(b'/r', os.O_RDONLY, A), b.open(b'/r', os.O_RDONLY, B)
    lease(fd, SET, READ, A)
    check('another read lease', lease(other, SET, READ, B), 'ok')
    buffer = ctypes.create_string_buffer(1)
    check('reading goes on', Held(lambda: api.glfs_pread(other, buffer, 1, 0, 0, None), B).ends(), 'ok')
    check('and recalls nothing', len(a.recalls), 0)
    api.glfs_close(fd)
    api.glfs_close(other)


def no_wait(a, b):
    a.create(b'/n')
    fd = a.open(b'/n', os.O_RDWR, A)
    lease(fd, SET, WRITE, A)
    check('who will not wait is told so', Held(lambda: b.open(b'/n', os.O_RDWR | os.O_NONBLOCK, B), B).ends(), 'EAGAIN')
    check('the lease is recalled', a.recalled(), 1)
    lease(fd, GIVE_BACK, WRITE, A)
    check('afterwards it can be had', Held(lambda: b.open(b'/n', os.O_RDWR | os.O_NONBLOCK, B), B).ends(), 'ok')
    api.glfs_close(fd)


def expiry(a, b):
    a.create(b'/x')
    fd = a.open(b'/x', os.O_RDWR, A)
    lease(fd, SET, WRITE, A)
    opens = [Held(lambda: b.open(b'/x', os.O_RDWR, B), B) for _ in range(5)]
    check('one recall for all that wait', a.recalled(), 1)
    check('all go on in the end', [held.ends() for held in opens], ['ok'] * 5)
    took = max(held.took for held in opens)
    check('after the time-out', recall_s - 0.5 <= took <= recall_s + 5, True)
    check('the lease is gone', lease(fd, GET, 0, A), 0)
    check('giving it back late is no mistake', lease(fd, GIVE_BACK, WRITE, A), 'ok')


def holder(c, _b):
    lease(c.open(b'/d', os.O_RDWR, A), SET, WRITE, A)
    print('holds', flush=True)
    time.sleep(60)


def gone(a, b):
    a.create(b'/d')
    other = subprocess.Popen([sys.executable, __file__, volume, str(recall_s), 'holder'], stdout=subprocess.PIPE)
    other.stdout.readline()
    held = Held(lambda: b.open(b'/d', os.O_RDWR, B), B)
    check('waits for a client', held.waits(), True)
    other.kill()
    check('that goes', held.ends(), 'ok')
    if not stock:       # there after the time-out
        check('its leases go at once', held.took < recall_s - 1, True)


def off(a, _b):
    a.create(b'/o')
    check('no leases', lease(a.open(b'/o', os.O_RDWR, A), SET, READ, A), 'ENOSYS')


clients = Client(), Client()
globals()[case](*clients)
sys.stdout.flush()
os._exit(0)
