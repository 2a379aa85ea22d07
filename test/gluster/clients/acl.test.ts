/** Permissions and POSIX ACLs through a mount, against what a local XFS directory gives. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'acl', { timeoutS: 120 });
