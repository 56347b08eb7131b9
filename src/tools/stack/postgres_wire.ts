/**
 * One statement over PostgreSQL's own protocol, for a server that trusts loopback connections. It is how the stack looks
 * whether the server answers and makes databases; the application's queries go through `src/postgres`.
 */
import { type Exchange, exchange } from "./exchange.ts";

/** The superuser of the embedded server. */
export const postgresUser = "onceflow";

/** Which server and database, and how long to wait for the whole conversation. */
export interface StatementOptions {
  readonly port: number;
  readonly database: string;
  readonly waitMsMax: number;
}

/**
 * Runs one statement and returns the first column of its first row as text, undefined when there is no row.
 *
 * @throws the server's message, or the connection's error
 */
export function runStatement(
  sql: string,
  { port, database, waitMsMax }: StatementOptions,
): Promise<string | undefined> {
  return exchange(port, waitMsMax, async (wire) => {
    await wire.send(startup(database));
    await untilReady(wire);
    await wire.send(message("Q", text(sql)));
    const value = await untilReady(wire);
    await wire.send(message("X", new Uint8Array()));
    return value;
  });
}

/** The system identifier of the server's data; undefined when nothing answers, or it is still starting. */
export async function postgresPing(port: number, waitMsMax = 2_000): Promise<string | undefined> {
  try {
    return await runStatement("SELECT system_identifier FROM pg_control_system()", {
      port,
      database: "postgres",
      waitMsMax,
    });
  } catch {
    return undefined;
  }
}

/** Reads messages up to ReadyForQuery; the first value of the first DataRow on the way. */
async function untilReady({ receive }: Exchange): Promise<string | undefined> {
  let value: string | undefined;
  let refusal: string | undefined;
  for (;;) {
    const head = await receive(5);
    const kind = String.fromCharCode(head.getUint8(0));
    const body = await receive(head.getInt32(1) - 4);
    if (kind === "R" && body.getInt32(0) !== 0) throw new Error("the server asks for a password");
    if (kind === "E") {
      refusal = errorText(body);
      if (refusal.startsWith("FATAL")) throw new Error(refusal);
    }
    if (kind === "D") value ??= firstColumn(body);
    if (kind === "Z") {
      if (refusal !== undefined) throw new Error(refusal);
      return value;
    }
  }
}

function firstColumn(row: DataView<ArrayBuffer>): string | undefined {
  const length = row.getInt16(0) > 0 ? row.getInt32(2) : -1;
  return length < 0
    ? undefined
    : new TextDecoder().decode(new Uint8Array(row.buffer, row.byteOffset + 6, length));
}

/** `FATAL: the database system is starting up`, from the fields S (severity) and M (message). */
function errorText(body: DataView<ArrayBuffer>): string {
  const fields = new TextDecoder().decode(body).split("\0");
  const field = (code: string) => fields.find((part) => part.startsWith(code))?.slice(1) ?? "";
  return `${field("V") || field("S")}: ${field("M")}`;
}

function startup(database: string): Uint8Array<ArrayBuffer> {
  const parameters = text(`user\0${postgresUser}\0database\0${database}\0`);
  const bytes = new Uint8Array(8 + parameters.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length);
  view.setInt32(4, 3 << 16); // protocol 3.0
  bytes.set(parameters, 8);
  return bytes;
}

function message(kind: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + body.length);
  bytes[0] = kind.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, 4 + body.length);
  bytes.set(body, 5);
  return bytes;
}

/** A string with the zero byte that ends it. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(value + "\0");
}
