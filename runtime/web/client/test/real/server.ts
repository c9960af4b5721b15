import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = process.env.CHATD ?? fileURLToPath(new URL('../../../../../bin/chatd', import.meta.url));

/** The whole data plane in one process: chatd dev. */
export class Server {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly dir: string,
    private readonly ports: readonly number[],
  ) {}

  static async start(): Promise<Server> {
    if (!existsSync(program))
      throw new Error(
        `${program} is not there: build it with "go build -o bin/chatd ./cmd/chatd", or name it by CHATD`,
      );
    const dir = mkdtempSync(join(tmpdir(), 'chatd-web-'));
    // PostgreSQL runs as another user where this one is root.
    chmodSync(dir, 0o711);
    const server = new Server(dir, await Promise.all([freePort(), freePort(), freePort()]));
    await server.begin();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports[0]}`;
  }

  token(user: string): string {
    return readFileSync(join(this.dir, 'tokens', `${user}.token`), 'utf8').trim();
  }

  async begin(): Promise<void> {
    const [gateway, sink, admin] = this.ports.map((port) => `127.0.0.1:${port}`);
    const args = ['dev', '--data-dir', this.dir, '--users', 'alice,bob,carol', '--log-level', 'error'];
    const child = spawn(
      program,
      [...args, '--listen', `${gateway}`, '--sink-listen', `${sink}`, '--admin-listen', `${admin}`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        // A group of its own: what it starts ends with it.
        detached: true,
      },
    );
    this.child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('Ready')) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error('chatd dev ended before it was ready');
  }

  /** Ends it without a word to anybody. */
  async kill(): Promise<void> {
    const child = this.child;
    if (!child?.pid || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
