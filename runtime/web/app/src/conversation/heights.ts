/** The part of a list that is rendered: from `first` up to but not including `last`, with what is above and below it. */
export interface Span {
  first: number;
  last: number;
  above: number;
  below: number;
}

/**
 * How high the rows of a list are: measured where they have been rendered, estimated by the mean of those elsewhere. Rows are known by
 * their keys, so what is put in front of them changes nothing.
 */
export class Heights {
  private readonly measured = new Map<string, number>();
  private sum = 0;
  private keys: readonly string[] = [];
  private tops = new Float64Array(1);
  private stale = true;

  constructor(private readonly guess: number) {}

  /** Sets the rows of the list, in order. */
  rows(keys: readonly string[]): void {
    if (keys === this.keys) return;
    this.keys = keys;
    this.stale = true;
  }

  /** Says how high a row is; true when that is news. */
  measure(key: string, height: number): boolean {
    const known = this.measured.get(key);
    if (known !== undefined && Math.abs(known - height) < 0.5) return false;
    this.sum += height - (known ?? 0);
    this.measured.set(key, height);
    this.stale = true;
    return true;
  }

  /** Forgets all of them: the list has another width. */
  forget(): void {
    this.measured.clear();
    this.sum = 0;
    this.stale = true;
  }

  get total(): number {
    return this.sums()[this.keys.length] ?? 0;
  }

  /** Where a row begins. */
  top(index: number): number {
    return this.sums()[Math.min(index, this.keys.length)] ?? 0;
  }

  /** The row at a distance from the top. */
  at(distance: number): number {
    const tops = this.sums();
    let low = 0;
    let high = this.keys.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((tops[middle] ?? 0) <= distance) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  /** The rows that show between two distances from the top. */
  span(from: number, to: number): Span {
    const count = this.keys.length;
    if (count === 0) return { first: 0, last: 0, above: 0, below: 0 };
    const first = this.at(Math.max(0, from));
    const last = Math.min(count, this.at(Math.max(0, to)) + 1);
    return { first, last, above: this.top(first), below: this.total - this.top(last) };
  }

  private sums(): Float64Array {
    if (!this.stale) return this.tops;
    const estimate = this.measured.size > 0 ? this.sum / this.measured.size : this.guess;
    const tops = new Float64Array(this.keys.length + 1);
    let top = 0;
    this.keys.forEach((key, index) => {
      tops[index] = top;
      top += this.measured.get(key) ?? estimate;
    });
    tops[this.keys.length] = top;
    this.tops = tops;
    this.stale = false;
    return tops;
  }
}
