import type { Between } from './between.js';
import type { Engine } from './engine.js';
import type { Storage } from './storage.js';
import type { Environment, Options } from './types.js';
import type { Writer } from './writer.js';

/** What the parts of one tab's client stand on. */
export interface Ground {
  readonly options: Options;
  readonly environment: Environment;
  storage: Storage;
  writer: Writer;
  /** Of the tab that leads. */
  engine: Engine | undefined;
  /** Resolves when the storage is open. */
  started: Promise<void> | undefined;
  /** Tells the other tabs. */
  post(message: Between): void;
  problem(error: unknown): void;
}
