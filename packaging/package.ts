/**
 * `npm run package [-- --version VERSION --out FOLDER]`: makes a Debian package and a tarball of what is built. Both hold the same
 * tree, and neither needs a compiler where it is installed. Wants Debian's dpkg-dev and binutils.
 *
 * Files have the time of the last commit (or of SOURCE_DATE_EPOCH) and no names of whoever builds: the same commit makes the same
 * package.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { makeDeb } from './deb.js';
import { manPages } from './manual.js';
import { type Dependency, stage } from './stage.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGING = join(CHECKOUT, 'packaging');
const CONFIG = '/etc/brickd/brickd.yaml';

const { values } = parseArgs({
  options: {
    version: { type: 'string' },
    out: { type: 'string', default: join(CHECKOUT, 'dist/package') },
    maintainer: {
      type: 'string',
      default: process.env['BRICKD_MAINTAINER'] ?? 'brickd developers <brickd@localhost>',
    },
  },
});
const manifest = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { version: string };
const version = values.version ?? manifest.version;
const out = resolve(values.out);

const run = (program: string, args: string[], env: NodeJS.ProcessEnv = {}): string =>
  execFileSync(program, args, { cwd: CHECKOUT, encoding: 'utf8', env: { ...process.env, ...env } });

process.env['SOURCE_DATE_EPOCH'] ??= run('git', ['log', '-1', '--format=%ct']).trim();
const epoch = Number(process.env['SOURCE_DATE_EPOCH']);

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const compressed = (text: string): Buffer => gzipSync(text, { level: 9 });

const APACHE = 'Apache-2.0';
/** Debian has the whole text in one place. */
const licenceText = (d: Dependency): string => {
  if (d.license === APACHE)
    return `Licensed under the Apache License, Version 2.0: /usr/share/common-licenses/${APACHE}\n`;
  return d.text || 'Its package brings no text of the licence.\n';
};

/** Licences: brickd's own, and of what comes with it. */
function copyright(dependencies: readonly Dependency[]): string {
  const rule = '-'.repeat(78);
  const others = dependencies
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map((d) => `${rule}\n${d.name} ${d.version} (${d.license})\n\n${licenceText(d)}`);
  return [
    'brickd is licensed under the Apache License, Version 2.0; on Debian its text is\nin /usr/share/common-licenses/Apache-2.0.\n',
    `${rule}\nIt comes with these packages of the npm registry:\n`,
    ...others,
  ].join('\n');
}

function changelog(): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `brickd (${version}) unstable; urgency=medium\n\n  * Version ${version}.\n\n -- ${values.maintainer}  ${date}\n`;
}

async function stageRoot(root: string): Promise<void> {
  const code = join(root, 'usr/lib/brickd/package');
  const dependencies = stage(CHECKOUT, code, version);
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/brickd/package/brickd/bin/brickd', join(root, 'usr/bin/brickd'));
  write(join(root, CONFIG), readFileSync(join(PACKAGING, 'etc/brickd.yaml')));
  const unit = readFileSync(join(CHECKOUT, 'brickd/metrics/node/brickd-node.service'));
  write(join(root, 'usr/lib/systemd/system/brickd-node.service'), unit);
  const share = join(root, 'usr/share');
  for (const page of await manPages(version))
    write(join(share, 'man/man8', `${page.name}.8.gz`), compressed(page.text));
  const completion = (shell: string): string =>
    run(process.execPath, [join(CHECKOUT, 'brickd/bin/brickd'), 'completion'], { SHELL: shell });
  write(join(share, 'bash-completion/completions/brickd'), completion('/bin/bash'));
  write(join(share, 'zsh/vendor-completions/_brickd'), completion('/bin/zsh'));
  const doc = join(share, 'doc/brickd');
  write(join(doc, 'copyright'), copyright(dependencies));
  write(join(doc, 'changelog.gz'), compressed(changelog()));
  cpSync(join(CHECKOUT, 'docs'), doc, { recursive: true });
  cpSync(join(CHECKOUT, 'README.md'), join(doc, 'README.md'));
  for (const folder of ['container', 'kubernetes'])
    cpSync(join(PACKAGING, folder), join(doc, folder), { recursive: true });
  write(join(share, 'lintian/overrides/brickd'), readFileSync(join(PACKAGING, 'debian/lintian-overrides')));
  run('chmod', ['-R', 'u=rwX,go=rX', root]);
  run('find', [root, '-depth', '-exec', 'touch', '--no-dereference', `--date=@${epoch}`, '{}', '+']);
}

/** With a folder brickd-VERSION around it, to be unpacked at / or anywhere. */
function makeTarball(root: string): string {
  const { arch } = process;
  const file = join(out, `brickd-${version}-linux-${arch}.tar.gz`);
  run('tar', [
    '--create',
    '--gzip',
    `--file=${file}`,
    '--sort=name',
    '--owner=root:0',
    '--group=root:0',
    `--mtime=@${epoch}`,
    `--transform=flags=r;s,^\\.,brickd-${version},`,
    `--directory=${root}`,
    '.',
  ]);
  return file;
}

const root = mkdtempSync(join(tmpdir(), 'brickd-package-'));
try {
  mkdirSync(out, { recursive: true });
  await stageRoot(root);
  const tarball = makeTarball(root);
  const scripts = join(PACKAGING, 'debian');
  const deb = makeDeb({ root, scripts, version, maintainer: values.maintainer, conffiles: [CONFIG], out });
  process.stdout.write(`${deb}\n${tarball}\n`);
} finally {
  rmSync(root, { recursive: true });
}
