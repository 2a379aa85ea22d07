/**
 * A geo-replication session between volumes of two hosts. GEOREP_STOCK: hosts that keep the stock glusterfsd ("h1" has the primary
 * volume, "h2" the secondary); GEOREP_S: seconds of renames and deletes while the brick is killed.
 */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'georep', {
  timeoutS: 420 + Number(process.env['GEOREP_S'] ?? 0),
  plainLab: true,
  lab: ['--plain'],
  needs: ['sshd', 'ssh', 'rsync', 'python3'],
});
