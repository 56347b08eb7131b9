/** How a member comes back after an error: when, how often, and what is said of it. Owns no connection. */
import { getLogger } from "../packages/logtape.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { createHealth, type Health } from "../core/health.ts";
import { backoffMs } from "../core/retry_policy.ts";
import { groupAdvice, groupErrorText, groupVerdict } from "./group_verdict.ts";
import { obstacleOf } from "./obstacle.ts";
import type { RefusedRequest } from "./refused_request.ts";

const log = getLogger(["onceflow", "kafka", "group"]);
const backoffFirstMs = 200;
const backoffMsMax = 5_000;
/** A member that is thrown out so often, without a beat accepted in between, has something in its way. */
const rejoinsMax = 3;
/** kafkajs trips over its own state when a cluster goes away, and that passes; a mistake in the program does not. */
const mistakesMax = 5;
/** As long as another consumer may be about to leave: the workers of an older version, in a rolling deployment. */
const foreignMsMaxDefault = 30_000;

/** See the file's first line. */
export class Rejoining {
  readonly #name: string;
  /** Since the last accepted beat. */
  #failures = 0;
  #mistakes = 0;
  /** Since when another kind of consumer has been in the group, by the monotonic clock. */
  #foreignSince: number | undefined;
  /** What it first waited for since the last accepted beat: an outage has many errors, and is logged once. */
  #waitingFor: string | undefined;
  /** It has taken this member in, and shares the partitions out between both. */
  #isShared = false;

  constructor(
    readonly groupId: string,
    readonly health: Health = createHealth(),
    readonly foreignMsMax = foreignMsMaxDefault,
    /** Topics and user, for what is said where a permission is missing. */
    readonly request: RefusedRequest = {},
  ) {
    this.#name = `group:${groupId}`;
  }

  /** The member has its partitions. `isShared`: a consumer of another kind has some of them, and the coordinator deals. */
  joined(isShared: boolean): void {
    this.#isShared = isShared;
    if (!isShared) return;
    this.#foreignSince ??= performance.now();
    this.#down(`${this.#foreignText()} and is given partitions; it has to leave`);
  }

  /**
   * The coordinator has accepted a beat: all is well.
   *
   * @throws {HaltError} once another kind of consumer has shared the group for too long
   */
  accepted(): void {
    this.#failures = this.#mistakes = 0;
    this.#waitingFor = undefined;
    if (this.#isShared) return this.#waitForForeign();
    this.#foreignSince = undefined;
    this.health.up(this.#name);
  }

  /** The member has ended. */
  end(): void {
    this.health.remove(this.#name);
  }

  /**
   * Resolves when it is time to join again; or when the signal fires.
   *
   * @throws {HaltError} when no retry can help; the error itself when it is a mistake in the program
   */
  async after(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof HaltError) throw error;
    const verdict = groupVerdict(error);
    const reason = groupErrorText(error);
    log.debug("Joining {group} again: {error}", { group: this.#name, error });
    // Others come and go: no failure, and the coordinator holds the answer to JoinGroup back for as long as it takes.
    if (reason === "REBALANCE_IN_PROGRESS") return;
    this.#isShared = false;
    if (reason === "INCONSISTENT_GROUP_PROTOCOL") this.#waitForForeign(error);
    else this.#foreignSince = undefined;
    const failures = ++this.#failures;
    switch (verdict) {
      case "halt":
        throw new HaltError(
          `Cannot take part in group ${this.groupId}: ${reason}; ${
            groupAdvice(error, this.groupId)
          }, then start again`,
          { cause: error },
        );
      case "mistake":
        if (++this.#mistakes >= mistakesMax) throw error;
        this.#down(`tripped over ${reason}`);
        break;
      case "wait":
        this.#wait(error, reason, failures);
        break;
      case "rejoin":
        if (failures <= rejoinsMax) return;
        this.#down(`was thrown out ${rejoinsMax} times in a row (${reason}); joining again`);
        break;
      default:
        verdict satisfies never;
    }
    await delay(backoffMs(failures, backoffFirstMs, backoffMsMax), signal).catch(() => {});
  }

  /** @throws {HaltError} once its time is over */
  #waitForForeign(cause?: unknown): void {
    this.#foreignSince ??= performance.now();
    if (performance.now() - this.#foreignSince <= this.foreignMsMax) return;
    throw new HaltError(
      `Cannot take part in group ${this.groupId}: ${this.#foreignText()}, and has not left for ` +
        `${
          Math.round(this.foreignMsMax / 1000)
        } s. Find it with "kafka-consumer-groups.sh --describe --members ` +
        `--group ${this.groupId}", stop it or give it another group.id, and start again; the start ` +
        `then says where the offsets that it has committed must be decided`,
      { cause },
    );
  }

  #foreignText(): string {
    return "another consumer, which is not this version of onceflow, sits in the group " +
      (this.#isShared ? "(its group.protocol is consumer)" : "(INCONSISTENT_GROUP_PROTOCOL)");
  }

  #wait(error: unknown, reason: string, failures: number): void {
    if (this.#foreignSince !== undefined) {
      this.#down(`cannot take part: ${this.#foreignText()}; trying again until it has gone`);
      return;
    }
    const obstacle = obstacleOf(error, { ...this.request, groupId: this.groupId });
    // Where nobody has to act, the first failure may be of a coordinator that is still loading.
    if (failures === 1 && obstacle?.kind !== "wait") return;
    const waitingFor = obstacle?.reason ?? (this.#waitingFor ??= reason);
    this.#down(`cannot take part: ${waitingFor}; trying again`);
  }

  #down(reason: string): void {
    this.health.down(this.#name, reason);
  }
}
