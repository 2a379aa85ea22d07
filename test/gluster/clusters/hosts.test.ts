/**
 * Three hosts and their clients, on a switch that cuts them off. HOSTS_S: seconds of cuts; HOSTS_CUT_S: length of each;
 * HOSTS_PATIENT=1: the time in which a vanished client is found out as Gluster has it by default, not shortened;
 * HOSTS_STOCK: hosts that keep the stock glusterfsd, such as "h1 h3".
 */
import t from 'tap';
import { scenario } from '../scenario.js';

const timeoutS = Number(process.env['HOSTS_S'] ?? 0) + (process.env['HOSTS_PATIENT'] === undefined ? 240 : 360);
await scenario(t, 'hosts', { timeoutS, plainLab: true, lab: ['--plain'] });
