/** brickd install and uninstall on a node with Debian's packages. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'install', { timeoutS: 120, plainLab: true, lab: ['--plain'] });
