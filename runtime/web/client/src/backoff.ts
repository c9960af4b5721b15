/** Full jitter: a random part of a limit that doubles with each failure. */
export class Backoff {
  private limit: number;

  constructor(
    private readonly min: number,
    private readonly max: number,
    private readonly random: () => number,
  ) {
    this.limit = min;
  }

  next(): number {
    const wait = this.random() * this.limit;
    this.limit = Math.min(2 * this.limit, this.max);
    return wait;
  }

  reset(): void {
    this.limit = this.min;
  }
}

/** Waits, or ends early with the signal. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
