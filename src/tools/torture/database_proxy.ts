/**
 * A TCP proxy in front of Postgres with a port for each process, which can be a black hole for one of them. It never
 * changes a byte: it forwards, or keeps all that comes until the hole is over.
 */

/** A hole that swallows what passes between one process and Postgres, in both directions. */
export interface BlackHole extends Disposable {
  /** How many connections of the process were open when it began. */
  readonly connections: number;
  /** Ends their sessions on the side of Postgres, as its keepalives do in time: the process hears of it afterwards. */
  endSessions(): void;
}

/** Listens until disposed. */
export class DatabaseProxy implements AsyncDisposable {
  readonly #doors = new Map<string, Door>();

  constructor(readonly databaseUrl: string) {}

  /** The address that this process is to connect to. */
  urlFor(process: string): string {
    const url = new URL(this.databaseUrl);
    let door = this.#doors.get(process);
    if (!door) {
      door = new Door(Number(url.port));
      this.#doors.set(process, door);
    }
    url.port = String(door.port);
    return url.href;
  }

  /** Nothing passes for that process until the hole is disposed; then all that was sent arrives, as if sent again. */
  blackHole(process: string): BlackHole | undefined {
    return this.#doors.get(process)?.blackHole();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => door[Symbol.asyncDispose]()));
  }
}

/** What one process connects to. */
class Door implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #links = new Set<readonly [client: Deno.TcpConn, server: Deno.TcpConn]>();
  readonly #done: Promise<void>;
  #hole: Promise<void> | undefined;

  constructor(readonly target: number) {
    this.#done = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  blackHole(): BlackHole {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hole = promise;
    const swallowed = [...this.#links];
    return {
      connections: swallowed.length,
      endSessions: () => swallowed.forEach(([, server]) => close(server)),
      [Symbol.dispose]: () => {
        if (this.#hole === promise) this.#hole = undefined;
        resolve();
      },
    };
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#serve(client);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.target })
      .catch(() => undefined);
    if (!server) {
      await this.#hole;
      return close(client);
    }
    const link = [client, server] as const;
    this.#links.add(link);
    await Promise.all([this.#forward(client, server), this.#forward(server, client)]);
    this.#links.delete(link);
  }

  /** Bytes and the end of the connection alike wait while there is a hole. */
  async #forward(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    try {
      from.setNoDelay();
      const writer = to.writable.getWriter();
      for await (const bytes of from.readable) {
        await this.#hole;
        await writer.write(bytes);
      }
    } catch {
      // One of the two is gone.
    }
    await this.#hole;
    [from, to].forEach(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#links.forEach((link) => link.forEach(close));
    await this.#done.catch(() => {});
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
