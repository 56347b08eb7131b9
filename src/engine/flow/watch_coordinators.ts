/** Asks the coordinators of the lanes' transactions whether they answer: a lane without work would not notice. */
import { transactionalId } from "../core/delivery.ts";
import type { Health } from "../core/health.ts";
import type { LaneStanding } from "../core/lane_board.ts";
import { fetchClusterMap } from "../kafka/cluster_map.ts";
import { protocolErrorType } from "../kafka/error_verdict.ts";
import { findTransactionCoordinator } from "../kafka/transaction_coordinator.ts";
import { describeTransactions } from "../kafka/transaction_states.ts";
import type { VendorCluster } from "../kafka/vendor.ts";

/** A coordinator that moves, or that reads its log, is back sooner. */
const silentMsMaxDefault = 15_000;
const cause = "transactions";

/** Asks one of them a look, and stays with one that does not answer; reports it as `kafka`. */
export class CoordinatorWatch {
  #turn = 0;
  #silentSince: number | undefined;

  constructor(
    readonly cluster: VendorCluster,
    readonly health: Health,
    readonly silentMsMax = silentMsMaxDefault,
  ) {}

  /** Never rejects. */
  async look(writers: readonly LaneStanding[]): Promise<void> {
    // Each id has a coordinator of its own among the brokers.
    const writer = writers[this.#turn % Math.max(1, writers.length)];
    if (!writer) return this.end();
    const id = transactionalId(writer.groupId, writer);
    if (await this.#answers(id)) {
      this.#turn++;
      return this.end();
    }
    this.#silentSince ??= performance.now();
    if (performance.now() - this.#silentSince < this.silentMsMax) return;
    const reason = `the transaction coordinator of ${id} does not answer: is Kafka's topic ` +
      `__transaction_state there, and are enough brokers up for the brokers' ` +
      `transaction.state.log.replication.factor and transaction.state.log.min.isr?`;
    this.health.down("kafka", reason, { cause });
  }

  /** Nobody writes any more. */
  end(): void {
    this.#silentSince = undefined;
    this.health.up("kafka", cause);
  }

  async #answers(id: string): Promise<boolean> {
    try {
      const coordinator = await findTransactionCoordinator(this.cluster, id);
      const [state] = await coordinator.connectionPool.send(describeTransactions([id]));
      // What it says of the id is the lane's business; that it is only being loaded is not an answer.
      return !notYet.has(state?.errorCode ?? 0);
    } catch (error) {
      // kafkajs finds only nodes that it was told of.
      await fetchClusterMap(this.cluster).catch(() => {});
      return /AUTHORIZATION_FAILED/.test(protocolErrorType(error) ?? "");
    }
  }
}

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR. */
const notYet: ReadonlySet<number> = new Set([14, 15, 16]);
