/**
 * Kills a node in the middle of a transaction of each role at once, lets those transactions end meanwhile, starts the node
 * again, and compares what comes out with what went in.
 */
import { delay } from "../../../src/engine/core/delay.ts";
import { formatPartition } from "../../../src/engine/core/record.ts";
import { withCluster } from "../../../src/engine/kafka/group_standing.ts";
import { describeTransaction, findOpen } from "../../../src/engine/kafka/open_transactions.ts";
import { inTime } from "../in_time.ts";
import type { TwoNodes } from "../two_nodes.ts";
import type { MakeRole, OnStep, Role, Step } from "./role.ts";

/** How the transaction ends that the node's death has hit. */
export const ends = ["commit", "timeout"] as const;
export type End = (typeof ends)[number];

/** What is done to the roles. */
export interface Hit {
  /** The step before which the node dies. */
  readonly step: Step;
  /** Its owner goes on, or is gone, so that the transaction times out. */
  readonly end: End;
  readonly roles: Readonly<Record<string, MakeRole>>;
  /** The producer is none of ours: its transactions are the input. */
  readonly foreign: readonly string[];
}

/** What came of one role. */
export interface Outcome {
  readonly role: string;
  /** Partitions in which its transaction was open after the node was back: forgotten, or not ended yet. */
  readonly hanging: readonly string[];
  /** What is wrong; undefined where nothing is. */
  readonly wrong?: string;
  readonly secondsUntilRight: number;
}

const longMs = 60_000;
const shortMs = 4_000;
/** A coordinator that does not forget is still at it then: nothing more will come while the node is down. */
const endingMsMax = 4_000;
const rightMsMax = 90_000;

/** One round of killing; the cluster is whole again afterwards. */
export async function tryRoles(cluster: TwoNodes, hit: Hit): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack();
  const id = crypto.randomUUID().slice(0, 6);
  const down = Promise.withResolvers<void>();
  const trials = await Promise.all(
    Object.entries(hit.roles).map(async ([kind, make]) => {
      const transactionTimeoutMs = hit.end === "timeout" ? shortMs : longMs;
      const role = stack.use(
        await make({ cluster, name: `${kind}-${id}`, transactionTimeoutMs }),
      );
      const trial = new RoleTrial(kind, role, hit, down.promise);
      return trial;
    }),
  );
  await cluster.makeTopics(Object.assign({}, ...trials.map(({ role }) => role.topics)));
  await Promise.all(trials.map((trial) => trial.begin()));
  await cluster.kill();
  down.resolve();
  await Promise.all(trials.map((trial) => trial.untilEnded(cluster)));
  await cluster.revive();
  return await Promise.all(trials.map((trial) => trial.finish(cluster)));
}

const before = ["1", "2", "3", "4"];
const struck = ["5", "6", "7", "8"];
const after = ["10", "11", "12", "13"];

class RoleTrial {
  readonly #gone = new AbortController();
  #running: Promise<void> | undefined;
  #struck: Promise<boolean> | undefined;
  #failed: unknown;

  constructor(
    readonly kind: string,
    readonly role: Role,
    readonly hit: Hit,
    readonly down: Promise<void>,
  ) {}

  get #foreign(): boolean {
    return this.hit.foreign.includes(this.kind);
  }

  /** Works off the first values, and is in the middle of the next ones when this resolves. */
  async begin(): Promise<void> {
    const { role, hit: { step, end }, down } = this;
    const hung = Promise.withResolvers<void>();
    let armed = false;
    const onStep: OnStep = async (at) => {
      if (!armed || at !== step) return;
      armed = false;
      hung.resolve();
      await down;
      if (end !== "timeout") return;
      this.#gone.abort();
      throw new Error("the process is gone");
    };
    this.#start(onStep);
    await role.feed(before);
    await this.#untilSeen(before);
    armed = true;
    this.#struck = role.feed(struck, onStep).then(() => true, () => false);
    await inTime(hung.promise, `${this.kind} is ${step}`);
  }

  /** While the node is down: until the coordinator calls the transaction complete, or gets no further. */
  async untilEnded({ client }: TwoNodes): Promise<void> {
    if (this.#foreign || this.hit.end === "timeout") await this.#struck;
    if (this.#gone.signal.aborted && !this.#foreign) await this.#running;
    const [id = ""] = this.role.transactionalIds;
    await withCluster(client, async (cluster) => {
      const deadline = performance.now() + endingMsMax + (this.hit.end === "timeout" ? shortMs : 0);
      while (performance.now() < deadline) {
        const limit = AbortSignal.timeout(endingMsMax);
        const state = await describeTransaction(cluster, id, limit).catch(() => undefined);
        if (state?.state.startsWith("Complete") && state.partitions.length === 0) return;
        await delay(200);
      }
    });
  }

  /** With the node back: until all is right, or it is clear that it will not be. */
  async finish(cluster: TwoNodes): Promise<Outcome> {
    const startedAt = performance.now();
    // At once: whoever goes on by itself ends what hangs.
    const hanging = await this.#hanging(cluster);
    await cluster.untilServed();
    if (this.#gone.signal.aborted && !this.#foreign) this.#start(() => {});
    const committed = await this.#struck;
    // A foreign transaction may have gone either way where its owner does not know; but as a whole.
    const expected = () =>
      this.#foreign && !committed ? [before, [...before, ...struck]] : [[...before, ...struck]];
    let wrong: string | undefined = "";
    while (wrong !== undefined && performance.now() - startedAt < rightMsMax) {
      if (this.#failed) break;
      // A partition that is held back cannot be read to its end.
      wrong = await this.#wrong(cluster, expected()).catch((error) => `cannot read: ${error}`);
      if (wrong !== undefined) await delay(200);
    }
    const secondsUntilRight = Math.round((performance.now() - startedAt) / 100) / 10;
    if (wrong === undefined) {
      const now = await this.role.seen();
      await this.role.feed(after);
      const right = await this.#untilSeen([...now, ...after]).then(() => true, () => false);
      if (!right) {
        const seen = await this.role.seen().catch(String);
        wrong = `it did not go on: ${seen}`;
      }
    }
    if (this.#failed) wrong = `it ended: ${this.#failed}`;
    this.#stop.abort();
    await this.#running;
    return { role: this.kind, hanging, wrong, secondsUntilRight };
  }

  readonly #stop = new AbortController();

  #start(onStep: OnStep): void {
    const signal = this.#foreign || this.#gone.signal.aborted
      ? this.#stop.signal
      : AbortSignal.any([this.#stop.signal, this.#gone.signal]);
    this.#running = this.role.run(signal, onStep).catch((error) => {
      if (!signal.aborted) this.#failed = error;
    });
  }

  async #wrong(cluster: TwoNodes, expected: readonly (readonly string[])[]) {
    const seen = [...await this.role.seen()].sort().join(" ");
    if (!expected.some((values) => [...values].sort().join(" ") === seen)) return `seen: ${seen}`;
    const hanging = await this.#hanging(cluster);
    if (hanging.length > 0) return `held open: ${hanging.join(", ")}`;
  }

  async #hanging({ client }: TwoNodes): Promise<string[]> {
    return await withCluster(client, async (cluster) => {
      const ids = await Promise.all(
        this.role.transactionalIds.map((id) => describeTransaction(cluster, id)),
      );
      const { open } = await findOpen(cluster, undefined);
      return open.filter(({ producerId }) => ids.some((state) => state?.producerId === producerId))
        .map(formatPartition);
    }).catch((error) => [`cannot ask: ${error}`]);
  }

  async #untilSeen(values: readonly string[]): Promise<void> {
    const wanted = [...values].sort().join(" ");
    const look = async () => {
      while ([...await this.role.seen()].sort().join(" ") !== wanted) {
        if (this.#failed) throw this.#failed;
        await delay(100);
      }
    };
    await inTime(look(), `${this.kind} has seen ${wanted}`);
  }
}
