/** Where the certificates of a cluster are looked for. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readCertificates } from '../../../brickd/glusterd/certificates.js';

t.test('the first directory that has a certificate', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'certs'));
  const places = ['a', 'b', 'c'].map((name) => join(root, name));
  t.throws(() => readCertificates(places), { message: /no glusterfs.pem in .*\/a, .*\/b/ });
  for (const place of places.slice(1)) {
    mkdirSync(place);
    for (const name of ['pem', 'key', 'ca']) writeFileSync(join(place, `glusterfs.${name}`), `${place} ${name}`);
  }
  const { cert, key, ca } = readCertificates(places);
  t.strictSame(
    [cert, key, ca].map(String),
    ['pem', 'key', 'ca'].map((name) => `${places[1]} ${name}`),
  );
  t.end();
});
