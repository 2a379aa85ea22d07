/** How the daemon makes its own files: modes whatever the umask is, and no way through a symlink that somebody has planted. */
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeOwnDirectory, openOwnFile, replaceOwnFile, replaceOwnFileLater } from '../../../mux/base/own-files.js';
import { bytesOfLatin1, bytesOfText, fsPath } from '../../../native/bytes.js';

const root = mkdtempSync(join(tmpdir(), 'own-files'));
const umask = process.umask(0);
t.teardown(() => {
  process.umask(umask);
  rmSync(root, { recursive: true });
});

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const append = constants.O_WRONLY | constants.O_APPEND;

t.test('a file that is replaced', async (t) => {
  const secret = join(root, 'secret');
  writeFileSync(secret, 'secret', { mode: 0o600 });
  for (const [name, replace] of Object.entries({ replaceOwnFile, replaceOwnFileLater })) {
    const path = join(root, name);
    symlinkSync(secret, path);
    for (const mask of [0, 0o077]) {
      process.umask(mask);
      await replace(bytesOfText(path), bytesOfText(`text ${mask}`), 0o644);
      process.umask(0);
      t.ok(lstatSync(path).isFile(), 'takes the place of a symlink');
      t.equal(modeOf(path), 0o644);
      t.equal(readFileSync(path, 'latin1'), `text ${mask}`);
    }
    t.equal(readFileSync(secret, 'latin1'), 'secret');
    mkdirSync(join(root, 'taken'), { recursive: true });
    await t.rejects(async () => replace(bytesOfText(join(root, 'taken')), bytesOfText('x'), 0o644));
  }
  const longest = bytesOfLatin1(`${root}/${'\xe9'.repeat(255)}`);
  replaceOwnFile(longest, bytesOfText('é'), 0o644);
  t.equal(readFileSync(fsPath(longest), 'utf8'), 'é', 'the longest name there is, of bytes that are no text');
  rmSync(fsPath(longest));
  t.same(readdirSync(root).sort(), ['replaceOwnFile', 'replaceOwnFileLater', 'secret', 'taken'], 'no draft is left');
});

t.test('a file that is kept', async (t) => {
  const open = join(root, 'open');
  const own = join(root, 'own');
  mkdirSync(open);
  chmodSync(open, 0o1777);
  mkdirSync(own, { mode: 0o755 });
  for (const folder of [open, own]) {
    const path = join(folder, 'log');
    closeSync(openOwnFile(bytesOfText(path), append, 0o600));
    t.equal(modeOf(path), 0o600);
    closeSync(openOwnFile(bytesOfText(path), append, 0o600));
    symlinkSync(join(root, 'elsewhere'), join(folder, 'link'));
  }
  t.throws(
    () => openOwnFile(bytesOfText(join(open, 'link')), append, 0o600),
    { code: 'ELOOP' },
    'anybody may have put it there',
  );
  closeSync(openOwnFile(bytesOfText(join(own, 'link')), append, 0o600));
  t.equal(modeOf(join(root, 'elsewhere')), 0o600, 'a symlink of the administrator is followed');
});

t.test('directories', async (t) => {
  makeOwnDirectory(bytesOfText(join(root, 'a/b/c')));
  for (const path of ['a', 'a/b', 'a/b/c']) t.equal(modeOf(join(root, path)), 0o755);
});
