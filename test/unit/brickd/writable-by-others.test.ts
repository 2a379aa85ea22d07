/** Who can change what root runs. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writableByOthers } from '../../../brickd/cli/writable-by-others.js';

const skip = process.getuid?.() === 0 ? false : 'needs root';

t.test('what others than root can change is found, wherever it is', { skip }, async (t) => {
  const folder = mkdtempSync(join('/var/tmp', 'brickd-writers-'));
  const checkout = join(folder, 'opt/brickd');
  const file = join(checkout, 'dist/main.js');
  mkdirSync(join(checkout, 'dist'), { recursive: true, mode: 0o755 });
  writeFileSync(file, '', { mode: 0o644 });
  const wrong = () => writableByOthers([checkout]);
  t.same(wrong(), [], '/var/tmp is sticky: nobody else can rename what is in it');
  chmodSync(file, 0o666);
  t.same(wrong(), [`${file} is writable by everybody`]);
  chmodSync(file, 0o664);
  t.same(wrong(), [], 'root’s own group');
  chownSync(file, 0, 1000);
  t.same(wrong(), [`${file} is writable by group 1000`]);
  chownSync(file, 1000, 0);
  t.same(wrong(), [`${file} belongs to user 1000`]);
  chownSync(file, 0, 0);
  chmodSync(join(folder, 'opt'), 0o777);
  t.same(wrong(), [`${join(folder, 'opt')} is writable by everybody`], 'a directory above');
  chmodSync(join(folder, 'opt'), 0o755);
  const link = join(folder, 'node');
  symlinkSync(file, link);
  t.same(writableByOthers([link]), []);
  chownSync(join(checkout, 'dist'), 1000, 1000);
  t.same(writableByOthers([link]), [`${join(checkout, 'dist')} belongs to user 1000`], 'where a link leads to');
  for (let i = 0; i < 20; i++) writeFileSync(join(checkout, `f${i}`), '');
  for (let i = 0; i < 20; i++) chmodSync(join(checkout, `f${i}`), 0o666);
  t.equal(wrong().length, 5, 'no endless list');
});
