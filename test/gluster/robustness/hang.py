"""Clients for hang.sh: `measure SECONDS DIRECTORY ...` tells how long operations take, `stick DIRECTORY` keeps many going."""
import os
import sys
import threading
import time


def operate(directory, i, step):
    """One small file from its making to its end; step(name, function) runs each operation."""
    path = f"{directory}/f{i}"
    fd = step("create", lambda: os.open(path, os.O_CREAT | os.O_RDWR, 0o644))
    step("write", lambda: os.pwrite(fd, b"x" * 4096, 0))
    step("fstat", lambda: os.fstat(fd))
    step("close", lambda: os.close(fd))
    step("stat", lambda: os.stat(path))
    step("read", lambda: open(path, "rb").read())
    step("list", lambda: os.listdir(directory))
    step("unlink", lambda: os.unlink(path))


def measure(seconds, directories):
    """Prints count, p50, p99 and longest of all operations, in milliseconds."""
    took = []
    end = time.monotonic() + seconds

    def work(directory):
        os.makedirs(directory, exist_ok=True)
        i = 0

        def step(_name, run):
            start = time.monotonic()
            result = run()
            took.append((time.monotonic() - start) * 1000)
            return result

        while time.monotonic() < end:
            operate(directory, i, step)
            i += 1
            time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(d,)) for d in directories]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took.sort()
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))]
    print(f"{len(took)} {at(0.5):.2f} {at(0.99):.2f} {took[-1]:.2f}")


def stick(directory):
    """24 threads that operate until `stop` is written to standard input; prints `going` once all do, cycles done and errors at last."""
    going = threading.Barrier(25)
    done = []
    errors = []
    stop = threading.Event()

    def work(n):
        own = f"{directory}/t{n}"
        os.makedirs(own, exist_ok=True)
        going.wait()
        i = 0
        while not stop.is_set():
            try:
                operate(own, i, lambda _name, run: run())
                done.append(1)
            except OSError as error:
                errors.append(str(error))
                time.sleep(0.1)
            i += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]
    for t in threads:
        t.start()
    going.wait()
    print("going", flush=True)
    sys.stdin.readline()
    stop.set()
    for t in threads:
        t.join()
    print(f"done {len(done)} errors {len(errors)} {errors[:3] if errors else ''}".strip())


if sys.argv[1] == "measure":
    measure(float(sys.argv[2]), sys.argv[3:])
else:
    stick(sys.argv[2])
