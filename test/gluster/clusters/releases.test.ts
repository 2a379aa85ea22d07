/**
 * Hosts and clients of two releases of GlusterFS in one cluster: each release's brick is healed of what the other's client did.
 * LAB_TREE: the tree with the later release.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { scenario } from '../scenario.js';

const tree = process.env['LAB_TREE'] ?? '';
const skip =
  process.env['LAB_ROOT'] !== undefined
    ? 'the lab has the later release only'
    : existsSync(join(tree, 'usr/sbin/glusterfsd'))
      ? undefined
      : 'there is no tree with GlusterFS 11';

if (skip !== undefined) t.pass('releases', { skip });
else await scenario(t, 'releases', { timeoutS: 200, plainLab: true, lab: ['--plain'], env: { TREE: tree } });
