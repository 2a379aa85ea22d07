/**
 * Drives a headless Chromium by the DevTools protocol over its pipes (descriptors 3 and 4, messages that end with a zero byte): no
 * port and no WebSocket.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const ARGUMENTS = [
  '--headless=new',
  // Root has no other choice; only pages of our own are opened.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--no-default-browser-check',
  '--hide-scrollbars',
  '--remote-debugging-pipe',
];
const ANSWER_MS = 20_000;
const LOOK_MS = 100;

// biome-ignore lint/suspicious/noExplicitAny: the protocol's structures are many, and each caller knows its own
type Message = any;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Chromium {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, { resolve(m: Message): void; reject(e: Error): void }>();
  #nextId = 1;
  #onEvent: (sessionId: string, method: string, params: Message) => void = () => {};

  constructor() {
    this.#profile = mkdtempSync(join(tmpdir(), 'brickd-chromium-'));
    this.#child = spawn('chromium', [...ARGUMENTS, `--user-data-dir=${this.#profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.#profile },
    });
    this.#child.on('exit', (code) => this.#failAll(new Error(`chromium ended with status ${code}`)));
    let text = '';
    const out = this.#child.stdio[4] as Readable;
    out.setEncoding('utf8');
    out.on('data', (chunk: string) => {
      text += chunk;
      const messages = text.split('\0');
      text = messages.pop()!;
      for (const m of messages) this.#take(JSON.parse(m));
    });
    (this.#child.stdio[3] as Writable).on('error', () => {});
  }

  #take(m: Message): void {
    if (m.id === undefined) {
      this.#onEvent(m.sessionId ?? '', m.method, m.params);
      return;
    }
    const waiting = this.#waiting.get(m.id);
    this.#waiting.delete(m.id);
    if (m.error !== undefined) waiting?.reject(new Error(m.error.message));
    else waiting?.resolve(m.result);
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Message> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), ANSWER_MS);
      timer.unref();
      this.#waiting.set(id, { resolve, reject });
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Opens a page. What it complains of in its console, and requests that fail or go elsewhere, gather in `complaints`. */
  async open(url: string, width: number, height: number): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId);
    const onEvent = this.#onEvent;
    this.#onEvent = (session, method, params) => {
      if (session === sessionId) tab.event(method, params);
      else onEvent(session, method, params);
    };
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await tab.send(`${domain}.enable`);
    await tab.size(width, height);
    await tab.send('Page.navigate', { url });
    return tab;
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.send('Browser.close').catch(() => {});
    await Promise.race([gone, pause(5000)]);
    this.#child.kill('SIGKILL');
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Tab {
  readonly #browser: Chromium;
  readonly #session: string;
  readonly complaints: string[] = [];
  readonly requests: string[] = [];

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  event(method: string, params: Message): void {
    if (method === 'Runtime.exceptionThrown')
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
      this.complaints.push(params.args.map((a: Message) => a.value ?? a.description).join(' '));
    if (method === 'Log.entryAdded' && params.entry.level === 'error')
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
  }

  send(method: string, params: object = {}): Promise<Message> {
    return this.#browser.send(method, params, this.#session);
  }

  /** Value of an expression in the page, a promise's too. Rejects with what it throws. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value as T;
  }

  /** Whether an expression becomes true within that many seconds. */
  async becomes(expression: string, withinSec = 10): Promise<boolean> {
    const end = performance.now() + withinSec * 1000;
    do {
      if (await this.value<boolean>(`Boolean(${expression})`)) return true;
      await pause(LOOK_MS);
    } while (performance.now() < end);
    return false;
  }

  /** Clicks, by the mouse, what a selector finds. */
  async click(selector: string): Promise<void> {
    const place = await this.value<{ x: number; y: number } | null>(`(() => {
      const e = document.querySelector(${JSON.stringify(selector)});
      if (e === null) return null;
      e.scrollIntoView({ block: 'center', behavior: 'instant' });
      const r = e.getBoundingClientRect();
      return { x: r.x + Math.min(r.width, innerWidth) / 2, y: r.y + r.height / 2 };
    })()`);
    if (place === null) throw new Error(`nothing is ${selector}`);
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 });
  }

  async move(x: number, y: number): Promise<void> {
    await this.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  /** phone: as a touch screen with two pixels a point. */
  async size(width: number, height: number, phone = false): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: phone ? 2 : 1,
      mobile: phone,
    });
  }

  async scheme(value: 'dark' | 'light'): Promise<void> {
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
  }

  /** Writes what is seen, or the whole page, as PNG. */
  async picture(file: string, whole = false): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }
}
