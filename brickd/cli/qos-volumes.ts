/**
 * Finds volumes of this node that have user/qos in glusterd. Stock bricks do not start with an unknown translator, and
 * glusterd (tried: 10.3) refuses to reset or empty a user.xlator option alone: only `volume reset VOLUME`, which resets
 * all options, removes it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GLUSTERD_VOLUMES } from './node-volumes.js';

const PLACED = 'user.xlator.qos';

export interface QosVolume {
  name: string;
  /** Options set by an administrator, as glusterd keeps them, without those of user/qos. */
  others: [key: string, value: string][];
}

/** Keys of a volume's info file that are options: they have a category before the first dot. */
const OPTION = /^([a-z][a-z0-9_-]*\.[^=]+)=(.*)$/;
/** What glusterd sets by itself. */
const OWN = new Set(['transport.address-family', 'storage.fips-mode-rchecksum', 'nfs.disable']);

export function qosVolumes(folder: string = GLUSTERD_VOLUMES): QosVolume[] {
  if (!existsSync(folder)) return [];
  const found: QosVolume[] = [];
  for (const name of readdirSync(folder)) {
    const file = join(folder, name, 'info');
    if (!existsSync(file)) continue;
    const options = readFileSync(file, 'latin1')
      .split('\n')
      .map((line) => OPTION.exec(line))
      .filter((m) => m !== null)
      .map(([, key = '', value = '']): [string, string] => [key, value]);
    if (!options.some(([key]) => key === PLACED)) continue;
    const others = options.filter(([key]) => key !== PLACED && !key.startsWith(`${PLACED}.`) && !OWN.has(key));
    found.push({ name, others });
  }
  return found;
}

const quoted = (text: string): string =>
  /^[A-Za-z0-9_.,:/@%+=*-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** What takes user/qos out of a volume and leaves its other options as they are. */
export function resetCommands({ name, others }: QosVolume): string[] {
  return [
    `gluster volume reset ${name}`,
    ...others.map(([key, value]) => `gluster volume set ${name} ${quoted(key)} ${quoted(value)}`),
  ];
}
