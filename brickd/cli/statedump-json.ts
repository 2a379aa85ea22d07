/** Converts statedumps from Gluster's text form to objects. */

type Value = string | number | (string | number)[];

export interface Statedump {
  start: string;
  end: string;
  /** In the order of the dump: names may come again, as those of locks do. */
  sections: { name: string; values: Record<string, Value> }[];
}

const START = 'DUMP-START-TIME: ';
const END = 'DUMP-END-TIME: ';

/** A number where it is one that JavaScript holds exactly. */
function numberOrText(text: string): string | number {
  if (!/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return text;
  const n = Number(text);
  return Number.isInteger(n) && !Number.isSafeInteger(n) ? text : n;
}

/** A key that comes more than once in a section has an array of its values. */
export function parseStatedump(text: string): Statedump {
  const dump: Statedump = { start: '', end: '', sections: [] };
  let values: Record<string, Value> | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith(START)) dump.start = line.slice(START.length);
    else if (line.startsWith(END)) dump.end = line.slice(END.length);
    else if (line.startsWith('[') && line.endsWith(']')) {
      values = Object.create(null) as Record<string, Value>;
      dump.sections.push({ name: line.slice(1, -1), values });
    } else {
      const equals = line.indexOf('=');
      if (equals < 0 || values === undefined) continue;
      const key = line.slice(0, equals);
      const value = numberOrText(line.slice(equals + 1));
      const known = values[key];
      if (known === undefined) values[key] = value;
      else if (Array.isArray(known)) known.push(value);
      else values[key] = [known, value];
    }
  }
  return dump;
}
