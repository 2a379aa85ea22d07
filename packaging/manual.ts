/** Man pages, from what `--help` says: brickd(8) and one for each command. */

import { helpText } from '../brickd/cli/print.js';
import { commandParser } from '../brickd/commands.js';

export interface ManPage {
  name: string;
  text: string;
}

interface Help {
  usage: string;
  description: string;
  /** Heading, and the entries below it: what is typed, and what it does. */
  sections: [heading: string, entries: [term: string, text: string][]][];
}

/** Text for roff: no character of it is markup. */
const roff = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^\./gm, '\\&.');

/** The text of yargs with unwrapped lines: usage, description, and indented entries below headings. */
function parse(text: string): Help {
  const [usage = '', ...lines] = text.split('\n');
  const help: Help = { usage, description: '', sections: [] };
  for (const line of lines) {
    const entry = /^ {2,}(.*?)(?: {2,}(.*))?$/.exec(line);
    if (line.endsWith(':') && entry === null) help.sections.push([line.slice(0, -1), []]);
    else if (entry !== null) help.sections.at(-1)?.[1].push([entry[1] ?? '', entry[2] ?? '']);
    else if (line !== '') help.description += `${line}\n`;
  }
  return help;
}

const helpOf = async (words: string[]): Promise<Help> => parse(await commandParser(words).wrap(null).getHelp());

const entryText = ([term, text]: [string, string]): string => `.TP\n.B ${roff(term)}\n${roff(text)}\n`;

function page(name: string, what: string, version: string, body: string): ManPage {
  const date = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000).toISOString().slice(0, 10);
  const title = `.TH ${roff(name.toUpperCase())} 8 ${date} "brickd ${version}" "System Administration"\n`;
  return { name, text: `${title}.SH NAME\n${roff(name)} \\- ${roff(what)}\n${body}` };
}

const OPTIONS_ALWAYS = ['--help', '--version'];

function body(help: Help, seeAlso: string): string {
  const sections = help.sections.map(([heading, entries]) => {
    const shown = entries.filter(([term]) => !OPTIONS_ALWAYS.includes(term));
    return shown.length === 0 ? '' : `.SH ${roff(heading.toUpperCase())}\n${shown.map(entryText).join('')}`;
  });
  return [
    `.SH SYNOPSIS\n.B ${roff(help.usage)}\n`,
    `.SH DESCRIPTION\n${roff(help.description)}`,
    ...sections,
    `.SH SEE ALSO\n${seeAlso}\n`,
  ].join('');
}

/** Pages of a command and of the commands below it (`brickd qos show`). */
async function pagesOf(words: string[], what: string, version: string): Promise<ManPage[]> {
  // yargs's own command has no help of its own: asked for it, it runs.
  const own = words.join(' ') === 'completion';
  const help = own ? parse(`brickd completion\n${what}`) : await helpOf(words);
  const pages = [page(`brickd-${words.join('-')}`, what, version, body(help, '.BR brickd (8)'))];
  for (const [term, text] of help.sections.find(([heading]) => heading === 'Commands')?.[1] ?? [])
    pages.push(...(await pagesOf(wordsOf(term), text, version)));
  return pages;
}

/** `brickd qos show [volume]`: the words without program and arguments. */
const wordsOf = (term: string): string[] =>
  term
    .split(' ')
    .slice(1)
    .filter((word) => /^[a-z]/.test(word));

export async function manPages(version: string): Promise<ManPage[]> {
  const commands = (await helpOf([])).sections.find(([heading]) => heading === 'Commands')?.[1] ?? [];
  const pages: ManPage[] = [];
  for (const [term, text] of commands) pages.push(...(await pagesOf(wordsOf(term), text, version)));
  const seeAlso = [...pages.map(({ name }) => `.BR ${roff(name)} (8)`), '.BR glusterd (8)'].join(',\n');
  const main = [
    `.SH SYNOPSIS\n.B brickd\n.I command\n.RI [ option ...]\n`,
    '.SH DESCRIPTION\n',
    'The brick server of a Gluster cluster, a drop\\-in replacement for glusterfsd. glusterd starts it once\n',
    '.B brickd install\nhas been run; it can also be started by hand, with the options below.\n',
    `.SH COMMANDS AND OPTIONS\n.nf\n${roff(helpText())}.fi\n`,
    '.SH FILES\n.TP\n.I /etc/brickd/brickd.yaml\nThe configuration of all brick processes of this node.\n',
    '.TP\n.I /usr/share/doc/brickd\nHow to install, run and mend it.\n',
    `.SH SEE ALSO\n${seeAlso}\n`,
  ].join('');
  return [page('brickd', 'brick server of a Gluster cluster', version, main), ...pages];
}
