/** Answers `gluster volume status` for a brick, as keys and values of the reply's dictionary. */
import { addon } from '../../../native/addon.js';
import type { Brick } from '../brick.js';
import { type StatusValues, statusCalls } from './callpool.js';

const MALLINFO = [
  'arena',
  'ordblks',
  'smblks',
  'hblks',
  'hblkhd',
  'usmblks',
  'fsmblks',
  'uordblks',
  'fordblks',
  'keepcost',
];

function mem(): StatusValues {
  const values: StatusValues = {};
  for (const [i, value] of addon.mallinfo().entries()) values[`mallinfo.${MALLINFO[i]}`] = value;
  return values;
}

function clients(brick: Brick): StatusValues {
  const values: StatusValues = {};
  let i = 0;
  for (const { client, connection } of brick.clients.sessions) {
    values[`client${i}.hostname`] = client.peer;
    values[`client${i}.bytesread`] = connection.bytesIn;
    values[`client${i}.byteswrite`] = connection.bytesOut;
    values[`client${i}.opversion`] = client.opVersion;
    values[`client${i}.name`] = client.processName;
    i++;
  }
  values['clientcount'] = i;
  return values;
}

/** The table's counts; Gluster reports them under the first client of the brick. */
function inode(brick: Brick): StatusValues {
  let active = 0;
  for (const i of brick.table.values()) if (i.refs > 0) active++;
  const prefix = 'conn0.itable';
  return {
    conncount: Math.max(brick.clients.all.size, 1),
    [`${prefix}.lru_limit`]: brick.table.limit,
    [`${prefix}.active_size`]: active,
    [`${prefix}.lru_size`]: brick.table.size - active,
    [`${prefix}.purge_size`]: 0,
  };
}

/** Values for one kind of status; undefined for a kind that there is none of. */
export function statusOf(brick: Brick, what: string): StatusValues | undefined {
  switch (what) {
    case 'mem':
      return mem();
    case 'clients':
    case 'client-list':
      return clients(brick);
    case 'inode':
      return inode(brick);
    case 'fd':
      // Stock has its fd tables compiled out of this answer.
      return { conncount: 0 };
    case 'callpool':
      return statusCalls(brick);
    default:
      return undefined;
  }
}
