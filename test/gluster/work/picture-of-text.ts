/** Makes a picture of what a terminal shows. Arguments: the command to show above it, file of its output, file of the picture (PNG). */
import { readFileSync, writeFileSync } from 'node:fs';
import { Chromium, pause } from './chromium.js';

const [command, textFile, picture] = process.argv.slice(2) as [string, string, string];
const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const text = readFileSync(textFile, 'utf8').trimEnd();
const lines = text.split('\n').map((line) => {
  const html = line.replace(/[&<>]/g, (c) => escapes[c]!);
  // Headings are what is in capitals.
  return /^ *[A-Z]{3}/.test(line) ? `<b>${html}</b>` : html;
});
const html = `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 14px 18px; background: #14171b; color: #d5d9de; display: inline-block; }
pre { margin: 0; font: 13px/1.4 "DejaVu Sans Mono", monospace; } b { color: #fff; } i { color: #57c97d; font-style: normal; }
</style><pre><i>#</i> ${command}\n${lines.join('\n')}</pre>`;
const page = `${textFile}.html`;
writeFileSync(page, html);
const browser = new Chromium();
const tab = await browser.open(`file://${page}`, 1800, 600);
await pause(500);
const [width, height] = await tab.value<[number, number]>('[document.body.offsetWidth, document.body.offsetHeight]');
await tab.size(Math.ceil(width), Math.ceil(height));
await pause(300);
await tab.picture(picture);
await browser.close();
