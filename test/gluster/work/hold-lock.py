"""A write lock of fcntl on a file, which Node.js has not: hold-lock.py PATH. Waits for it, says after how many seconds it has come,
and holds it until it is ended."""
import fcntl
import os
import struct
import sys
import time

before = time.monotonic()
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
fcntl.fcntl(fd, fcntl.F_SETLKW, struct.pack('hhqqi4x', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
print(f'{time.monotonic() - before:.1f}', flush=True)
time.sleep(100000)
