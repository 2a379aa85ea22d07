/** Creates sample bricks on disk: directories marked as bricks of one volume, their volfiles, and a client volfile. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getAttributeSync, setAttributeSync } from 'fs-xattr';
import { DIRECTORY_MODE, PUBLIC_MODE, replaceOwnFile } from '../../../mux/base/own-files.js';
import { type ByteString, bytesOfLatin1, bytesOfText, latin1OfBytes } from '../../../native/bytes.js';
import { sampleBrickVolfile } from '../../../volfiles/samples/brick.js';
import { CommandError } from '../command-error.js';

export const SAMPLE_VOLUME = 'sample';
const VOLUME_ID = 'trusted.glusterfs.volume-id';

export interface ServedBrick {
  directory: string;
  /** The brick's name: its directory, as a byte string. */
  brick: ByteString;
  /** Path of the volfile, written for use with `brickd -f` too. */
  volfile: string;
  text: string;
}

/** The id of the sample volume of a data folder: made once, kept in a file. */
function volumeId(data: string): Buffer {
  const file = join(data, 'volume-id');
  try {
    const id = Buffer.from(readFileSync(file, 'latin1').replaceAll(/[^0-9a-f]/g, ''), 'hex');
    if (id.length === 16) return id;
    throw new CommandError(`${file} holds no volume id: remove it, or the whole folder`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = randomBytes(16);
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x40, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  replaceOwnFile(bytesOfText(file), bytesOfText(`${uuidText(id)}\n`), PUBLIC_MODE);
  return id;
}

function uuidText(id: Buffer): string {
  const hex = id.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Marks a directory as a brick of the volume. Throws a CommandError that says what is in the way. */
function markBrick(directory: string, id: Buffer): void {
  let present: Buffer | undefined;
  try {
    present = getAttributeSync(directory, VOLUME_ID);
  } catch {
    // not marked yet, or not readable: setting it tells which
  }
  if (present?.equals(id)) return;
  if (present !== undefined)
    throw new CommandError(`${directory} is a brick of another volume: choose another --data folder`);
  try {
    // As glusterd makes it with a volume: without, the brick counts as one whose disk is not mounted.
    mkdirSync(join(directory, '.glusterfs'), { recursive: true, mode: 0o600 });
    setAttributeSync(directory, VOLUME_ID, id);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EPERM' || process.getuid?.() !== 0) {
      throw new CommandError(
        'bricks keep their metadata in trusted.* extended attributes, which only root may write: run brickd serve as root',
      );
    }
    if (code === 'ENOTSUP' || code === 'EOPNOTSUPP') {
      throw new CommandError(
        `the file system of ${directory} has no trusted.* extended attributes: use XFS, ext4 or btrfs`,
      );
    }
    throw new CommandError(`cannot mark ${directory} as a brick: ${message}`);
  }
}

/** Makes (or finds again) `count` bricks below the data folder. host: '' listens on every address. */
export async function makeSampleBricks(
  data: string,
  count: number,
  port: number,
  host: string,
): Promise<ServedBrick[]> {
  const id = volumeId(data);
  const bricks: ServedBrick[] = [];
  for (let i = 1; i <= count; i++) {
    const directory = join(data, `brick${i}`);
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    markBrick(directory, id);
    const brick = bytesOfText(directory);
    const text = sampleBrickVolfile({
      volume: SAMPLE_VOLUME,
      directory: latin1OfBytes(brick),
      volumeId: uuidText(id),
      port,
      ...(host === '' ? {} : { bindAddress: host }),
    });
    const volfile = join(data, `brick${i}.vol`);
    replaceOwnFile(bytesOfText(volfile), bytesOfLatin1(text), PUBLIC_MODE);
    bricks.push({ directory, brick, volfile, text });
  }
  return bricks;
}

/** Writes a volfile for the GlusterFS client that distributes files over the bricks; returns its path. */
export function writeClientVolfile(data: string, bricks: readonly ServedBrick[], host: string, port: number): string {
  const names = bricks.map((_, i) => `${SAMPLE_VOLUME}-client-${i}`);
  const clients = bricks.map((b, i) =>
    [
      `volume ${names[i]}`,
      '    type protocol/client',
      `    option remote-host ${host}`,
      `    option remote-port ${port}`,
      `    option remote-subvolume "${latin1OfBytes(b.brick).replaceAll(/["\\`]/g, '\\$&')}"`,
      '    option transport-type tcp',
      '    option ping-timeout 42',
      'end-volume',
      '',
    ].join('\n'),
  );
  const top = [
    `volume ${SAMPLE_VOLUME}-dht`,
    '    type cluster/distribute',
    `    subvolumes ${names.join(' ')}`,
    'end-volume',
    '',
  ];
  const file = join(data, 'client.vol');
  replaceOwnFile(bytesOfText(file), bytesOfLatin1(`${clients.join('\n')}\n${top.join('\n')}`), PUBLIC_MODE);
  return file;
}
