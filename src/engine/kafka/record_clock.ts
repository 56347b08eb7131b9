/**
 * The time that records are stamped with: this host's clock, unless a broker's contradicts it.
 *
 * A host that is an hour ahead has its records refused (`message.timestamp.after.max.ms`); one that is a week behind has
 * them deleted by the topic's retention as soon as they are written. So what brokers say of their time is kept, and where
 * this host's clock differs by more than a minute, the broker's counts, and that is said. What the controller says counts for
 * judging ages only: a record is judged by the leader of its partition, whose clock may be another.
 */
import type { Health } from "../core/health.ts";

/** What a broker's clock showed, and when that was by ours that only goes forward. */
interface Sighting {
  readonly brokerMs: number;
  readonly atMs: number;
}

/** How far a record's time may be behind and ahead of the broker's, by the settings of its topic, milliseconds. */
export interface TimestampDrift {
  readonly beforeMs: number;
  readonly aheadMs: number;
}

const differenceMsMax = 60_000;
/** An old sighting proves nothing: the clock that only goes forward stands while a host sleeps. */
const sightingMsMax = 600_000;
/** The default of `message.timestamp.after.max.ms`, where the topic's own is not known: a refusal does not name it. */
const aheadMsMaxDefault = 3_600_000;
const range = /within \[(-?\d+), (-?\d+)\]/;
const cause = "clock";

/** One for all producers of a client. */
export class RecordClock {
  #sighting: Sighting | undefined;
  #controller: Sighting | undefined;
  #health: Health | undefined;
  /** The difference that was last said, milliseconds; 0 while the clocks agree. */
  #saidMs = 0;
  readonly #drifts = new Map<string, TimestampDrift>();

  constructor(
    readonly wallMs: () => number = () => Date.now(),
    readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /** Whom to tell, as `kafka`, when the clocks disagree and when they agree again. */
  reportTo(health: Health): void {
    this.#health = health;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    const wallMs = this.wallMs();
    const brokerMs = this.brokerNow();
    return brokerMs === undefined || agree(wallMs, brokerMs) ? wallMs : brokerMs;
  }

  /** By which ages are judged, milliseconds since the epoch: a leader's time, else the controller's, else this host's. */
  clusterNow(): number {
    const wallMs = this.wallMs();
    const theirsMs = this.brokerNow() ?? this.#timeBy(this.#controller) ?? wallMs;
    return agree(wallMs, theirsMs) ? wallMs : theirsMs;
  }

  /** Whether any of Kafka's clocks was seen lately. */
  get knowsCluster(): boolean {
    return (this.brokerNow() ?? this.#timeBy(this.#controller)) !== undefined;
  }

  /** A broker has stamped a record itself, just now (a topic with `message.timestamp.type=LogAppendTime`). */
  seen(brokerMs: number): void {
    this.#sighting = { brokerMs, atMs: this.monotonicMs() };
    this.#say(this.wallMs() - brokerMs, "the broker's; records get the broker's time");
  }

  /** Kafka's controller has said its time, just now. */
  told(controllerMs: number): void {
    this.#controller = { brokerMs: controllerMs, atMs: this.monotonicMs() };
    if (this.brokerNow() !== undefined) return;
    this.#say(this.wallMs() - controllerMs, "that of Kafka's controller; ages are judged by it");
  }

  /** What a topic takes, so that its refusals tell the broker's time; undefined where it takes any time. */
  learn(topic: string, drift: TimestampDrift | undefined): void {
    if (drift) this.#drifts.set(topic, drift);
    else this.#drifts.delete(topic);
  }

  /** A broker has refused a record's timestamp (INVALID_TIMESTAMP), in these words: they name the range that it takes. */
  refused(topic: string, reasons: readonly string[]): void {
    const [, low, high] = reasons.map((reason) => range.exec(reason)).find(Boolean) ?? [];
    if (low === undefined || high === undefined) {
      // What the topic takes is judged by some clock, or the same record would be sent for ever.
      if (this.brokerNow() === undefined) this.seen(this.wallMs());
      return;
    }
    this.seen(timeIn(Number(low), Number(high), this.#drifts.get(topic)));
  }

  /** The broker's time, milliseconds since the epoch; undefined where none was seen lately. */
  brokerNow(): number | undefined {
    return this.#timeBy(this.#sighting);
  }

  #timeBy(sighting: Sighting | undefined): number | undefined {
    if (!sighting) return undefined;
    const { brokerMs, atMs } = sighting;
    const ageMs = this.monotonicMs() - atMs;
    return ageMs > sightingMsMax ? undefined : Math.round(brokerMs + ageMs);
  }

  /** `whose` clock it differs from, and what follows. */
  #say(differenceMs: number, whose: string): void {
    if (agree(differenceMs, 0)) {
      if (this.#saidMs !== 0) this.#health?.up("kafka", cause);
      this.#saidMs = 0;
    } else if (this.#saidMs === 0 || !agree(differenceMs, this.#saidMs)) {
      this.#saidMs = differenceMs;
      this.#health?.down(
        "kafka",
        `the clock of this host is ${inWords(Math.abs(differenceMs))} ` +
          `${differenceMs > 0 ? "ahead of" : "behind"} ${whose}. ` +
          "Set the clock right (NTP); nothing has to be started again",
        { cause },
      );
    }
  }
}

/** The broker's time, of which that range is so far to either side. What is unlimited is no number to reckon with. */
function timeIn(lowMs: number, highMs: number, drift: TimestampDrift | undefined): number {
  if (drift && Number.isSafeInteger(highMs)) return highMs - drift.aheadMs;
  if (drift && Number.isSafeInteger(lowMs)) return lowMs + drift.beforeMs;
  return Math.max(lowMs + differenceMsMax, highMs - aheadMsMaxDefault);
}

function agree(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) <= differenceMsMax;
}

function inWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120
    ? `${minutes} min`
    : minutes < 2_880
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${Math.round(minutes / 1_440)} days`;
}
