/** A Debian package, from a staged tree: what dpkg wants to know of it, and dpkg-deb. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesBelow } from './stage.js';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** Libraries that the compiled parts want, with the versions that have the symbols they use. */
function sharedLibraries(root: string): string {
  const objects = filesBelow(root)
    .filter((file) => file.endsWith('.node'))
    .map((file) => `-e${join(root, file)}`);
  // It reads debian/control of the folder that it runs in.
  const folder = mkdtempSync(join(tmpdir(), 'brickd-shlibs-'));
  mkdirSync(join(folder, 'debian'));
  writeFileSync(join(folder, 'debian/control'), 'Source: brickd\n\nPackage: brickd\nArchitecture: any\n');
  try {
    const out = execFileSync('dpkg-shlibdeps', ['-O', ...objects], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.trim().replace(/^shlibs:Depends=/, '');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function installedKiB(root: string): number {
  const size = (path: string): number => {
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return Math.ceil(stat.size / 1024);
    return readdirSync(path).reduce((sum, name) => sum + size(join(path, name)), 1);
  };
  return size(root);
}

const md5sums = (root: string, conffiles: readonly string[]): string =>
  filesBelow(root)
    .filter((file) => !conffiles.includes(`/${file}`) && !lstatSync(join(root, file)).isSymbolicLink())
    .map(
      (file) =>
        `${createHash('md5')
          .update(readFileSync(join(root, file)))
          .digest('hex')}  ${file}\n`,
    )
    .join('');

export interface DebOptions {
  /** The tree; gets a folder DEBIAN. */
  root: string;
  /** Folder of the maintainer's scripts. */
  scripts: string;
  version: string;
  maintainer: string;
  /** Paths of files that administrators change. */
  conffiles: readonly string[];
  out: string;
}

/** Makes the package and returns its path. */
export function makeDeb(o: DebOptions): string {
  const libraries = sharedLibraries(o.root);
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  const size = installedKiB(o.root);
  const sums = md5sums(o.root, o.conffiles);
  const debian = join(o.root, 'DEBIAN');
  mkdirSync(debian);
  writeFileSync(
    join(debian, 'control'),
    `Package: brickd
Version: ${o.version}
Architecture: ${architecture}
Maintainer: ${o.maintainer}
Installed-Size: ${size}
Depends: nodejs (>= 20), ${libraries}
Recommends: glusterfs-server (>= 10)
Section: net
Priority: optional
Description: brick server of a Gluster cluster
 A drop-in replacement for the brick process glusterfsd of GlusterFS 10 and 11:
 glusterd starts and manages it, unmodified clients use it, and bricks move
 between it and glusterfsd both ways. It adds metrics for Prometheus, a status
 page and quality of service for tenants.
 .
 Nothing changes on a node until "brickd install" is run.
`,
  );
  writeFileSync(join(debian, 'md5sums'), sums);
  writeFileSync(join(debian, 'conffiles'), o.conffiles.map((path) => `${path}\n`).join(''));
  for (const name of SCRIPTS) {
    writeFileSync(join(debian, name), readFileSync(join(o.scripts, name)));
    chmodSync(join(debian, name), 0o755);
  }
  const file = join(o.out, `brickd_${o.version}_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', o.root, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(debian, { recursive: true });
  return file;
}
