/** Texts of `--version`, `--help` and the like. */

import type { OptionSpec } from '../arguments/argp.js';
import type { BrickArguments } from '../arguments/brick-arguments.js';
import { LOG_DIRECTORY, STATEDUMP_DIRECTORY } from '../arguments/gluster-directories.js';
import { GLUSTERFSD_OPTIONS } from '../arguments/glusterfsd-options.js';
import { versionText } from '../version.js';

export function print(what: BrickArguments['print']): void {
  process.stdout.write(textOf(what));
}

function textOf(what: BrickArguments['print']): string {
  switch (what) {
    case 'version':
      return versionText();
    case 'help':
      return helpText();
    case 'usage':
      return usageText();
    case 'statedumpdir':
      return `${STATEDUMP_DIRECTORY}\n`;
    case 'logdir':
      return `${LOG_DIRECTORY}\n`;
    default:
      // Translators and helpers are part of the program.
      return `${new URL('..', import.meta.url).pathname}\n`;
  }
}

const names = (o: OptionSpec): string => {
  const letter = o.letter === undefined ? '    ' : `-${o.letter}, `;
  const value = o.value === undefined || o.value === '' ? '' : o.takes === 'optional' ? `[=${o.value}]` : `=${o.value}`;
  return `  ${letter}--${o.name}${value}`;
};

/** Breaks text at blanks into lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const COLUMN = 38;

function optionLines(o: OptionSpec): string {
  const [first, ...more] = wrap(o.help, 118 - COLUMN);
  const head = names(o);
  const start = head.length < COLUMN ? head.padEnd(COLUMN) : `${head}\n${' '.repeat(COLUMN)}`;
  return [`${start}${first}`, ...more.map((line) => ' '.repeat(COLUMN) + line)].join('\n');
}

export function helpText(): string {
  return [
    'Usage: brickd COMMAND [OPTION...]',
    '  or:  brickd --volfile-server=SERVER --volfile-id=KEY [OPTION...]    (a brick process, as glusterd starts it)',
    '  or:  brickd --volfile=VOLFILE [OPTION...]                           (a brick process without glusterd)',
    '',
    'Commands (each has its own --help):',
    '  serve        Serve sample bricks from a folder, to try brickd without glusterd',
    '  check        Check a volfile and say what this machine can serve',
    '  config       Check the configuration file and print the settings in force',
    '  install      Make the glusterd of this node start brickd for its bricks',
    '  uninstall    Undo install',
    '  top          Show what the brick processes of this node do, live',
    '  statedump    Ask a running brick process for a statedump',
    '',
    'Options of a brick process:',
    ...GLUSTERFSD_OPTIONS.map(optionLines),
    '',
    'Environment of a brick process:',
    '  BRICKD_METRICS=[HOST:]PORT[-LAST]   Where metrics and status page are served (or unix:/PATH, or none); it goes',
    '                                      before what the configuration file says',
    '  BRICKD_CONFIG=FILE                  The configuration file, instead of /etc/brickd/brickd.yaml',
    '  BRICKD_WORKERS=NUMBER               Threads that serve bricks, at most; as many as cores, up to 4, if unset',
    '  BRICKD_WORKER_HEAP_MIB=NUMBER       JavaScript memory of such a thread, at most; one that needs more is replaced;',
    '                                      if unset, its share of half of the memory, up to 4096',
    '',
  ].join('\n');
}

function usageText(): string {
  const words = GLUSTERFSD_OPTIONS.filter((o) => o.hidden !== true).map(
    (o) => `[${names(o).trim().replace(', ', '|')}]`,
  );
  const lines = wrap(words.join(' '), 78 - 12).map((line) => ' '.repeat(12) + line);
  return `Usage: brickd ${lines.join('\n').trimStart()}\n`;
}
