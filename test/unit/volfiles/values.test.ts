import t, { type Test } from 'tap';
import { isAddressPattern, parseAddress, parseAddressList } from '../../../volfiles/addresses.js';
import { fnmatch, fnmatchNoEscape, literal } from '../../../volfiles/fnmatch.js';
import {
  parseBool,
  parseInteger,
  parsePath,
  parsePercent,
  parsePercentOrSize,
  parseSize,
  parseTime,
} from '../../../volfiles/values.js';
import { FNMATCH_TABLE } from '../../support/fnmatch-table.js';

/** Accepted texts with their values, and texts that are refused. */
function check<T>(t: Test, parse: (text: string) => T, good: [string, T][], bad: string[]): void {
  for (const [text, value] of good) t.same(parse(text), value, JSON.stringify(text));
  for (const text of bad) t.throws(() => parse(text), { name: 'BadValue' }, JSON.stringify(text));
}

t.test('booleans', async (t) => {
  const on = ['1', 'on', 'yes', 'true', 'enable', 'ON', 'Yes', 'TRUE', 'Enable'];
  const off = ['0', 'off', 'no', 'false', 'disable', 'OFF', 'No'];
  check(
    t,
    parseBool,
    [...on.map((w): [string, boolean] => [w, true]), ...off.map((w): [string, boolean] => [w, false])],
    ['', '2', 'y', 'enabled', ' on', 'on '],
  );
});

t.test('integers are C integers', async (t) => {
  check(
    t,
    parseInteger,
    [
      ['0', 0],
      ['-1', -1],
      ['+7', 7],
      [' 12', 12],
      ['0x1F', 31],
      ['0640', 0o640],
      ['-010', -8],
      ['9007199254740991', 2 ** 53 - 1],
    ],
    ['', '-', '12 ', '1.5', '08', '0x', 'ten', '9007199254740992', '9'.repeat(100_000), '1e3', '12KB'],
  );
});

t.test('sizes', async (t) => {
  check(
    t,
    parseSize,
    [
      ['0', 0],
      ['4096', 4096],
      ['1B', 1],
      ['1KB', 1024],
      ['2kb', 2048],
      ['1MB', 2 ** 20],
      ['1gB', 2 ** 30],
      ['1TB', 2 ** 40],
      ['1PB', 2 ** 50],
      ['1.5GB', 1.5 * 2 ** 30],
      ['.5KB', 512],
      ['1.', 1],
      ['1.0e3', 1000],
      ['010', 10],
    ],
    ['', '-1', 'KB', '1K', '1M', '1 MB', '1EB', '0x10', '1.5.5', '8192PB', '1e3'],
  );
});

t.test('percentages', async (t) => {
  check(
    t,
    parsePercent,
    [
      ['0', 0],
      ['80%', 80],
      ['12.5%', 12.5],
      ['100', 100],
    ],
    ['', '-1', '101', '5%%', '%', '5 %', 'x'],
  );
});

t.test('percentage or size', async (t) => {
  check(
    t,
    parsePercentOrSize,
    [
      ['1', { percent: 1 }],
      ['100', { percent: 100 }],
      ['101', { bytes: 101 }],
      ['5%', { percent: 5 }],
      ['0x10', { percent: 16 }],
      ['2.5%', { percent: 2.5 }],
      ['2.0', { percent: 2 }],
      ['10GB', { bytes: 10 * 2 ** 30 }],
      ['50kb', { bytes: 51200 }],
    ],
    ['', '-5', '2.5', '1.5GB', '1.0GB', '101%', '10B', '1K', 'x'],
  );
});

t.test('times', async (t) => {
  const units: [string, number][] = [
    ['', 1],
    ['s', 1],
    ['sec', 1],
    ['m', 60],
    ['min', 60],
    ['h', 3600],
    ['hr', 3600],
    ['d', 86400],
    ['days', 86400],
    ['w', 604800],
    ['wk', 604800],
  ];
  check(
    t,
    parseTime,
    [...units.map(([unit, seconds]): [string, number] => [`3${unit}`, 3 * seconds]), ['0x10', 16]],
    ['', '-1', 's', '1.5m', '1M', '1S', '1 min', '1hour', '1day', '1week', '99999999999999999999'],
  );
});

t.test('paths', async (t) => {
  check(
    t,
    parsePath,
    [
      ['/', '/'],
      ['/d/b\xff', '/d/b\xff'],
    ],
    ['', 'd/b', './d', '/d/../e', '../d'],
  );
});

t.test('addresses', async (t) => {
  const patterns = [
    '*',
    '10.88.*',
    '192.168.7.9',
    '10.0.0.0/8',
    '*.1.2.3',
    'host-a.example.com',
    'a',
    '::1',
    'fe80::1%eth0',
    '2001:db8:*',
  ];
  for (const text of patterns) t.ok(isAddressPattern(text), text);
  for (const text of [
    '',
    '-a',
    'a-',
    'a..b',
    'a_b',
    'a b',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '1::2::3',
    'fe80:',
    '/x',
    'x'.repeat(300),
  ]) {
    t.notOk(isAddressPattern(text), text);
  }
  check(
    t,
    parseAddress,
    [
      ['gfhost', 'gfhost'],
      ['::1', '::1'],
      ['10.0.0.1', '10.0.0.1'],
    ],
    ['*', '10.*', '', 'a,b'],
  );
  check(
    t,
    parseAddressList,
    [
      ['*', [{ directory: '', patterns: ['*'] }]],
      ['127.0.0.1,10.*,h', [{ directory: '', patterns: ['127.0.0.1', '10.*', 'h'] }]],
      [
        '/a(10.*|h),/b(*)',
        [
          { directory: '/a', patterns: ['10.*', 'h'] },
          { directory: '/b', patterns: ['*'] },
        ],
      ],
    ],
    ['a_b', '/a', '/a()', 'b(h)', '/a(a_b)', '/a(h),b(h)'],
  );
});

t.test('fnmatch', async (t) => {
  for (const [pattern, text, quoted, plain] of FNMATCH_TABLE) {
    t.equal(fnmatch(pattern, text), quoted, `${pattern} ${text}`);
    t.equal(fnmatchNoEscape(pattern, text), plain, `${pattern} ${text}, no escape`);
    t.ok(fnmatch(literal(text), text), `${text} as a pattern`);
  }
  t.ok(fnmatch('*', ''));
  t.notOk(fnmatch('', 'a'));
  t.notOk(fnmatch('a', ''));
  const start = Date.now();
  fnmatch('*a'.repeat(50), 'a'.repeat(20000));
  fnmatch(`${'*a'.repeat(50)}b`, 'a'.repeat(20000));
  t.ok(Date.now() - start < 2000, 'no exponential time');
});
