"""Writes to files that it keeps open: hot-writer.py DIRECTORY NEW EXPECTED [--reads], until SIGTERM, when it leaves in EXPECTED/hot and
EXPECTED/new what these must hold. With --reads it changes none of the files of DIRECTORY.

All files of DIRECTORY are opened at the start, and written, appended to, cut and read by those descriptors alone. New files come in the
directory NEW, in further directories there. None is renamed or removed: of names that go, a rebalance tells as of failures. Errors go to
EXPECTED.errors.
"""
import os
import random
import signal
import sys
import time

directory, new, expected = sys.argv[1:4]
writes = sys.argv[4:] != ['--reads']
RECORD = 3000
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(1))

files = {}
for name in sorted(os.listdir(directory)):
    fd = os.open(os.path.join(directory, name), os.O_RDWR)
    files[name] = (fd, bytearray(os.pread(fd, 1 << 26, 0)))

os.mkdir(new)
n, errors, made, within = 0, [], {}, '.'
choose = random.Random(1)
while not ending:
    n += 1
    name = choose.choice(list(files))
    fd, content = files[name]
    record = (f'{name} {n}\n'.encode() * RECORD)[:RECORD]
    try:
        if not writes:
            pass
        elif n % 97 == 0 and len(content) > 4 * RECORD:
            size = len(content) - RECORD
            os.ftruncate(fd, size)
            del content[size:]
        else:
            at = len(content) if n % 5 == 0 and len(content) < 1 << 20 else choose.randrange(len(content) or 1)
            if os.pwrite(fd, record, at) != RECORD:
                raise OSError('short write')
            content[at:at + RECORD] = record
        if n % 20 == 0 and writes:
            os.fsync(fd)
        if n % 7 == 0 or not writes:
            at = choose.randrange(len(content))
            if os.pread(fd, RECORD, at) != content[at:at + RECORD]:
                raise OSError(f'reads something else at {at}')
    except OSError as error:
        errors.append(f'{name} step {n}: {error}')
    try:
        if n % 150 == 0:
            within = f'd{n}'
            os.mkdir(os.path.join(new, within))
        if n % 10 == 0:
            with open(os.path.join(new, within, f'n{n}'), 'wb') as out:
                out.write(record)
            made[os.path.join(within, f'n{n}')] = record
    except OSError as error:
        errors.append(f'new file of step {n}: {error}')
    time.sleep(0.005)



def leave(path, data):
    path = os.path.join(expected, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as out:
        out.write(data)


for name, (fd, content) in files.items():
    try:
        os.close(fd)
    except OSError as error:
        errors.append(f'{name} close: {error}')
    leave(f'hot/{name}', content)
for name, content in made.items():
    leave(f'new/{name}', content)
with open(expected + '.errors', 'w') as out:
    out.writelines(f'{error}\n' for error in errors)
print(n, 'steps')
