import t from 'tap';
import { bool, each, int, list, oneOf, percentOrSize, str, time } from '../../../volfiles/option-types.js';
import {
  changedOptions,
  defineOptions,
  OptionError,
  type OptionsOf,
  parseOptions,
  requireOptions,
} from '../../../volfiles/options.js';
import type { PercentOrSize } from '../../../volfiles/values.js';

const table = defineOptions({
  flag: bool({ default: 'off' }),
  count: int({ default: '5', min: 0, max: 60, aliases: ['number'] }),
  wait: time({ default: '1min', max: 3600 }),
  mode: oneOf(['a', 'b'], { default: 'a' }),
  reserve: percentOrSize({ default: '1' }),
  label: str(),
  need: str({ required: true, live: false, maxBytes: 4 }),
  'allow.*.list': each(list()),
});

/** Fails to compile if the inferred types are not these. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const inferred: Equal<
  OptionsOf<typeof table>,
  {
    readonly flag: boolean;
    readonly count: number;
    readonly wait: number;
    readonly mode: 'a' | 'b';
    readonly reserve: PercentOrSize;
    readonly label: string | undefined;
    readonly need: string;
    readonly 'allow.*.list': ReadonlyMap<string, readonly string[]>;
  }
> = true;

const volume = (options: Record<string, string>) => ({
  name: 'v-x',
  line: 10,
  options: new Map(Object.entries(options).map(([key, value], i) => [key, { value, line: 11 + i }])),
});

t.test('typed values, defaults, aliases, patterns', async (t) => {
  t.ok(inferred);
  const o = requireOptions(table, volume({ need: 'n', number: '7', 'allow./d/b.list': 'x, y', wait: '2min' }));
  t.equal(o.flag, false);
  t.equal(o.count, 7);
  t.equal(o.wait, 120);
  t.equal(o.mode, 'a');
  t.same(o.reserve, { percent: 1 });
  t.equal(o.label, undefined);
  t.same([...o['allow.*.list']], [['allow./d/b.list', ['x', 'y']]]);
  t.equal(requireOptions(table, volume({ need: 'n' }))['allow.*.list'].size, 0);
});

t.test('a bad value tells volume, key, value, reason and line', async (t) => {
  const [error] = parseOptions(table, volume({ need: 'n', count: '61' })).errors;
  t.ok(error instanceof OptionError);
  t.match(error, {
    volume: 'v-x',
    key: 'count',
    value: '61',
    line: 12,
    reason: 'is above the maximum of 60',
    message: "volume 'v-x': option 'count': value '61' is above the maximum of 60 (line 12)",
  });
  const reason = (options: Record<string, string>) =>
    parseOptions(table, volume({ need: 'n', ...options })).errors[0]?.reason;
  t.match(reason({ count: '-1' }), 'is below the minimum of 0');
  t.match(reason({ flag: 'maybe' }), 'is not a boolean');
  t.match(reason({ mode: 'A' }), 'is none of a, b');
  t.match(reason({ wait: '2hr' }), 'is above the maximum of 3600 s');
  t.match(reason({ need: 'long!' }), 'is longer than 4 bytes');
  t.match(reason({ count: '9999999999' }), 'is above the maximum');
  t.equal(reason({ reserve: '10GB' }), undefined);
});

t.test('a required option', async (t) => {
  const expected = { key: 'need', line: 10, message: /^volume 'v-x': option 'need' is missing/ };
  t.throws(() => requireOptions(table, volume({})), expected);
});

t.test('unknown options are warnings, and silent where a rule put them in', async (t) => {
  const v = volume({ need: 'n', other: 'x' });
  v.options.set('auth.x', { value: '1', line: 0, implied: true } as { value: string; line: number });
  const { errors, warnings } = parseOptions(table, v);
  t.same(errors, []);
  t.same(warnings, [
    { severity: 'warning', line: 12, volume: 'v-x', message: "option 'other' is not known and has no effect" },
  ]);
});

t.test('which changes a running translator takes over', async (t) => {
  const given = (options: Record<string, string>) => parseOptions(table, volume({ need: 'n', ...options })).given;
  const before = given({ count: '7', 'allow.a.list': 'x' });
  t.same(changedOptions(table, before, given({ count: '7', 'allow.a.list': 'x' })), { live: [], frozen: [] });
  t.same(changedOptions(table, before, given({ number: '8', need: 'm' })), {
    live: ['count', 'allow.a.list'],
    frozen: ['need'],
  });
  t.same(changedOptions(table, given({}), given({ count: '5' })), { live: [], frozen: [] }, 'the default, spelled out');
});
