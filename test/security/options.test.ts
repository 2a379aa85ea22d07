/** What a running brick can't apply of a changed volfile is loud, keeps nothing else from taking effect, and never leaves it unprotected. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { RawClient, ROOT_KEY, ROOT_USER } from '../support/raw-client.js';
import { until } from '../support/until.js';

const EAGAIN = 11;
const EACCES = 13;

/** The sample volfile with a volume of that type right above storage/posix. */
const withVolume =
  (type: string, name: string, options = '') =>
  (text: string): string =>
    text
      .replace('subvolumes v-posix', `subvolumes ${name}`)
      .replace(
        'end-volume\n',
        `end-volume\n\nvolume ${name}\n    type ${type}\n${options}    subvolumes v-posix\nend-volume\n`,
      );

/** The volfile with an option more in the volume of that type. */
const withOption =
  (type: string, option: string) =>
  (text: string): string =>
    text.replace(`    type ${type}\n`, `    type ${type}\n    option ${option}\n`);

class Watched {
  readonly brick: BrickProcess;
  readonly #socket: string;

  constructor(volfile: (text: string) => string = (text) => text) {
    const env: Record<string, string> = {};
    this.brick = new BrickProcess({ volfile, env });
    this.#socket = join(this.brick.folder, 'metrics.sock');
    env['BRICKD_METRICS'] = `unix:${this.#socket}`;
  }

  ask(path: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      get({ socketPath: this.#socket, path, headers: { host: 'localhost' } }, (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (piece: string) => (text += piece));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      }).on('error', reject);
    });
  }

  login(): Promise<RawClient> {
    return RawClient.login(this.brick.port, this.brick.brick, ROOT_USER);
  }

  /** Changes the volfile and waits until the log has a line that was not there before. */
  async change(change: (text: string) => string, line: RegExp): Promise<void> {
    const from = this.brick.log.length;
    this.brick.reload(change);
    await until(() => line.test(this.brick.log.slice(from)));
  }

  mode(name: string): number {
    return statSync(join(this.brick.brick, name)).mode & 0o777;
  }
}

/** One process for all tests, with a volume that brickd only serves while it is off. */
const watched = new Watched(withVolume('features/worm', 'v-worm'));
const { brick } = watched;
t.setTimeout(120_000);
t.teardown(() => brick.remove());

const isReady = async (): Promise<boolean> =>
  (await watched.ask('/healthz/ready').catch(() => ({ status: 0 }))).status === 200;

const APPLIED = /volfile applied to the running brick/;
const skip = whyNotRoot ?? false;
const hasSs = existsSync('/usr/bin/ss');

if (!skip) {
  await brick.start();
  await until(isReady);
}

const guards = [
  { name: 'a value of TLS', type: 'protocol/server', option: 'transport.socket.ssl-enabled perhaps' },
  { name: 'a value of worm', type: 'features/worm', option: 'worm-file-level perhaps' },
  { name: 'a value of root-squash', type: 'protocol/server', option: 'root-squash perhaps' },
];
for (const { name, type, option } of guards) {
  t.test(`a brick that can't apply ${name} serves nobody`, { skip }, async (t) => {
    const client = await watched.login();
    let before = '';
    await watched.change((text) => {
      before = text;
      return withOption('storage/posix', 'create-mask 0700')(withOption(type, option)(text));
    }, APPLIED);
    await until(() => client.closed);
    t.match(
      brick.log,
      new RegExp(` E \\[.*option '${option}' of volume .* is not in effect: .*the brick serves no client until`),
    );
    const refused = await RawClient.connect(brick.port);
    const answer = await refused.setvolume({ 'remote-subvolume': brick.brick });
    t.match(answer, { ret: -1, errno: EAGAIN, text: new RegExp(`the brick does not serve: option '${option}'`) });
    t.match(await watched.ask('/healthz/ready'), { status: 503, text: new RegExp(`option '${option}'`) });
    t.match(await watched.ask('/healthz'), { status: 503 });
    const metrics = (await watched.ask('/metrics')).text;
    t.match(metrics, /gluster_brick_up\{.*\} 0\n/);
    t.match(metrics, /brickd_brick_unapplied_options\{.*\} 1\n/);
    t.match(
      metrics,
      new RegExp(`brickd_brick_unapplied_option_info\\{.*option="${option.split(' ')[0]}",withheld="yes"\\} 1\n`),
    );
    await watched.change(() => before, /serves again/);
    await until(isReady);
    const back = await watched.login();
    t.equal((await back.lookup(ROOT_KEY, 'x')).errno, 2);
    back.end();
    refused.end();
  });
}

t.test('translators and values that are new to a running brick', { skip }, async (t) => {
  const client = await watched.login();
  let before = '';
  await watched.change((text) => {
    before = text;
    const novel = withVolume('features/novel', 'v-novel')(text);
    const sdfs = withVolume('features/sdfs', 'v-sdfs', '    option pass-through off\n')(novel);
    return withOption('storage/posix', 'create-mask 0700')(withOption('features/locks', 'revocation-secs soon')(sdfs));
  }, APPLIED);
  await client.create(ROOT_KEY, 'masked', 0o666);
  t.equal(watched.mode('masked'), 0o600);
  const { status, text } = await watched.ask('/healthz/ready');
  t.equal(status, 503);
  t.match(text, /features\/sdfs is added only when the brick is restarted/);
  t.match(text, /option 'revocation-secs soon' of volume 'v-locks' is not in effect: the value/);
  await watched.change(() => 'volume v\n', /the changed volfile was not applied/);
  t.match((await watched.ask('/healthz/ready')).text, /the changed volfile is not in effect/);
  t.equal((await client.lookup(ROOT_KEY, 'x')).errno, 2, 'it serves on');
  await watched.change(() => before, APPLIED);
  t.match(await watched.ask('/healthz/ready'), { status: 200 });
  client.end();
  t.equal(brick.exit, null);
});

t.test('tcp-window-size holds for connections from then on', { skip: skip || !hasSs }, async (t) => {
  const window = 'tcp-window-size 65536';
  const buffers = (): string[] =>
    execFileSync('ss', ['-Htmn', 'sport', '=', `:${brick.port}`], { encoding: 'latin1' }).match(/rb\d+|tb\d+/g) ?? [];
  brick.reload(withOption('protocol/server', window));
  // The kernel doubles it, for its own bookkeeping.
  await until(async () => {
    const client = await watched.login();
    const has = buffers().includes('rb131072') && buffers().includes('tb131072');
    client.end();
    return has;
  });
  t.equal(brick.exit, null);
  brick.reload((text) => text.replace(`    option ${window}\n`, ''));
});

t.test('what can be applied is, whatever is lacking', { skip }, async (t) => {
  const client = await watched.login();
  await client.create(ROOT_KEY, 'before', 0o666);
  t.equal(watched.mode('before'), 0o666);
  const before = (brick.log.match(/ E .*option 'revocation-secs soon'.*is not in effect/g) ?? []).length;
  await watched.change(withOption('features/locks', 'revocation-secs soon'), APPLIED);
  t.match(
    brick.log,
    / E \[.*option 'revocation-secs soon' of volume 'v-locks' is not in effect: .*the brick serves without it/,
  );
  t.match(await watched.ask('/healthz/ready'), { status: 503, text: /option 'revocation-secs soon'/ });
  t.match(await watched.ask('/healthz'), { status: 200 });
  t.match(
    (await watched.ask('/metrics')).text,
    /brickd_brick_unapplied_option_info\{.*option="revocation-secs",withheld="no"\} 1\n/,
  );
  let files = 0;
  brick.reload(withOption('storage/posix', 'create-mask 0700'));
  await until(async () => {
    await client.create(ROOT_KEY, `after${++files}`, 0o666);
    return watched.mode(`after${files}`) === 0o600;
  });
  brick.reload(withOption('protocol/server', 'root-squash on'));
  await until(async () => {
    const name = `d${++files}`;
    return (await client.call('mkdir', { pargfid: ROOT_KEY, bname: name, mode: 0o755 })).errno === EACCES;
  });
  brick.reload(withOption('protocol/server', `auth.addr.${brick.brick}.reject 127.0.0.1`));
  await until(() => client.closed);
  await t.rejects(watched.login(), { message: /errno 13/ }, 'a rejected address');
  t.equal(brick.log.match(/ E .*option 'revocation-secs soon'.*is not in effect/g)!.length - before, 1, 'told once');
});
