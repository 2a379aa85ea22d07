/** Syncs that share a system call share its failure. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { scratch } from './scratch.js';

const dir = scratch();
/** An fsync that takes its time, and fails the first time only, as the kernel tells a descriptor of an error. */
const FAILS_ONCE = `
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>
static atomic_int calls;
int fsync(int fd) {
  (void)fd;
  int n = atomic_fetch_add(&calls, 1);
  usleep(200000);
  if (n > 0) return 0;
  errno = EIO;
  return -1;
}
`;

t.test('all who have waited for a sync that failed are told', async (t) => {
  writeFileSync(dir.at('f'), 'x');
  writeFileSync(dir.at('once.c'), FAILS_ONCE);
  const library = dir.at('once.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, dir.at('once.c')]);
  const program = fileURLToPath(new URL('sync-once.js', import.meta.url));
  // By env(1), without what the test runner has Node load into every process.
  const env = ['-u', 'NODE_OPTIONS', `LD_PRELOAD=${library}`, process.execPath];
  const out = execFileSync('/usr/bin/env', [...env, program, dir.at('f')], { encoding: 'utf8' });
  t.same(JSON.parse(out), [-5, -5, -5, 0]);
});
