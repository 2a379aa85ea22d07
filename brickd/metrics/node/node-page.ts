/** The node exporter's page: every brick that should run here, and every process with a link to its own page. Works without scripts. */
import type { NodeBrick, NodeState } from './node-state.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

const ORDER = { down: 0, unwatched: 1, up: 2 } as const;

/** Rows of a page at most: the bricks that are down come first. */
const MOST_ROWS = 1000;

function brickRow({ volume, host, path, snapshot, pid, state, reason, detail }: NodeBrick): string {
  const name = snapshot === '' ? volume : `${volume} (snapshot ${snapshot})`;
  const process = pid === 0 ? '' : state === 'unwatched' ? String(pid) : `<a href="process/${pid}/">${pid}</a>`;
  const cells = [escaped(`${host}:${path}`), escaped(name), reason === '' ? state : `down: ${reason}`, escaped(detail)];
  return `<tr class="${state}">${cells.map((c) => `<td>${c}</td>`).join('')}<td>${process}</td></tr>`;
}

export function nodePage(state: NodeState, host: string): string {
  const bricks = state.bricks.toSorted((a, b) => ORDER[a.state] - ORDER[b.state]);
  const down = bricks.filter((b) => b.state === 'down').length;
  const problems = [
    ...state.problems,
    ...state.processes.filter((p) => p.text === undefined).map((p) => `process ${p.pid}: ${p.error}`),
    ...state.unexpected.map((u) => `process ${u.pid} serves a brick that no started volume of this node has: ${u.key}`),
  ];
  const list = problems.slice(0, MOST_ROWS).map((p) => `<li class="warn">${escaped(p)}</li>`);
  const processes = state.processes.map(
    (p) => `<li><a href="process/${p.pid}/">process ${p.pid}</a>: ${p.bricks.length} bricks</li>`,
  );
  const more = bricks.length > MOST_ROWS ? `<p>${bricks.length - MOST_ROWS} more are not shown.</p>` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="10">
<title>brickd: ${escaped(host)}</title>
<link rel="icon" href="page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page/style.css">
</head>
<body>
<header><h1>${escaped(host)} <small>node ${escaped(state.nodeId)}</small></h1></header>
<main>
<p role="status">${down === 0 ? `All ${bricks.length} bricks serve.` : `${down} of ${bricks.length} bricks do not serve.`}</p>
<ul id="alerts">${list.join('\n')}</ul>
<section><h2>Bricks</h2>
<table><thead><tr><th>brick</th><th>volume</th><th>state</th><th>why</th><th>process</th></tr></thead>
<tbody>
${bricks.slice(0, MOST_ROWS).map(brickRow).join('\n')}
</tbody></table>${more}</section>
<section><h2>Processes</h2><ul>${processes.join('\n')}</ul></section>
</main>
</body>
</html>
`;
}
