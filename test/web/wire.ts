import { createServer, connect, type Server, type Socket } from 'node:net';
import { webURL } from './world.js';

/**
 * A wire between one browser and the gateways that can be cut, or lose what the server says. The browser talks to it as to the gateway: what
 * is lost is lost below HTTP, as it is on a train.
 */
export class Wire {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #cut = false;
  #deaf = false;

  private constructor() {
    this.#server = createServer((client) => this.#join(client));
  }

  static async lay(): Promise<Wire> {
    const wire = new Wire();
    await new Promise<void>((resolve, reject) => wire.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return wire;
  }

  /** The web client, by way of this wire. */
  get url(): string {
    const at = this.#server.address();
    if (at === null || typeof at === 'string') throw new Error('the wire is not laid');
    const url = new URL(webURL);
    url.port = String(at.port);
    return url.href;
  }

  #join(client: Socket): void {
    if (this.#cut) {
      client.resetAndDestroy();
      return;
    }
    const { hostname, port } = new URL(webURL);
    const server = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
    client.pipe(server);
    server.on('data', (said) => {
      if (!this.#deaf) client.write(said);
    });
    server.on('end', () => client.end());
  }

  /** From now on what the server says is lost; what the browser says arrives. */
  loseAnswers(): void {
    this.#deaf = true;
  }

  /** Nothing gets through, and nothing can be opened. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  mend(): void {
    this.#cut = this.#deaf = false;
  }

  async remove(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
