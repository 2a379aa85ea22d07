/** The volumes that glusterd of this node knows, and the volfiles of their bricks. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const GLUSTERD_VOLUMES = '/var/lib/glusterd/vols';

/** Names that glusterd takes for volumes: nothing of them means anything to a shell or in a path. */
export const isVolumeName = (name: string): boolean => /^[A-Za-z0-9_-]+$/.test(name);

export const isVolume = (name: string, folder: string = GLUSTERD_VOLUMES): boolean =>
  isVolumeName(name) && existsSync(join(folder, name));

export const volumeNames = (folder: string = GLUSTERD_VOLUMES): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(join(folder, name, 'info')))
        .sort()
    : [];

/**
 * Paths of the volfiles of a volume's bricks. glusterd has a file `bricks/HOST:-PATH` for each, with dashes for slashes, and the volfile
 * `VOLUME.HOST.PATH.vol`; those of clients and other daemons lie beside it.
 */
export function brickVolfiles(volume: string, folder: string = GLUSTERD_VOLUMES): string[] {
  const bricks = join(folder, volume, 'bricks');
  if (!existsSync(bricks)) return [];
  return readdirSync(bricks)
    .map((name) => join(folder, volume, `${volume}.${name.replace(':-', '.')}.vol`))
    .filter((file) => existsSync(file))
    .sort();
}
