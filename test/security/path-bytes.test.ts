/** A brick whose path has bytes above 0x7f, in a data folder with such a name: everything that bears its name. */

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { bytesOfText, latin1OfBytes, textOfLatin1 } from '../../native/bytes.js';
import { BrickProcess, LOGIN, whyNotRoot } from '../support/brick-process.js';
import { RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';

const NAME = 'ünï-Brick';

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path, headers: { host: 'localhost' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

t.test('a brick called é', { skip: whyNotRoot ?? false }, async (t) => {
  const env: Record<string, string> = {};
  const options: Record<string, Record<string, string>> = {};
  const p = new BrickProcess({ name: NAME, env, options });
  t.teardown(() => p.remove());
  const dumps = join(p.folder, 'dümps');
  const socket = join(p.folder, 'métrics');
  mkdirSync(dumps);
  env['BRICKD_METRICS'] = `unix:${socket}`;
  options['server'] = { 'statedump-path': dumps };
  await p.start();

  t.match(textOfLatin1(p.log), `cmdlinestr=`, 'the log is where -l says');
  t.match(textOfLatin1(p.log), `--brick-name ${p.brick} `, 'and has the bytes of the command line');
  t.match(readdirSync(p.brick), ['.glusterfs']);

  const name = latin1OfBytes(bytesOfText(p.brick));
  const login = { username: LOGIN.user, password: LOGIN.password };
  const client = await RawClient.login(p.port, name, undefined, login);
  client.end();
  const { port, brick } = p;
  t.match(await RawClient.login(port, brick).catch(String), /Brick not found/, 'text is not its name');

  await until(() => existsSync(socket));
  t.match(await ask(socket, '/metrics'), `brick_path="${p.brick}"`);
  t.match(await ask(socket, '/healthz'), 'ok: 1 bricks');
  p.signal('SIGUSR1');
  const dump = `${p.brick.slice(1).replaceAll('/', '-')}.${p.pid}.dump.`;
  await until(() => readdirSync(dumps).some((file) => file.startsWith(dump)));
  t.match(readdirSync(dumps), [dump]);
});
