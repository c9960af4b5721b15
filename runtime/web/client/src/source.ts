import type { Readable } from './types.js';

/** Listeners are told once a frame of the screen, however much changes. */
const frameMs = 16;

/** A Readable whose snapshot is computed when somebody looks, and again only after a change. */
export class Source<T> implements Readable<T> {
  private readonly listeners = new Set<() => void>();
  private snapshot: { readonly value: T } | undefined;
  private scheduled = false;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly compute: (previous: T | undefined) => T) {}

  private last: T | undefined;

  getSnapshot(): T {
    if (!this.snapshot) {
      this.last = this.compute(this.last);
      this.snapshot = { value: this.last };
    }
    return this.snapshot.value;
  }

  subscribe(listener: () => void): () => void {
    // A wrapper of its own: the same function may subscribe twice.
    const own = () => listener();
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  change(): void {
    this.snapshot = undefined;
    if (this.scheduled || this.listeners.size === 0) return;
    this.scheduled = true;
    const wait = this.toldAt + frameMs - performance.now();
    if (wait > 0) setTimeout(this.tell, wait);
    else queueMicrotask(this.tell);
  }

  private readonly tell = () => {
    this.scheduled = false;
    this.toldAt = performance.now();
    for (const listener of [...this.listeners]) listener();
  };
}
