/** Options of storage/posix, the brick's directory on disk. */
import { bool, int, oneOf, path, percentOrSize, str } from '../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../volfiles/options.js';

export const options = defineOptions(
  {
    directory: path({ required: true, live: false }),
    /** The volume's UUID as text; the brick's root must carry it. */
    'volume-id': str({ live: false }),
    /** UUID of the node, from the command line. */
    'glusterd-uuid': str({ live: false }),
    hostname: str({ live: false }),
    'o-direct': bool({ default: 'off', live: false }),
    'export-statfs-size': bool({ default: 'on', live: false }),
    'mandate-attribute': bool({ default: 'on', live: false }),
    'background-unlink': bool({ default: 'off', live: false }),
    /** Seconds between two rounds of emptying the landfill. */
    'janitor-sleep-duration': int({ default: '10', min: 1, live: false }),
    'linux-aio': bool({ default: 'off' }),
    'linux-io_uring': bool({ default: 'off' }),
    /** Owner of the brick's root; -1: left alone. */
    'brick-uid': int({ default: '-1', min: -1 }),
    'brick-gid': int({ default: '-1', min: -1 }),
    'node-uuid-pathinfo': bool({ default: 'off' }),
    /** Seconds; 0: no health check. */
    'health-check-interval': int({ default: '30', min: 0 }),
    /** Seconds; 0: no limit. */
    'health-check-timeout': int({ default: '20', min: 0 }),
    /** Space that users' writes leave free; 0: none. */
    reserve: percentOrSize({ default: '1' }),
    'batch-fsync-mode': oneOf(['none', 'syncfs', 'syncfs-single-fsync', 'syncfs-reverse-fsync', 'reverse-fsync'], {
      default: 'reverse-fsync',
    }),
    /** Microseconds; 0: fsyncs are not batched, nor with the -1 that stock starts with. */
    'batch-fsync-delay-usec': int({ default: '0', min: -1, max: 0xffffffff }),
    'update-link-count-parent': bool({ default: 'off' }),
    gfid2path: bool({ default: 'on' }),
    'gfid2path-separator': str({ default: ':', maxBytes: 7 }),
    /** Bricks of the volume on the same file system: statfs is divided by it. */
    'shared-brick-count': int({ default: '1' }),
    'disable-landfill-purge': bool({ default: 'off' }),
    /** Modes are octal when written with a leading 0. */
    'force-create-mode': int({ default: '0000', min: 0, max: 0o777 }),
    'force-directory-mode': int({ default: '0000', min: 0, max: 0o777 }),
    'create-mask': int({ default: '0777', min: 0, max: 0o777 }),
    'create-directory-mask': int({ default: '0777', min: 0, max: 0o777 }),
    /** Hard links of a file; 0: no limit. */
    'max-hardlinks': int({ default: '100', min: 0, max: 0xffffffff }),
    /** Checksums of rchecksum by SHA-256 instead of MD5. */
    'fips-mode-rchecksum': bool({ default: 'off' }),
    ctime: bool({ default: 'on' }),
  },
  { subvolumes: [0, 0] },
);
export type Options = OptionsOf<typeof options>;
