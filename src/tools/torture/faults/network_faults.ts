/** Faults of the network, made by the proxy: answers lost, requests held back, connections silent, half-open or cut. */
import { delay } from "../../../engine/core/delay.ts";
import { waitFor } from "../../stack/wait.ts";
import type { Arena } from "../arena.ts";
import type { Passage, Verdict } from "../interceptors.ts";
import type { FaultKind } from "../fault.ts";
import type { ApiName } from "../kafka_frames.ts";

/** Steps of a transaction, and the requests around it. */
const transactional = [
  "addPartitionsToTxn",
  "produce",
  "addOffsetsToTxn",
  "txnOffsetCommit",
  "endTxn",
] as const;
const around = ["initProducerId", "offsetFetch", "fetch", "heartbeat", "joinGroup"] as const;

const waitMsMax = 15_000;

/** Relays take part in no group and fetch nothing. */
const ofMembers: readonly ApiName[] = ["fetch", "heartbeat", "joinGroup"];
const victimsOf = (api: ApiName) => ofMembers.includes(api) ? ["worker"] : ["worker", "relay"];

/** Requests that only transaction protocol 1 has. */
const ofProtocol1: readonly ApiName[] = ["addPartitionsToTxn", "addOffsetsToTxn"];

/** Requests at the start of a session: the connections are cut so that there is one. */
const atStart: readonly ApiName[] = ["initProducerId", "offsetFetch"];

/** A silent produce answer is waited for for half a minute, by the client's own rule: it is drawn rarely. */
const silentWeight = (api: ApiName) => api === "produce" || api === "joinGroup" ? 0.2 : 1;

/** All of them. */
export function networkFaults(): FaultKind[] {
  return [
    ...[...transactional, ...around].flatMap((api) => [
      passageFault(`answer dropped, connection closed: ${api}`, "answer", api, "drop-and-close"),
      passageFault(`answer dropped in silence: ${api}`, "answer", api, "drop", silentWeight(api)),
    ]),
    ...transactional.map((api) =>
      passageFault(`request lost, connection closed: ${api}`, "request", api, "drop-and-close")
    ),
    ...transactional.map(heldFault),
    passageFault("black-holed connection: fetch", "request", "fetch", "black-hole"),
    passageFault("black-holed connection: endTxn", "request", "endTxn", "black-hole"),
    passageFault("half-open connection: endTxn", "answer", "endTxn", "half-open"),
    passageFault("half-open connection: fetch", "request", "fetch", "half-open"),
    {
      kind: "all connections of a process cut",
      track: "network",
      weight: 2,
      draw: (random, { workers, relays, projectors }) => ({
        victim: random.pick([...workers, ...relays, ...projectors]),
      }),
      strike: ({ cluster }, { victim }) =>
        untilSome(() => cluster.brokers.reduce((sum, { proxy }) => sum + proxy.cut(victim), 0)),
    },
    {
      kind: "all connections of a process silent",
      track: "network",
      weight: 1,
      draw: (random, { workers, relays }) => ({ victim: random.pick([...workers, ...relays]) }),
      strike: ({ cluster }, { victim }) =>
        untilSome(() => cluster.brokers.reduce((sum, { proxy }) => sum + proxy.silence(victim), 0)),
    },
  ];
}

/** A process may be on its way back from another fault: tries until it has connections. */
async function untilSome(strike: () => number): Promise<boolean> {
  return await waitFor(() => strike() > 0 ? true : undefined, { waitMsMax }) ?? false;
}

/** Done to the next passage of that kind. */
function passageFault(
  kind: string,
  direction: Passage["direction"],
  api: ApiName,
  verdict: Verdict,
  weight = 1,
): FaultKind {
  const starting = atStart.includes(api);
  return {
    kind,
    track: "network",
    weight,
    needsProtocol1: ofProtocol1.includes(api),
    draw: (random) => ({
      victim: random.pick(victimsOf(api)),
      amounts: { passes: starting ? 0 : random.integer(0, 4) },
    }),
    async strike(arena, { victim, amounts }, signal) {
      const wanted = { victim, direction, api };
      const seen = nextPassage(arena, wanted, amounts.passes ?? 0, signal, () => verdict);
      if (starting) {
        for (const name of arena.roles.keys()) {
          if (name.startsWith(victim)) {
            arena.cluster.brokers.forEach(({ proxy }) => proxy.cut(name));
          }
        }
      }
      return await seen !== undefined;
    },
  };
}

/** Held back, and let go in the middle of the next transaction of the same role. */
function heldFault(api: ApiName): FaultKind {
  return {
    kind: `request held back, released in the next transaction: ${api}`,
    track: "network",
    weight: 2,
    needsProtocol1: ofProtocol1.includes(api),
    draw: (random) => ({
      victim: random.pick(victimsOf(api)),
      amounts: { passes: random.integer(0, 4) },
    }),
    async strike(arena, { victim, amounts }, signal) {
      const held = await nextPassage(
        arena,
        { victim, direction: "request", api },
        amounts.passes ?? 0,
        signal,
        () => "hold-and-close",
      );
      if (!held) return false;
      const requests = arena.cluster.interceptors.takeHeld();
      let released = false;
      // Its transactional id is the only one of this process that is in trouble, so the session that opens next is its own.
      await nextPassage(
        arena,
        { victim: held.clientId, direction: "answer", api: "initProducerId" },
        0,
        signal,
        () => "forward",
      );
      await nextPassage(
        arena,
        // All of it is written then, and nothing decided. Only protocol 1 has a request of its own for the beginning.
        { victim: held.clientId, direction: "request", api: "endTxn" },
        0,
        signal,
        async (): Promise<Verdict> => {
          for (const request of requests) released = await request.release() || released;
          return "forward";
        },
      );
      for (const request of requests) await request.release();
      return released;
    },
  };
}

/** Does something to the next passage that fits; undefined when none came in time. */
async function nextPassage(
  { cluster }: Arena,
  wanted: Pick<Passage, "direction" | "api"> & { readonly victim: string },
  passes: number,
  signal: AbortSignal,
  act: (passage: Passage) => Verdict | Promise<Verdict>,
): Promise<Passage | undefined> {
  let left = passes;
  const found = Promise.withResolvers<Passage>();
  const given = new AbortController();
  const remove = cluster.interceptors.add(async (passage) => {
    const fits = passage.direction === wanted.direction && passage.api === wanted.api &&
      passage.clientId.startsWith(wanted.victim);
    if (!fits || left-- !== 0) return undefined;
    const verdict = await act(passage);
    found.resolve(passage);
    return verdict;
  });
  const ended = AbortSignal.any([signal, given.signal]);
  try {
    return await Promise.race([
      found.promise,
      delay(waitMsMax, ended).then(() => undefined, () => undefined),
    ]);
  } finally {
    remove();
    given.abort();
  }
}
