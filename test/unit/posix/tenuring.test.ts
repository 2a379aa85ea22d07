/**
 * Changes that are over must not keep alive those that come after them (mux/tenuring has the like for calls). One that a full collection
 * finds on its way becomes old; had it a path to the next one, that would be kept, and by it the next.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** A chain of writes would keep three times as much. */
const LIMIT = 8 << 20;

const program = fileURLToPath(new URL('./tenuring-process.js', import.meta.url));
// Hooks of the test runner are no business of the process.
const env = { ...process.env, NODE_OPTIONS: '' };
const kept = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env })) as Record<string, number>;
for (const [change, bytes] of Object.entries(kept)) {
  t.test(change, async (t) => {
    t.ok(bytes < LIMIT, `${bytes} bytes kept`);
  });
}
