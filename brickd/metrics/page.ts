/** The status page: what the process serves, at a glance, without any resource from elsewhere. */
import { FOPS } from '../../mux/fops/table.js';
import type { BrickStats } from '../../mux/stats.js';
import { VERSION } from '../version.js';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const html = (s: string): string => s.replace(/[&<>"]/g, (c) => escapes[c]!);

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
`;

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let i = 0;
  let n = bytes;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${i === 0 ? n : n.toFixed(1)} ${units[i]}`;
}

function state(b: BrickStats): string {
  if (!b.up) return '<strong>failed</strong>';
  return b.diskHung ? '<strong>disk hangs</strong>' : 'up';
}

function brickRow(b: BrickStats): string {
  const space = b.space === null ? 'unknown' : `${size(b.space.available)} of ${size(b.space.total)}`;
  const cells = [b.clients, b.openFds, b.inodes, b.callsUnderWay].map((n) => `<td class="n">${n}</td>`).join('');
  return (
    `<tr><td>${html(b.brick)}</td><td>${state(b)}</td>${cells}` +
    `<td class="n">${size(b.bytesRead)}</td><td class="n">${size(b.bytesWritten)}</td><td class="n">${space}</td></tr>`
  );
}

function fopTable(b: BrickStats): string {
  const rows = FOPS.filter((f) => b.hits[f.number]! > 0)
    .sort((x, y) => b.hits[y.number]! - b.hits[x.number]!)
    .map((f) => {
      const n = `<td class="n">${b.hits[f.number]}</td><td class="n">${b.failures[f.number]}</td>`;
      return `<tr><td>${f.display}</td>${n}</tr>`;
    });
  if (rows.length === 0) return '';
  const head = '<tr><th>Fop</th><th class="n">Calls</th><th class="n">Failed</th></tr>';
  return `<h2>${html(b.brick)}</h2><div class="scroll"><table>${head}${rows.join('')}</table></div>`;
}

export function statusPage(bricks: BrickStats[]): string {
  const head =
    '<tr><th>Brick</th><th>State</th><th class="n">Clients</th><th class="n">Open fds</th><th class="n">Inodes</th>' +
    '<th class="n">In progress</th><th class="n">Read</th><th class="n">Written</th><th class="n">Free</th></tr>';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><title>brickd</title><style>${STYLE}</style></head><body>
<h1>brickd ${html(VERSION)}</h1>
<p>Process ${process.pid}, up for ${Math.floor(process.uptime())} s. <a href="/metrics">Metrics</a> · <a href="/healthz">Health</a></p>
<div class="scroll"><table>${head}${bricks.map(brickRow).join('')}</table></div>
${bricks.map(fopTable).join('')}
</body></html>
`;
}
