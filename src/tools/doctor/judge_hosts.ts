/** Judges clocks against this host's, and the disks of brokers. Pure. */
import type { LogDir } from "../../engine/kafka/log_dirs.ts";
import { type Finding, not, right } from "./finding.ts";
import { inBytes } from "./judge_postgres.ts";

/** What a clock showed, and when that was by this host's. */
export interface ClockSighting {
  readonly theirsMs: number;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** Above it records get the broker's time, and the worker is not ready. */
const differenceMsMax = 60_000;
const differenceMsUsualMax = 2_000;

/** How far it goes before this host's. The answer may have been made at any time between question and answer. */
export function judgeClock(whose: string, sighting: ClockSighting): Finding {
  const subject = "clock";
  const { theirsMs, askedAtMs, answeredAtMs } = sighting;
  const ahead = theirsMs > answeredAtMs
    ? theirsMs - answeredAtMs
    : Math.min(0, theirsMs - askedAtMs);
  if (Math.abs(ahead) <= differenceMsUsualMax) {
    return right(subject, `${whose} and this host agree within ${differenceMsUsualMax / 1_000} s`);
  }
  const off = `${(Math.abs(ahead) / 1_000).toFixed(1)} s`;
  const text = `${whose} is ${off} ${ahead > 0 ? "ahead of" : "behind"} this host`;
  const remedy = "set the clocks right (NTP), of this host first; nothing has to be started again";
  if (Math.abs(ahead) > differenceMsMax) {
    return not(
      "wrong",
      subject,
      `${text}: times of events are wrong, and brokers refuse or delete records of wrong times`,
      remedy,
    );
  }
  return not("warning", subject, `${text}: latencies that are measured are wrong by that`, remedy);
}

/** The disks of one broker. */
export interface BrokerDisks {
  readonly nodeId: number;
  readonly dirs: readonly LogDir[];
}

const usableShareMin = 0.15;
const usableBytesMin = 1_000_000_000;

/** What is nearly full, or failed. */
export function judgeDisks(brokers: readonly BrokerDisks[]): Finding[] {
  const subject = "disk";
  const all = brokers.flatMap(({ nodeId, dirs }) => dirs.map((dir) => ({ nodeId, ...dir })));
  const findings = all.flatMap(({ nodeId, path, errorCode, totalBytes, usableBytes }) => {
    const where = `broker ${nodeId}, ${path}`;
    if (errorCode !== 0) {
      const text =
        `${where}: the broker cannot use it; what is on it has one replica less, or none`;
      return [not("wrong", subject, text, "look into that broker's log, and replace the disk")];
    }
    if (totalBytes < 0 || usableBytes < 0) return [];
    if (usableBytes >= usableBytesMin && usableBytes >= totalBytes * usableShareMin) return [];
    return [
      not(
        usableBytes < usableBytesMin ? "wrong" : "warning",
        subject,
        `${where}: ${inBytes(usableBytes)} of ${
          inBytes(totalBytes)
        } are left; a broker whose disk is full stops`,
        "make room or add a disk; src/deploy/sizing.md says what takes how much",
      ),
    ];
  });
  if (findings.length > 0) return findings;
  const told = all.filter(({ usableBytes }) => usableBytes >= 0);
  const [least] = told.toSorted((a, b) => a.usableBytes - b.usableBytes);
  if (!least) {
    return [not("not_told", subject, "the brokers do not tell what their disks have left")];
  }
  const text = `${inBytes(least.usableBytes)} of ${
    inBytes(least.totalBytes)
  } are left on the fullest`;
  return [right(subject, text)];
}
