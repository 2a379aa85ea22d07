/** Statedumps as JSON. */
import t from 'tap';
import { parseStatedump } from '../../../brickd/cli/statedump-json.js';

t.test('sections, numbers and repeated keys', (t) => {
  const text = [
    'DUMP-START-TIME: 2026-01-02 03:04:05.000006 +0000',
    '',
    '[mallinfo]',
    'mallinfo_arena=123',
    'big=18446744073709551615',
    'part=1.5',
    'gfid=00000000-0000-0000-0000-000000000001',
    '',
    '[xlator.features.locks.v-locks.inode]',
    'path=/f',
    'lock-dump.domain.domain=a',
    'inodelk.inodelk[0](ACTIVE)=type=WRITE, whence=0, start=0',
    'lock-dump.domain.domain=b',
    '[empty]',
    '',
    'DUMP-END-TIME: 2026-01-02 03:04:05.000007 +0000',
  ].join('\n');
  const { start, end, sections } = parseStatedump(text);
  t.equal(start, '2026-01-02 03:04:05.000006 +0000');
  t.equal(end, '2026-01-02 03:04:05.000007 +0000');
  t.strictSame(
    sections.map(({ name, values }) => [name, { ...values }]),
    [
      [
        'mallinfo',
        {
          mallinfo_arena: 123,
          big: '18446744073709551615',
          part: 1.5,
          gfid: '00000000-0000-0000-0000-000000000001',
        },
      ],
      [
        'xlator.features.locks.v-locks.inode',
        {
          path: '/f',
          'lock-dump.domain.domain': ['a', 'b'],
          'inodelk.inodelk[0](ACTIVE)': 'type=WRITE, whence=0, start=0',
        },
      ],
      ['empty', {}],
    ],
  );
  t.end();
});
