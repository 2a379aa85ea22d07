import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { bytesOfLatin1, bytesOfText, fsPath, latin1OfBytes, textOfBytes, textPath } from '../../../native/bytes.js';

const SOURCES = fileURLToPath(new URL('../../../..', import.meta.url));
const ROOMS = ['brickd', 'mux', 'posix', 'volfiles', 'native'];
const CONVERTERS = 'native/bytes.ts';

t.test('text to bytes and back', async (t) => {
  t.equal(latin1OfBytes(bytesOfText('/d/é')), '/d/\xc3\xa9');
  t.same(fsPath(bytesOfText('/d/é')), Buffer.from('/d/é'));
  t.same(fsPath(bytesOfLatin1('/d/\xe9')), Buffer.from([0x2f, 0x64, 0x2f, 0xe9]));
  t.equal(textOfBytes(bytesOfText('/d/é')), '/d/é');
  t.equal(textOfBytes(bytesOfLatin1('/d/\xe9')), '/d/\\xe9', 'bytes that are no UTF-8 are shown');
  t.equal(textOfBytes(bytesOfText('/d/a')), '/d/a');
});

t.test('a path that Node.js cannot take is an error, not another path', async (t) => {
  t.equal(textPath(bytesOfText('/run/é.socket')), '/run/é.socket');
  t.throws(() => textPath(bytesOfLatin1('/run/\xe9.socket')), { message: /\\xe9\.socket is not UTF-8/ });
});

/** What changes between text and bytes by itself. (The codec of the wire, and memory of system calls, have encodings of their own.) */
const BY_HAND = [
  /Buffer\.from\((?![^()]*'(?:latin1|hex|base64|utf16le)'\))[^;]*?\)\s*\.(?:latin1Slice\(\)|toString\('(?:latin1|binary)'\))/,
  /Buffer\.from\([^;]*?, '(?:latin1|binary)'\)\s*\.(?:toString\((?:'utf-?8')?\)|utf8Slice\(\))/,
];

t.test('no other file converts between text and bytes', async (t) => {
  let read = 0;
  const found: string[] = [];
  for (const room of ROOMS) {
    for (const file of readdirSync(`${SOURCES}/${room}`, { recursive: true, encoding: 'utf8' })) {
      const path = `${room}/${file}`;
      if (!file.endsWith('.ts') || path === CONVERTERS) continue;
      const text = readFileSync(`${SOURCES}/${path}`, 'utf8');
      read++;
      if (BY_HAND.some((pattern) => pattern.test(text))) found.push(path);
    }
  }
  t.same(found, []);
  t.ok(read > 300, `${read} files`);
  t.match('Buffer.from(path).latin1Slice()', BY_HAND[0]!);
  t.match("Buffer.from(path, 'utf8').toString('latin1')", BY_HAND[0]!);
  t.match("Buffer.from(path, 'latin1').toString('utf8')", BY_HAND[1]!);
});
