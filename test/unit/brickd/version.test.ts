import { readFileSync } from 'node:fs';
import t from 'tap';
import { VERSION, versionText } from '../../../brickd/version.js';

t.test('the version is that of the package', async (t) => {
  const file = new URL('../../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  t.equal(VERSION, version);
  t.equal(versionText().split('\n')[0], `brickd ${version}`);
  t.match(versionText(), /glusterfs 10 and 11 \(op-version 1 to 110000\)/);
});
