#!/usr/bin/env python3
"""changelog.py live|history BRICK FOLDER [START]: prints what libgfchangelog makes of a brick's journals, a change a line, as gsyncd reads
them. live: registers, says "registered" and goes on until it is killed; history: from START to now. FOLDER is for the library.

changelog.py load MOUNT LIST PREFIX: makes files and folders until LIST.stop exists; the names of those that were acknowledged go to LIST.
"""
import ctypes, ctypes.util, os, sys, time

def library():
    name = ctypes.util.find_library('gfchangelog') or 'libgfchangelog.so.0'
    return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL, use_errno=True)

def check(ret, what):
    if ret < 0: sys.exit('%s: %s (%d)' % (what, os.strerror(ctypes.get_errno()), ret))
    return ret

def changes(call):
    buf, found = ctypes.create_string_buffer(4096), []
    while (n := check(call(buf, ctypes.c_size_t(4096)), 'next change')) > 0: found.append(buf.raw[:n - 1])
    return sorted(found, key=lambda f: f.rsplit(b'.', 1)[1])

def show(files, done):
    for f in files:
        with open(f, 'rb') as text: sys.stdout.buffer.write(text.read())
        sys.stdout.buffer.flush()
        check(done(f), 'done')

what, a, b = sys.argv[1:4]
if what == 'load':
    n, prefix = 0, sys.argv[4]
    with open(b, 'w') as acknowledged:
        while not os.path.exists(b + '.stop'):
            n += 1
            try:
                with open('%s/%s%d' % (a, prefix, n), 'x') as f: f.write('x')
                os.mkdir('%s/%sdir%d' % (a, prefix, n))
            except OSError:
                time.sleep(0.05)
                continue
            acknowledged.write('%s%d\n%sdir%d\n' % (prefix, n, prefix, n)); acknowledged.flush()
    sys.exit()

lib = library()
os.makedirs(b, exist_ok=True)
check(lib.gf_changelog_init(None), 'init')
check(lib.gf_changelog_register(a.encode(), b.encode(), (b + '.log').encode(), 7, 3), 'register')
if what == 'live':
    print('registered', flush=True)
    while True:
        if check(lib.gf_changelog_scan(), 'scan') > 0: show(changes(lib.gf_changelog_next_change), lib.gf_changelog_done)
        check(lib.gf_changelog_start_fresh(), 'start fresh')
        time.sleep(0.3)
end = ctypes.c_ulong()
journals = (a + '/.glusterfs/changelogs').encode()
ret = check(lib.gf_history_changelog(journals, ctypes.c_ulong(int(sys.argv[4])), ctypes.c_ulong(int(time.time())), 3, ctypes.byref(end)), 'history')
print('history %d' % ret)
while check(lib.gf_history_changelog_scan(), 'history scan') > 0:
    show(changes(lib.gf_history_changelog_next_change), lib.gf_history_changelog_done)
print('end')
