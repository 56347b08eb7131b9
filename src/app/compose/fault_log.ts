/** Says what requests fail of: an outage once, with how many have failed when it is over; any other fault each time. */
import { getLogger } from "@logtape/logtape";
import { DependencyDownError } from "../../engine/core/errors.ts";
import type { RequestSeen } from "../http/app_options.ts";

const log = getLogger(["onceflow", "http"]);
/** For so long nothing may have failed before an outage counts as over: answers and failures may come in turn. */
const calmMs = 1_000;

interface Outage {
  readonly dependency: string;
  failed: number;
  /** Monotonic, milliseconds. */
  failedAt: number;
}

/** One for an API. */
export class FaultLog {
  #outage: Outage | undefined;

  constructor(readonly now: () => number = () => performance.now()) {}

  /** A request failed, and is not to blame for it. */
  failed(error: unknown, request_id: string): void {
    if (!(error instanceof DependencyDownError)) {
      log.error("Request {request_id} failed: {error}", { request_id, error: String(error) });
      return;
    }
    const { dependency, message } = error;
    if (this.#outage?.dependency === dependency) return;
    this.#outage = { dependency, failed: 0, failedAt: this.now() };
    log.error(
      "Requests fail, the first is {request_id}: {error}. How many there were is said when it is over",
      { request_id, error: message },
    );
  }

  /** A request was answered. Only what is asked of the orders says how the dependency is. */
  answered({ route, status }: Pick<RequestSeen, "route" | "status">): void {
    const outage = this.#outage;
    if (!outage || !/^\/(orders|customers)/.test(route)) return;
    if (status === 503) {
      outage.failed++;
      outage.failedAt = this.now();
    } else if ((status < 400 || status === 404) && this.now() - outage.failedAt > calmMs) {
      this.#outage = undefined;
      log.info("Requests are answered again: {failed} failed while {dependency} was down", {
        failed: outage.failed,
        dependency: outage.dependency,
      });
    }
  }
}
