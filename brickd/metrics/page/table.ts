/**
 * A table that gets all its rows again every second: rows and cells keep their elements, so that selection and scroll
 * position stay. Text is set as text, never as HTML, because names come from clients.
 */

export interface Column<Row> {
  title: string;
  /** What is shown; with `fill`, what tells whether the cell has changed. */
  text(row: Row): string;
  /** Sorts by this; columns without it can't be sorted by. */
  sort?: (row: Row) => number | string;
  /** Numbers stand to the right; names may be broken. */
  kind?: 'number' | 'name';
  /** Class of the cell. */
  tone?: (row: Row) => string;
  /** Shown when the pointer rests on the cell. */
  hint?: (row: Row) => string;
  /** Puts more than text into a cell whose text has changed. */
  fill?: (cell: HTMLElement, row: Row) => void;
}

export interface TableOptions<Row> {
  columns: Column<Row>[];
  key(row: Row): string;
  /** Column that rows are sorted by at first, the greatest on top; as they come if not given. */
  sortBy?: string;
  /** Rows shown at first; the others by a button. */
  top?: number;
  onPick?: (row: Row) => void;
  /** Said when there is no row. */
  none: string;
}

export class Table<Row> {
  readonly #options: TableOptions<Row>;
  readonly #body = document.createElement('tbody');
  readonly #heads: HTMLElement[] = [];
  readonly #more = document.createElement('p');
  readonly #trs = new Map<string, HTMLTableRowElement>();
  #rows: readonly Row[] = [];
  #sortBy: Column<Row> | undefined;
  #descending = true;
  #all = false;
  #filter: (row: Row) => boolean = () => true;
  #picked: string | undefined;

  constructor(place: HTMLElement, options: TableOptions<Row>) {
    this.#options = options;
    this.#sortBy = options.columns.find((c) => c.title === options.sortBy);
    const head = document.createElement('tr');
    for (const column of options.columns) head.append(this.#head(column));
    const table = document.createElement('table');
    table.createTHead().append(head);
    table.append(this.#body);
    const scroll = document.createElement('div');
    scroll.className = 'scroll';
    scroll.append(table);
    this.#more.className = 'more';
    place.append(scroll, this.#more);
    this.#markSort();
  }

  #head(column: Column<Row>): HTMLElement {
    const th = document.createElement('th');
    th.scope = 'col';
    if (column.kind === 'number') th.className = 'n';
    this.#heads.push(th);
    if (column.sort === undefined) {
      th.textContent = column.title;
      return th;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = column.title;
    button.addEventListener('click', () => {
      this.#descending = this.#sortBy === column ? !this.#descending : column.kind === 'number';
      this.#sortBy = column;
      this.#markSort();
      this.#show();
    });
    th.append(button);
    return th;
  }

  #markSort(): void {
    this.#options.columns.forEach((column, i) => {
      const head = this.#heads[i];
      if (head === undefined) return;
      if (column === this.#sortBy) head.ariaSort = this.#descending ? 'descending' : 'ascending';
      else head.removeAttribute('aria-sort');
    });
  }

  set filter(filter: (row: Row) => boolean) {
    this.#filter = filter;
    this.#show();
  }

  /** Marks the row of this key. */
  set picked(key: string | undefined) {
    this.#picked = key;
    this.#show();
  }

  set rows(rows: readonly Row[]) {
    this.#rows = rows;
    this.#show();
  }

  #show(): void {
    const { key, top = Number.POSITIVE_INFINITY, none } = this.#options;
    const fitting = this.#rows.filter(this.#filter);
    const sort = this.#sortBy?.sort;
    if (sort !== undefined) {
      const sign = this.#descending ? -1 : 1;
      const order = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);
      fitting.sort((a, b) => sign * order(sort(a), sort(b)) || order(key(a), key(b)));
    }
    const shown = this.#all ? fitting : fitting.slice(0, top);
    const keys = new Set<string>();
    let at = this.#body.firstElementChild;
    for (const row of shown) {
      const k = key(row);
      keys.add(k);
      const tr = this.#trOf(k, row);
      if (tr === at) at = at.nextElementSibling;
      else this.#body.insertBefore(tr, at);
    }
    for (const [k, tr] of this.#trs) {
      if (keys.has(k)) continue;
      tr.remove();
      this.#trs.delete(k);
    }
    this.#tellMore(fitting.length, shown.length, none);
  }

  #tellMore(fitting: number, shown: number, none: string): void {
    const { top } = this.#options;
    const text = fitting === 0 ? none : fitting > shown ? `${shown} of ${fitting} shown. ` : '';
    const wantsButton = top !== undefined && fitting > top;
    const state = `${text}${wantsButton}${this.#all}`;
    if (this.#more.dataset['state'] === state) return;
    this.#more.dataset['state'] = state;
    this.#more.replaceChildren(text);
    if (!wantsButton) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = this.#all ? `Show ${top}` : 'Show all';
    button.addEventListener('click', () => {
      this.#all = !this.#all;
      this.#show();
    });
    this.#more.append(button);
  }

  #trOf(key: string, row: Row): HTMLTableRowElement {
    const { columns, onPick } = this.#options;
    let tr = this.#trs.get(key);
    if (tr === undefined) {
      tr = document.createElement('tr');
      // On narrow screens each cell tells its column.
      for (const { title } of columns) tr.insertCell().dataset['column'] = title;
      if (onPick !== undefined) {
        tr.className = 'pick';
        tr.tabIndex = 0;
        tr.addEventListener('click', () => onPick(row));
        tr.addEventListener('keydown', (e) => {
          if (e.key === 'Enter') onPick(row);
        });
      }
      this.#trs.set(key, tr);
    }
    if (onPick !== undefined) tr.ariaSelected = String(key === this.#picked);
    columns.forEach((column, i) => {
      const cell = tr.cells[i];
      if (cell !== undefined) setCell(cell, column, row);
    });
    return tr;
  }
}

function setCell<Row>(cell: HTMLElement, column: Column<Row>, row: Row): void {
  const place = column.kind === 'number' ? 'n' : (column.kind ?? '');
  const className = `${place} ${column.tone?.(row) ?? ''}`.trim();
  if (cell.className !== className) cell.className = className;
  const hint = column.hint?.(row) ?? '';
  if (cell.title !== hint) cell.title = hint;
  const text = column.text(row);
  if (cell.dataset['text'] === text) return;
  cell.dataset['text'] = text;
  if (column.fill === undefined) cell.textContent = text;
  else column.fill(cell, row);
}
