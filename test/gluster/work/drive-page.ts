/**
 * Clicks through the status page in Chromium while a brick is under load, and prints one line per check as scenarios do. Arguments:
 * address of the page, path of the loaded brick, address of a made-up process with very many bricks, folder for pictures ('' for none), address of the
 * page of a process with an incident, its brick.
 */
import { Chromium, pause, type Tab } from './chromium.js';

const [url, brick, manyUrl, pictures, incidentUrl, incidentBrick] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
/** Seconds of load that pictures show. */
const PICTURE_SEC = 20;
const PHONE = [390, 844] as const;

function check(what: string, good: boolean, details = ''): void {
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
  if (!good && details !== '') process.stdout.write(`#| ${details.slice(0, 500).replaceAll('\n', ' ')}\n`);
}

const tile = (name: string): string => `document.querySelector('[data-tile="${name}"]')?.textContent`;
/** Whether a canvas shows something: pixels that are not transparent, and of how many colours. */
const colours = (selector: string): string => `(() => {
  const c = document.querySelector('${selector}');
  if (c === null || c.width === 0) return 0;
  const data = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
  return new Set(data.filter((p) => p >>> 24 > 20)).size;
})()`;
const background = `getComputedStyle(document.body).backgroundColor`;
const overflow = `document.documentElement.scrollWidth - document.documentElement.clientWidth`;
const rows = (id: string): string => `document.querySelectorAll('#${id} tbody tr').length`;

async function fits(tab: Tab, what: string): Promise<void> {
  const over = await tab.value<number>(overflow);
  check(what, over <= 0, `${over} pixels too wide`);
}

async function loaded(browser: Chromium): Promise<void> {
  const tab = await browser.open(url, 1280, pictures === '' ? 900 : 1400);
  check('the page is live', await tab.becomes(`document.querySelector('#link')?.textContent === 'live'`));
  check('operations are counted', await tab.becomes(`/[1-9]/.test(${tile('ops/s')} ?? '')`));
  const before = await tab.value<string>(`document.querySelector('#tiles').textContent`);
  await pause(2500);
  const after = await tab.value<string>(`document.querySelector('#tiles').textContent`);
  check('and move', before !== after, after);
  check('data is written', await tab.becomes(`/[1-9]/.test(${tile('written')} ?? '')`));
  for (const chart of ['bytes', 'ops', 'latency'])
    check(`the chart of ${chart} is drawn`, await tab.becomes(`${colours(`#${chart} canvas`)} > 3`, 5));
  check('the heat map is drawn', await tab.becomes(`${colours('#heat')} > 3`, 5));
  check('a tenant is held back', await tab.becomes(`/[1-9]/.test(${tile('delayed/s')} ?? '')`));
  check(
    'its ceiling is shown',
    await tab.becomes(`/ops .* of 200\\/s/.test(document.querySelector('#tenants').textContent)`),
  );
  check('workers are busy', await tab.becomes(`/[1-9]\\d* %/.test(document.querySelector('#workers').textContent)`));
  await chooseBrick(tab);
  await fits(tab, 'nothing is wider than the window');
  await looks(tab);
  const elsewhere = tab.requests.filter((r) => !r.startsWith(url));
  check('nothing is fetched from elsewhere', elsewhere.length === 0, elsewhere.join(' '));
  check('the browser has nothing to complain of', tab.complaints.length === 0, tab.complaints.join(' | '));
}

async function chooseBrick(tab: Tab): Promise<void> {
  await tab.click(`#bricks tr[aria-selected]`);
  const named = `document.querySelector('#chosen').textContent`;
  const picked = `document.querySelector('#bricks tr[aria-selected="true"] td').textContent`;
  check('a click chooses a brick', await tab.becomes(`${named} === ${picked}`, 3));
  check(
    'its clients are shown',
    await tab.becomes(`!document.querySelector('#clientsPart').hidden && ${rows('clients')} > 0`),
  );
  check('its fops too', await tab.becomes(`document.querySelector('#fops').textContent.includes('WRITE')`));
  check('its heat map fills', await tab.becomes(`${colours('#heat')} > 3`));
  await tab.value(
    `(() => { const s = document.querySelector('#fop'); s.value = 'WRITE'; s.dispatchEvent(new Event('change')); })()`,
  );
  check('one fop can be chosen', (await tab.value<string>(`document.querySelector('#fop').value`)) === 'WRITE');
  await tab.click('#all');
  check('and all bricks again', await tab.becomes(`${named} === 'all bricks'`, 3));
  await tab.click('#filter');
  await tab.type(brick);
  check('a filter leaves the bricks that fit', await tab.becomes(`${rows('bricks')} === 1`, 3));
  await tab.type(' nothing');
  check('or none', await tab.becomes(`${rows('bricks')} === 0`, 3));
  await tab.value(
    `(() => { const f = document.querySelector('#filter'); f.value = ''; f.dispatchEvent(new Event('input')); f.blur(); })()`,
  );
}

/** What an operator asks of an incident: who, which file, what is slow and why; by clicks from the problems on top. */
async function incident(browser: Chromium): Promise<void> {
  for (const [width, height] of [[1280, 900], [768, 1024], PHONE] as const) {
    const at = `at ${width} pixels`;
    const tab = await browser.open(incidentUrl, width, height);
    const problem = (part: string, text: string): string =>
      `[...document.querySelectorAll('#problems button')].find((b) => b.dataset.part === '${part}' && b.textContent.includes('${text}'))`;
    const press = (button: string): Promise<unknown> => tab.value(`${button}?.click()`);
    check(
      `${at} the problems name who hammers which file`,
      await tab.becomes(`${problem('clients', '/hammered')} !== undefined`, 15),
    );
    await press(problem('clients', '/hammered'));
    check(
      `${at} a click leads to the client, its address and its file`,
      await tab.becomes(
        `[...document.querySelectorAll('#clients tbody tr')].some((r) => r.textContent.includes('/hammered') && /[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+:/.test(r.textContent))`,
        10,
      ),
    );
    check(
      `${at} the brick has an address of its own`,
      (await tab.value<string>(`location.hash`)) === `#brick=${encodeURIComponent(incidentBrick)}`,
    );
    check(`${at} the problems name the slow fop`, await tab.becomes(`${problem('slow', '/locked')} !== undefined`, 15));
    await press(problem('slow', '/locked'));
    check(
      `${at} a click leads to the slow fop and its cause`,
      await tab.becomes(
        `[...document.querySelectorAll('#slow tbody tr')].some((r) => r.textContent.includes('LK') && r.textContent.includes('/locked') && r.textContent.includes('for a lock held by client'))`,
        10,
      ),
    );
    await fits(tab, `${at} nothing is wider than the window`);
    if (pictures !== '') await tab.picture(`${pictures}/incident-${width}.png`);
    check(`${at} no complaints`, tab.complaints.length === 0, tab.complaints.join(' | '));
  }
}

/** Dark, light, on a phone. */
async function looks(tab: Tab): Promise<void> {
  await tab.scheme('light');
  const light = await tab.value<string>(background);
  if (pictures !== '') {
    await tab.value(
      `(() => { const s = document.querySelector('#fop'); s.value = ''; s.dispatchEvent(new Event('change')); scrollTo(0, 0); })()`,
    );
    await pause(PICTURE_SEC * 1000);
    await tab.picture(`${pictures}/status-light.png`);
  }
  await tab.scheme('dark');
  const dark = await tab.value<string>(background);
  check('dark is not light', dark !== light, `${dark} ${light}`);
  check('charts are drawn in the dark', await tab.becomes(`${colours('#bytes canvas')} > 3`, 5));
  if (pictures !== '') {
    await pause(1500);
    await tab.picture(`${pictures}/status-dark.png`);
  }
  await tab.size(...PHONE, true);
  await pause(1200);
  await fits(tab, 'a phone need not scroll sideways');
  check('charts fit a phone', await tab.value(`document.querySelector('#bytes .u-wrap').clientWidth <= ${PHONE[0]}`));
  if (pictures !== '') await tab.picture(`${pictures}/status-phone.png`);
}

async function many(browser: Chromium): Promise<void> {
  const tab = await browser.open(manyUrl, ...PHONE);
  check('very many bricks: the page is live', await tab.becomes(`${tile('bricks up')} === '249 of 250'`));
  check('the busiest are shown', await tab.becomes(`${rows('bricks')} === 20`, 5));
  await fits(tab, 'long names do not make the page wider than a phone');
  await tab.click('#bricks .more button');
  check('the others when asked for', await tab.becomes(`${rows('bricks')} === 250`, 3));
  await pause(1200);
  check(
    'ill-willed names stay text',
    await tab.value(`document.title.startsWith('brickd on') && document.querySelectorAll('main img, main script').length === 0
      && document.querySelector('#bricks').textContent.includes('<img src=x')`),
  );
  check('no complaints', tab.complaints.length === 0, tab.complaints.join(' | '));
}

const browser = new Chromium();
try {
  await incident(browser);
  await loaded(browser);
  await many(browser);
} catch (error) {
  check('the browser plays along', false, String(error));
} finally {
  await browser.close();
}
