/** A process killed at a named point: between two requests of a transaction, or where only the process itself is. */
import type { Arena } from "../arena.ts";
import type { Passage, Verdict } from "../interceptors.ts";
import { type InnerPoint, innerPoints } from "../crash_points.ts";
import type { FaultKind, Track } from "../fault.ts";
import { type ApiName } from "../kafka_frames.ts";

/** A point between requests: it looks at passages of one process in their order, and says when it is there. */
interface TransactionPoint {
  readonly name: string;
  /** A state for each process: answers what happens to the passage that the process dies at, else undefined. */
  readonly watch: () => (passage: Passage) => Verdict | undefined;
  /** The point is at the start of a session: connections are cut so that there is one. */
  readonly needsSession?: boolean;
  readonly needsProtocol1?: boolean;
}

const transactionPoints: readonly TransactionPoint[] = [
  {
    name: "after InitProducerId",
    watch: on("answer", "initProducerId", "drop"),
    needsSession: true,
  },
  {
    name: "after the offset fetch",
    watch: on("answer", "offsetFetch", "drop"),
    needsSession: true,
  },
  {
    name: "after AddPartitions",
    watch: on("answer", "addPartitionsToTxn", "drop"),
    needsProtocol1: true,
  },
  { name: "between produce requests", watch: onSecondProduce },
  { name: "after the last produce", watch: onOffsetsAfterProduce },
  {
    name: "between AddOffsets and TxnOffsetCommit",
    watch: on("request", "txnOffsetCommit", "drop"),
    needsProtocol1: true,
  },
  { name: "before EndTxn", watch: on("request", "endTxn", "drop") },
  { name: "EndTxn sent, its answer dropped", watch: on("answer", "endTxn", "drop") },
  { name: "after the commit", watch: onNextTransaction },
];

/** How long a point may take to be reached, milliseconds. */
const waitMsMax = 15_000;

/** The points of transactions for workers and relays, and the inner points of relays and projectors. */
export function crashPointFaults(): FaultKind[] {
  return [
    ...(["worker", "relay"] as const).flatMap((track) =>
      transactionPoints.map((point) => transactionFault(track, point))
    ),
    ...innerPoints.map(innerFault),
  ];
}

function transactionFault(track: Track, point: TransactionPoint): FaultKind {
  return {
    kind: `kill -9 ${point.name}: ${track}`,
    track,
    weight: 2,
    needsProtocol1: point.needsProtocol1,
    draw: (random) => ({ victim: track, amounts: { passes: random.integer(0, 5) } }),
    strike: (arena, { victim, amounts }, signal) =>
      killAt(arena, victim, point, amounts.passes ?? 0, signal),
  };
}

/** Kills the first process whose name starts so when it gets to the point. */
async function killAt(
  arena: Arena,
  victim: string,
  point: TransactionPoint,
  passes: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { cluster, roles } = arena;
  const watches = new Map<string, ReturnType<TransactionPoint["watch"]>>();
  const killed = Promise.withResolvers<boolean>();
  let left = point.needsSession ? 0 : passes;
  let struck = false;
  const remove = cluster.interceptors.add(async (passage) => {
    const { clientId } = passage;
    if (!clientId.startsWith(victim) || struck) return;
    let watch = watches.get(clientId);
    if (!watch) watches.set(clientId, watch = point.watch());
    const verdict = watch(passage);
    if (verdict === undefined || left-- > 0) return;
    struck = true;
    const dead = await roles.get(clientId)?.kill() ?? false;
    killed.resolve(dead);
    return verdict;
  });
  const timer = setTimeout(() => killed.resolve(false), waitMsMax);
  const stop = () => killed.resolve(false);
  signal.addEventListener("abort", stop);
  if (point.needsSession) { for (const { proxy } of cluster.brokers) cutAll(proxy, victim, arena); }
  try {
    return await killed.promise;
  } finally {
    remove();
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function cutAll(
  proxy: Arena["cluster"]["brokers"][number]["proxy"],
  victim: string,
  { roles }: Arena,
): void {
  for (const name of roles.keys()) if (name.startsWith(victim)) proxy.cut(name);
}

function on(direction: Passage["direction"], api: ApiName, verdict: Verdict) {
  return () => (passage: Passage) =>
    passage.direction === direction && passage.api === api ? verdict : undefined;
}

/** The second produce request since the last end of a transaction, on any connection of the process. */
function onSecondProduce() {
  let produced = 0;
  return ({ direction, api }: Passage): Verdict | undefined => {
    if (direction !== "request") return undefined;
    if (api === "endTxn") produced = 0;
    if (api !== "produce") return undefined;
    return ++produced >= 2 ? "drop" : undefined;
  };
}

/** The first request that is about offsets behind one that produced. */
function onOffsetsAfterProduce() {
  let produced = false;
  return ({ direction, api }: Passage): Verdict | undefined => {
    if (direction !== "request") return undefined;
    if (api === "produce") produced = true;
    if (!produced || (api !== "addOffsetsToTxn" && api !== "txnOffsetCommit")) return undefined;
    produced = false;
    return "drop";
  };
}

/** What a transaction may begin with: the first two under protocol 1, the others under protocol 2. */
const beginning: readonly ApiName[] = [
  "addPartitionsToTxn",
  "addOffsetsToTxn",
  "produce",
  "txnOffsetCommit",
];

/** The first request of the transaction after a commit: nothing of it reaches the broker. */
function onNextTransaction() {
  let committed = false;
  return ({ direction, api }: Passage): Verdict | undefined => {
    if (direction === "answer" && api === "endTxn") committed = true;
    const next = direction === "request" && api !== undefined && beginning.includes(api);
    return committed && next ? "drop" : undefined;
  };
}

function innerFault(point: InnerPoint): FaultKind {
  const track: Track = point.startsWith("relay") ? "relay" : "projector";
  return {
    kind: `kill -9 ${point}`,
    track,
    weight: 2,
    draw: (random) => ({ victim: track, amounts: { passes: random.integer(0, 3) } }),
    async strike({ roles, events }, { victim, amounts }) {
      const armed = [...roles.values()].filter(({ name }) => name.startsWith(victim));
      const reached = new Promise<string | undefined>((resolve) => {
        const timer = setTimeout(() => end(undefined), waitMsMax);
        const off = events.on((name, event) => {
          if (event.event === "reached" && event.point === point) end(name);
        });
        const end = (name: string | undefined) => {
          off();
          clearTimeout(timer);
          resolve(name);
        };
      });
      await Promise.all(armed.map((role) => role.arm({ point, passes: amounts.passes ?? 0 })));
      const name = await reached;
      // The run kills whoever says so. The others are not to stop there later.
      await Promise.all(armed.map((role) => role.arm({ point: "none", passes: 0 })));
      return name !== undefined;
    },
  };
}
