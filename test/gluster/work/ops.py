"""What dataops.py and nameops.py share: each step prints its name and what it gave, so that two runs can be compared."""
import errno
import os


def step(name, action):
    """Runs an action; prints its value, or the name of its errno."""
    try:
        value = action()
    except OSError as error:
        value = errno.errorcode.get(error.errno, error.errno)
    print(name, '=', value, flush=True)


def put(path, content=b''):
    with open(path, 'wb') as file:
        file.write(content)


def get(path):
    with open(path, 'rb') as file:
        return file.read()
