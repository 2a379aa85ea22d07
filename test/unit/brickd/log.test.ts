import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { LogControl, levelOf } from '../../../brickd/log/control.js';
import { FloodBound, MAX_LINES_PER_WINDOW, WINDOW_MS } from '../../../brickd/log/flood.js';
import { formatLine, formatRepetition } from '../../../brickd/log/format.js';
import { FileLog } from '../../../brickd/log/sink.js';
import { event, loggerFor, setLogSink } from '../../../mux/base/log.js';
import { formatTime } from '../../../mux/base/time-text.js';

const AT = Date.UTC(2026, 10, 22, 20, 41, 59, 487) * 1000 + 515;
const parts = {
  severity: 5,
  domain: 'v-posix',
  msgid: 113066,
  text: 'Failed',
  errorText: '',
  place: 'posix.js:9:init',
};

t.test('lines have the form of GlusterFS', async (t) => {
  t.equal(formatTime(AT, false), '2026-11-22 20:41:59.487515 +0000');
  t.equal(
    formatLine(parts, AT, false, true),
    '[2026-11-22 20:41:59.487515 +0000] W [MSGID: 113066] [posix.js:9:init] 0-v-posix: Failed \n',
    'a line with a number ends with a blank',
  );
  t.equal(
    formatLine({ ...parts, errorText: 'Operation not permitted' }, AT, false, true),
    '[2026-11-22 20:41:59.487515 +0000] W [MSGID: 113066] [posix.js:9:init] 0-v-posix: Failed [Operation not permitted]\n',
  );
  t.equal(
    formatLine({ ...parts, msgid: 0, severity: 7 }, AT, false, true),
    '[2026-11-22 20:41:59.487515 +0000] I [posix.js:9:init] 0-v-posix: Failed\n',
  );
  t.equal(
    formatRepetition(parts, 3, AT, AT + 2e6, false),
    'The message "W [MSGID: 113066] [posix.js:9:init] 0-v-posix: Failed" repeated 3 times between ' +
      '[2026-11-22 20:41:59.487515 +0000] and [2026-11-22 20:42:01.487515 +0000]\n',
  );
  t.equal(event('Text', { a: 1, b: 'x y' }), 'Text [{a=1}, {b=x y}]');
});

t.test('local time carries its offset', async (t) => {
  const zone = process.env['TZ'];
  t.teardown(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  process.env['TZ'] = 'Asia/Kolkata';
  t.equal(formatTime(AT, true), '2026-11-23 02:11:59.487515 +0530');
  process.env['TZ'] = 'America/Anchorage';
  t.equal(formatTime(AT, true), '2026-11-22 11:41:59.487515 -0900');
});

function openLog(t: Tap.Test, bufferSize: number) {
  const file = join(mkdtempSync(join(tmpdir(), 'brickd-log-')), 'log');
  const fd = openSync(file, 'a');
  t.teardown(() => closeSync(fd));
  const control = new LogControl();
  control.level = 7;
  control.withId = true;
  control.bufferSize = bufferSize;
  control.flushTimeoutS = 120;
  const log = new FileLog({ fd, local: false, memory: control.memory });
  setLogSink(log);
  const lines = () =>
    readFileSync(file, 'latin1')
      .replaceAll(/\[\d{4}-[^\]]*\]/g, '[time]')
      .split('\n')
      .slice(0, -1);
  return { log, control, lines };
}

t.test('levels, and changes of them, hold for every logger', async (t) => {
  const { control, lines } = openLog(t, 5);
  const log = loggerFor('x');
  log.debug(1, 'unseen');
  log.info(0, 'seen');
  control.level = levelOf('DEBUG')!;
  log.debug(0, 'seen too');
  control.level = levelOf('none')!;
  log.error(0, 'unseen');
  t.equal(levelOf('bogus'), undefined);
  t.same(
    lines().map((l) => l.replace(/\[log\.test\.js:\d+:[^\]]*\]/, '[here]')),
    ['[time] I [here] 0-x: seen', '[time] D [here] 0-x: seen too'],
  );
});

t.test('volumes with levels of their own', async (t) => {
  const { control, lines } = openLog(t, 0);
  control.level = levelOf('info')!;
  const say = () => {
    for (const domain of ['v-posix', 'v-w-posix', 'v-bitrot-stub', 'vv-posix', '/d/b', 'server']) {
      loggerFor(domain).debug(0, 'debug');
      loggerFor(domain).info(0, 'info');
    }
    const all = lines().map((l) => l.replace(/^.* 0-/, ''));
    return all.slice(before, (before = all.length));
  };
  let before = 0;
  const info = ['v-posix', 'v-w-posix', 'v-bitrot-stub', 'vv-posix', '/d/b', 'server'].map((d) => `${d}: info`);
  t.same(say(), info);
  t.ok(control.setLevels(['v', '/d/b'], levelOf('debug')));
  t.ok(control.setLevels(['v-w'], levelOf('error')));
  const other = new LogControl(control.memory);
  t.equal(other.levelOf('v-posix'), levelOf('debug'), 'in every thread');
  t.same(say(), [
    ...['v-posix: debug', 'v-posix: info', 'v-bitrot-stub: debug', 'v-bitrot-stub: info', 'vv-posix: info'],
    ...['/d/b: debug', '/d/b: info', 'server: info'],
  ]);
  control.setLevels(['v', '/d/b', 'v-w'], undefined);
  t.same(say(), info);
  t.equal(control.highest, control.level);
  t.equal(control.setLevels(['x'.repeat(1 << 20)], 3), false);
});

t.test('the line names the place that logged it', async (t) => {
  const { lines } = openLog(t, 5);
  function wherever() {
    loggerFor('x').error(7, 'text', 2);
  }
  wherever();
  t.match(
    lines()[0],
    /^\[time\] E \[MSGID: 7\] \[log\.test\.js:\d+:wherever\] 0-x: text \[no such file or directory\]$/,
  );
});

t.test('repetitions are counted and written when the message falls out of the buffer', async (t) => {
  const { log: sink, lines } = openLog(t, 2);
  const log = loggerFor('x');
  for (let i = 0; i < 4; i++) log.error(1, 'often');
  log.error(2, 'once');
  log.error(2, 'once');
  t.equal(lines().length, 2, 'each is written once');
  log.error(3, 'third');
  log.error(4, 'fourth');
  sink.flush();
  const found = lines().map((l) => l.replaceAll(/ ?\[(MSGID|log)[^\]]*\] ?/g, ' ').replaceAll(/ +/g, ' '));
  t.same(found, [
    '[time] E 0-x: often ',
    '[time] E 0-x: once ',
    'The message "E 0-x: often" repeated 3 times between [time] and [time]',
    '[time] E 0-x: third ',
    '[time] E 0-x: once ',
    '[time] E 0-x: fourth ',
  ]);
});

t.test('a buffer of size 0 suppresses nothing', async (t) => {
  const { lines } = openLog(t, 0);
  for (let i = 0; i < 3; i++) loggerFor('x').error(1, 'often');
  t.equal(lines().length, 3);
});

t.test('bytes of names go to the log unchanged', async (t) => {
  const { lines } = openLog(t, 5);
  loggerFor('x').error(1, 'name \xff\xe9');
  t.match(lines()[0], 'name \xff\xe9');
});

declare namespace Tap {
  interface Test {
    teardown(f: () => void): void;
  }
}

t.test('lines of one kind are bounded, others are not affected', async (t) => {
  const { log, control, lines } = openLog(t, 5);
  const logger = loggerFor('x');
  for (let i = 0; i < 5000; i++) logger.error(0, `accept failed: try ${i}`);
  for (let i = 0; i < 5; i++) logger.error(0, 'another fault');
  const before = lines();
  t.equal(before.length, MAX_LINES_PER_WINDOW + 5);
  t.match(before.at(-1), /another fault/);
  log.flush();
  const left = 5000 - MAX_LINES_PER_WINDOW;
  t.match(lines().at(-1), new RegExp(`E .* 0-x: ${left} more like this .* the last one: accept failed: try 4999`));
  control.level = levelOf('DEBUG')!;
  for (let i = 0; i < 1000; i++) logger.debug(0, `debug ${i}`);
  t.equal(lines().length, before.length + 1 + 1000, 'debug lines come all');
});

t.test('a flood is told of at the end of each window', async (t) => {
  const written: string[] = [];
  const flood = new FloodBound(false, (text) => written.push(text));
  const through = (atMs: number) => !flood.exceeded({ ...parts, text: `failed at ${atMs}` }, atMs);
  let count = 0;
  for (let i = 0; i < 1000; i++) if (through(i)) count++;
  t.equal(count, MAX_LINES_PER_WINDOW);
  t.equal(flood.silent, true);
  flood.endWindows(WINDOW_MS);
  t.equal(written.length, 1);
  t.equal(flood.silent, false);
  t.equal(through(WINDOW_MS + 1), true, 'a new window');
  for (let i = 0; i < 1000; i++) flood.exceeded({ ...parts, domain: `d${i}` }, WINDOW_MS + 2);
  t.equal(written.length, 1, 'many kinds: nothing is lost, nothing piles up');
});

t.test('whatever a line says, it is one line', async (t) => {
  const { log, lines } = openLog(t, 5);
  const forged = '[2026-01-01 00:00:00.000000 +0000] C [x.js:1:f] 0-v-server: on fire';
  const text = `name\n${forged}\r\t\x1b[2J\x7f\0`;
  const logger = loggerFor(`brick\n${forged}`);
  for (let i = 0; i < 3; i++) logger.error(7, text);
  log.flush();
  t.equal(lines().length, 2, 'the line, and what stands for its repetitions');
  for (const line of lines()) {
    t.match(line, /0-brick\\n\[time\] C .*: name\\n\[time\] C .* on fire\\r\\t\\x1b\[2J\\x7f\\x00/);
    for (const control of ['\r', '\t', '\x1b', '\x7f', '\0']) t.notOk(line.includes(control));
  }
  loggerFor('x').error(0, Buffer.from('größe €').latin1Slice());
  t.match(lines().at(-1), Buffer.from('größe €').latin1Slice(), 'names in UTF-8 stay');
  // Cut to a byte, this is a line end.
  loggerFor('x').error(0, `\u010a${forged} €`);
  t.match(lines().at(-1), Buffer.from('Ċ[time]').latin1Slice(), 'text that is no bytes becomes UTF-8');
});
