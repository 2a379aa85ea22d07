"""Checks how a distributed volume lies on its bricks: layouts.py [SUBVOLUME=BRICK ...].

The ranges of every directory cover all hashes once, every file is on one brick alone, and every link file points to it and has its gfid.
Names of a file that has several are moved one after the other: their link files may be behind.
Prints "directories N files N linkto N" and the files of each brick; problems go to standard error, with status 1.
"""
import os
import stat
import sys

LAYOUT, LINKTO, GFID = 'trusted.glusterfs.dht', 'trusted.glusterfs.dht.linkto', 'trusted.gfid'
bricks = dict(argument.split('=', 1) for argument in sys.argv[1:])
problems = []


def xattr(path, name):
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None


ranges, directory_gfids, entries = {}, {}, {}
for subvolume, brick in bricks.items():
    for where, directories, names in os.walk(brick):
        if where == brick:
            directories.remove('.glusterfs')
        path = os.path.relpath(where, brick)
        directory_gfids.setdefault(path, {})[subvolume] = xattr(where, GFID)
        ranges.setdefault(path, {})[subvolume] = xattr(where, LAYOUT)
        # os.walk tells links to directories among the directories.
        links = [name for name in directories if os.path.islink(os.path.join(where, name))]
        for name in names + links:
            full = os.path.join(where, name)
            mode = os.lstat(full).st_mode
            linkto = xattr(full, LINKTO)
            is_link = stat.S_IMODE(mode) == stat.S_ISVTX and linkto is not None
            # Rebalance leaves the attribute on what has several names.
            if linkto is not None and not is_link and os.lstat(full).st_nlink <= 2:
                problems.append(f'{full} has mode {mode:o} and points to {linkto}')
            if is_link and os.lstat(full).st_size != 0:
                problems.append(f'the link file {full} holds data')
            target = linkto.rstrip(b'\0').decode() if is_link else None
            many = os.lstat(full).st_nlink > 2
            entries.setdefault(os.path.join(path, name), []).append((subvolume, target, xattr(full, GFID), many))

for path, on in sorted(ranges.items()):
    if set(on) != set(bricks) or None in on.values():
        problems.append(f'{path} has layouts on {sorted(s for s in on if on[s])} only')
        continue
    if len(set(directory_gfids[path].values())) != 1:
        problems.append(f'{path} has gfids {directory_gfids[path]}')
    spans = [(int.from_bytes(v[8:12], 'big'), int.from_bytes(v[12:16], 'big')) for v in on.values()]
    at = 0
    for first, last in sorted(span for span in spans if span != (0, 0)):
        if first != at:
            problems.append(f'{path}: the range after {at:#x} begins at {first:#x}')
        at = last + 1
    if at != 1 << 32:
        problems.append(f'{path}: the ranges end at {at:#x}')

held, linkto_count = dict.fromkeys(bricks, 0), 0
for path, copies in sorted(entries.items()):
    data = [copy for copy in copies if copy[1] is None]
    if len(data) != 1:
        problems.append(f'{path} is on {[copy[0] for copy in data]}, link files on {[copy[0] for copy in copies if copy[1]]}')
        continue
    held[data[0][0]] += 1
    for subvolume, target, gfid, _ in copies:
        if target is None:
            continue
        linkto_count += 1
        if target != data[0][0] and not data[0][3]:
            problems.append(f'{path} on {subvolume} points to {target} but is on {data[0][0]}')
        if gfid != data[0][2]:
            problems.append(f'{path} on {subvolume} has another gfid than on {target}')

print(f'directories {len(ranges)} files {sum(held.values())} linkto {linkto_count};', *(f'{s} {n}' for s, n in held.items()))
for problem in problems[:20]:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
