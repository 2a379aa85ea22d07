/** Rolling replacement of stock bricks by brickd and back, host by host under load. ROLLING_S: seconds of it, at least one round. */
import t from 'tap';
import { scenario } from '../scenario.js';

const timeoutS = Number(process.env['ROLLING_S'] ?? 0) + 240;
await scenario(t, 'rolling', { timeoutS, plainLab: true, lab: ['--plain'] });
