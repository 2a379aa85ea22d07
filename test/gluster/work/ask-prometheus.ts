/**
 * Asks the Prometheus of the scenario: "value QUERY" prints a number, "dashboard FILE" tries every query of a Grafana dashboard,
 * "rules" looks whether all rules work. The latter two print lines of a scenario.
 */
import { readFileSync } from 'node:fs';

const SERVER = 'http://127.0.0.1:9099/api/v1';
const RATE_INTERVAL = '10s';

interface Answer<T> {
  status: string;
  data: T;
  error?: string;
}
interface Panel {
  title: string;
  type: string;
  targets?: { expr: string }[];
}
interface Rule {
  name: string;
  type: string;
  health: string;
  lastError?: string;
}

const say = (good: boolean, what: string): void => void process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);

async function ask<T>(path: string): Promise<T> {
  const answer = (await (await fetch(`${SERVER}/${path}`)).json()) as Answer<T>;
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data;
}

type Result = { result: { value: [number, string] }[] };
const query = (expr: string): Promise<Result> => ask<Result>(`query?query=${encodeURIComponent(expr)}`);

/** Variables as a dashboard has them when all is chosen. */
function withVariables(expr: string): string {
  const filled = expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll(/\$(job|instance|volume|brick)\b/g, '.*');
  if (/\$[a-zA-Z_{]/.test(filled)) throw new Error(`there is a variable left in ${filled}`);
  return filled;
}

async function dashboard(file: string): Promise<void> {
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: Panel[] };
  let queries = 0;
  for (const panel of panels) {
    for (const { expr } of panel.targets ?? []) {
      queries++;
      const { result } = await query(withVariables(expr)).catch((error: unknown) => {
        process.stdout.write(`# ${String(error)}\n`);
        return { result: [] };
      });
      const good = result.length > 0 && result.some((r) => r.value[1] !== 'NaN');
      if (!good) say(false, `panel ${panel.title} has data: ${expr}`);
    }
    if (panel.type !== 'row' && (panel.targets ?? []).length === 0)
      say(false, `panel ${panel.title} asks for something`);
  }
  say(queries > 50, `all ${queries} queries of the dashboard have been tried`);
}

async function rules(): Promise<void> {
  const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules');
  const all = groups.flatMap((g) => g.rules);
  for (const rule of all) {
    if (rule.health !== 'ok') say(false, `rule ${rule.name} works: ${rule.health} ${rule.lastError ?? ''}`);
    if (rule.type !== 'recording') continue;
    if ((await query(rule.name)).result.length === 0) say(false, `rule ${rule.name} records something`);
  }
  say(all.length > 20, `all ${all.length} rules have been evaluated`);
}

const [what, argument = ''] = process.argv.slice(2);
if (what === 'dashboard') await dashboard(argument);
else if (what === 'rules') await rules();
else process.stdout.write(`${(await query(argument)).result[0]?.value[1] ?? 'nothing'}\n`);
