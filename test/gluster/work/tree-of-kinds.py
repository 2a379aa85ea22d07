"""Makes a tree for tools that move files: tree-of-kinds.py DIRECTORY FILES. Files of many sizes, modes, owners and times in nested
directories, with xattrs, ACLs, hard links, symbolic links, renamed ones, a fifo and a device."""
import os
import subprocess
import sys

root, files = sys.argv[1], int(sys.argv[2])
os.umask(0o022)
os.mkdir(root)
os.chdir(root)
directories = ['.', 'a', 'a/b', 'a/b/c', 'd', 'e f', 'caf\udce9']
for directory in directories[1:]:
    os.mkdir(directory)
os.setxattr('a', 'user.of.directory', b'kept')
os.chmod('d', 0o2775)
os.chown('d', 17, 18)
with_acl = []
for i in range(files):
    name = f'{directories[i % len(directories)]}/f{i}'
    with open(name, 'wb') as out:
        out.write(f'{name} {i}\n'.encode(errors='surrogateescape') * (i * i % 701))
    if i % 3 == 0:
        os.setxattr(name, 'user.number', str(i).encode())
        os.setxattr(name, 'user.bytes', bytes(range(i % 256)))
    if i % 4 == 0:
        os.chmod(name, [0o600, 0o755, 0o4711, 0o2755, 0o1644, 0][i % 6])
    if i % 5 == 0:
        os.chown(name, 1000 + i, 2000 + i)
    if i % 6 == 1:
        with_acl.append(name)
    if i % 7 == 0:
        os.link(name, f'{directories[(i + 1) % len(directories)]}/hard{i}')
    if i % 8 == 0:
        os.symlink(f'../{name}', f'{directories[(i + 2) % len(directories)]}/soft{i}')
    if i % 9 == 1:
        # Another name's hash leaves a link file.
        os.rename(name, f'{name}.renamed')
        if name in with_acl:
            with_acl[-1] = f'{name}.renamed'
        name += '.renamed'
    if i % 11 == 0:
        os.utime(name, ns=(981173106123456789, 981173106123456789 + i))
subprocess.run(['setfacl', '-m', 'u:1002:rw,g:2003:r', *with_acl], check=True)
# Without children: what is moved into a directory inherits its default ACL from the brick's file system.
os.mkdir('default')
subprocess.run(['setfacl', '-d', '-m', 'u:1002:rwx', 'default'], check=True)
os.mkfifo('fifo')
os.mknod('a/device', 0o20640, os.makedev(1, 3))
os.mkdir('hot')
for i in range(12):
    with open(f'hot/h{i}', 'wb') as out:
        out.write(f'{i}\n'.encode() * 50000)
