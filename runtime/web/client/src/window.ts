import { type Folded, fold, targetOf, unfolded } from './fold.js';
import type { Run } from './talk.js';
import type { Entry } from './wire.js';

const notices = new Set(['members_added', 'members_removed', 'role_changed', 'renamed']);

/** A line of the window. What was made of it to be shown is beside it. */
export interface Row {
  entry: Folded;
  shown?: unknown;
}

/** The part of a conversation that is held: everything from low to top, with changes folded into their messages. */
export class Window {
  rows: Row[] = [];
  low = 0;
  top = 0;
  /** There may be older ones below low. */
  older = false;
  /** Whether what comes next belongs behind top. */
  attached = false;
  /** Messages below low were held once: the changes that they had are not known any more. */
  trimmed = false;
  private readonly bySeq = new Map<number, Row>();
  /** Changes of messages below low, by message, in order: for when those are paged. */
  private readonly early = new Map<number, Entry[]>();
  /** Messages whose whole body is to be fetched, and their changes since. */
  readonly incomplete = new Map<number, Entry[]>();

  constructor(private readonly size: number) {}

  get(seq: number): Row | undefined {
    return this.bySeq.get(seq);
  }

  reset(entries: readonly Entry[], low: number, top: number, older: boolean, attached: boolean): void {
    this.rows = [];
    this.bySeq.clear();
    this.early.clear();
    this.incomplete.clear();
    Object.assign(this, { low, top, older, attached, trimmed: false });
    for (const entry of entries) this.add(entry);
  }

  /** What comes after top. False when something lies between that has to be fetched. */
  apply(run: Run): boolean {
    if (!this.attached) {
      for (const entry of run.entries) this.change(entry);
      return true;
    }
    if (run.skipped || run.after > this.top) {
      this.attached = false;
      return false;
    }
    for (const entry of run.entries) if (entry.seq > this.top) this.add(entry);
    this.top = Math.max(this.top, run.position);
    this.trimOldest();
    return true;
  }

  /** A page behind top. */
  append(entries: readonly Entry[], top: number): void {
    for (const entry of entries) if (entry.seq > this.top) this.add(entry);
    this.top = Math.max(this.top, top);
    this.trimOldest();
  }

  /** A page before low. */
  prepend(entries: readonly Entry[], low: number, older: boolean): void {
    const page = entries.filter((entry) => entry.seq < this.low);
    const rows: Row[] = [];
    const changes: Entry[] = [];
    for (const entry of page) {
      if (targetOf(entry) > 0) changes.push(entry);
      else this.row(entry, rows);
    }
    this.rows = [...rows, ...this.rows];
    const before = new Map<number, Entry[]>();
    for (const entry of changes) this.change(entry, before);
    for (const [target, list] of before) this.early.set(target, [...list, ...(this.early.get(target) ?? [])]);
    this.low = low;
    this.older = older;
    for (const row of rows) {
      for (const entry of this.early.get(row.entry.seq) ?? []) this.change(entry);
      this.early.delete(row.entry.seq);
    }
    this.trimNewest();
  }

  /** A copy of a message that the server has folded further. */
  replace(copy: Entry, settled: boolean): void {
    const row = this.bySeq.get(copy.seq);
    const since = this.incomplete.get(copy.seq);
    if (!row || !since) return;
    const needs = row.entry.needs ?? 0;
    if (!settled && (copy.folded ?? 0) < needs && !copy.deleted) return;
    this.incomplete.delete(copy.seq);
    row.entry = since.reduce(fold, copy as Folded);
    if (row.entry.needs !== undefined) this.incomplete.set(copy.seq, []);
    delete row.shown;
  }

  private add(entry: Entry): void {
    if (targetOf(entry) > 0) this.change(entry);
    else this.row(entry, this.rows);
  }

  private row(entry: Entry, into: Row[]): void {
    if (entry.kind !== 'message' && !notices.has(entry.kind)) return;
    if (this.bySeq.has(entry.seq)) return;
    const row: Row = { entry: entry.kind === 'message' ? unfolded(entry) : entry };
    if (row.entry.needs !== undefined) this.incomplete.set(entry.seq, []);
    this.bySeq.set(entry.seq, row);
    into.push(row);
  }

  private change(entry: Entry, early = this.early): void {
    const target = targetOf(entry);
    if (target === 0) return;
    const row = this.bySeq.get(target);
    if (!row) {
      if (target < this.low || early !== this.early) {
        const list = early.get(target);
        if (list) list.push(entry);
        else early.set(target, [entry]);
      }
      return;
    }
    const folded = fold(row.entry, entry);
    this.incomplete.get(target)?.push(entry);
    if (folded === row.entry) return;
    row.entry = folded;
    delete row.shown;
    if (folded.needs === undefined) this.incomplete.delete(target);
    else if (!this.incomplete.has(target)) this.incomplete.set(target, []);
  }

  /** Bounds are kept a tenth at a time, so that it costs little for each entry. */
  private get slack(): number {
    return this.size + Math.ceil(this.size / 10);
  }

  private trimOldest(): void {
    if (this.rows.length <= this.slack) return;
    const gone = this.rows.splice(0, this.rows.length - this.size);
    this.forget(gone);
    this.low = (this.rows[0] as Row).entry.seq;
    this.older = true;
    this.trimmed = true;
    for (const target of this.early.keys()) if (target < this.low - 10 * this.size) this.early.delete(target);
  }

  private trimNewest(): void {
    if (this.rows.length <= this.slack) return;
    const gone = this.rows.splice(this.size);
    this.forget(gone);
    this.top = (gone[0] as Row).entry.seq - 1;
    this.attached = false;
  }

  private forget(gone: readonly Row[]): void {
    for (const { entry } of gone) {
      this.bySeq.delete(entry.seq);
      this.incomplete.delete(entry.seq);
    }
  }
}
