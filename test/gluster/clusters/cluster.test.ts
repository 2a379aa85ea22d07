/**
 * Clusters whose bricks fail in turn under load: killed, stopped, frozen. CHAOS_S: seconds of it for each kind; KINDS: which of
 * replica, arbiter, disperse, distributed; CHAOS_STOCK=1: one brick of every set runs the stock glusterfsd.
 */
import t from 'tap';
import { scenario } from '../scenario.js';

const kinds = (process.env['KINDS'] ?? 'replica').split(' ').length;
await scenario(t, 'cluster', { timeoutS: kinds * (Number(process.env['CHAOS_S'] ?? 25) + 180) });
