/** Trees of systems with their GlusterFS that end-to-end tests run in. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAKER = fileURLToPath(new URL('../../test/lab/debian', import.meta.url));
/** A mirror that takes longer than that is of no use: the tree is made by the next run. */
const LIMIT_S = 15 * 60;

/**
 * Makes the tree if it is not there. install: installs packages of Debian; undefined: nothing may be installed or made.
 * Says why there is no tree; undefined when there is one.
 */
export async function makeTree(
  suite: 'bookworm' | 'trixie',
  tree: string,
  install: ((packages: readonly string[]) => void) | undefined,
): Promise<string | undefined> {
  if (existsSync(join(tree, 'usr/sbin/glusterfsd'))) return undefined;
  if (process.getuid?.() !== 0) return 'needs root';
  if (install === undefined) return `there is no tree of ${suite} in ${tree} (--install, or test/lab/debian, makes it)`;
  if (spawnSync('sh', ['-c', 'command -v debootstrap']).status !== 0) install(['debootstrap']);
  // By timeout(1), which ends what the script has started as well.
  const child = spawn('timeout', [String(LIMIT_S), MAKER, suite, tree], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const status = await new Promise<number | null>((done) => child.once('close', done).once('error', () => done(-1)));
  if (status === 0) return undefined;
  return `no tree of ${suite}: ${said.trim().split('\n').pop() || `${MAKER} ended with status ${status}`}`;
}
