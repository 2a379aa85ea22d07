/** Options of debug/error-gen: makes requests fail, for tests. */
import { bool, list, oneOf, percent } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Share of requests that fail. */
  failure: percent(),
  'error-no': oneOf([
    'ENOENT',
    'ENOTDIR',
    'ENAMETOOLONG',
    'EACCES',
    'EBADF',
    'EFAULT',
    'ENOMEM',
    'EINVAL',
    'EIO',
    'EEXIST',
    'ENOSPC',
    'EPERM',
    'EROFS',
    'EBUSY',
    'EISDIR',
    'ENOTEMPTY',
    'EMLINK',
    'ENODEV',
    'EXDEV',
    'EMFILE',
    'ENFILE',
    'ENOSYS',
    'EINTR',
    'EFBIG',
    'EAGAIN',
    'GF_ERROR_SHORT_WRITE',
  ]),
  'random-failure': bool({ default: 'off' }),
  /** Names of the fops that fail; unset: all. */
  enable: list({ aliases: ['error-fops'] }),
});
export type Options = OptionsOf<typeof options>;
