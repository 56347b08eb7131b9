/** Faults of settings: what others may change on a shared cluster or database while the pipeline runs, and change back. */
import { delay } from "../../../engine/core/delay.ts";
import type { Arena } from "../arena.ts";
import type { FaultKind } from "../fault.ts";
import { setTopicSetting } from "../kafka_tool.ts";
import { sequenceTopics } from "../sequence_flow.ts";
import { endSessions, insist } from "./database_sessions.ts";

/** Far below REQUEST_BYTES_MAX of the run, far above one record of it. */
const smallMessageBytes = "1500";
/** As a new broker has it. */
const usualMessageBytes = "1048588";

/** Values that are legal and that nobody has: each changes what a statement reads or writes. */
const unusualSettings: Readonly<Record<string, string>> = {
  bytea_output: "escape",
  datestyle: "SQL, DMY",
  intervalstyle: "sql_standard",
  timezone: "Asia/Kathmandu",
  extra_float_digits: "-5",
  default_transaction_isolation: "repeatable read",
  synchronous_commit: "off",
  standard_conforming_strings: "off",
};

/** All of them. */
export function settingsFaults(): FaultKind[] {
  return [
    {
      kind: "a topic's largest batch is made smaller",
      track: "infrastructure",
      weight: 1,
      draw: (random) => ({
        victim: random.pick([sequenceTopics.input, sequenceTopics.output]),
        amounts: { forMs: random.integer(1_000, 4_000) },
      }),
      async strike({ tools }, { victim, amounts }, signal) {
        const name = "max.message.bytes";
        // It may be set although the answer was lost.
        const isSmall = await setTopicSetting(tools, victim, name, smallMessageBytes);
        await delay(amounts.forMs ?? 1_000, signal).catch(() => {});
        await insist(async () => {
          if (await setTopicSetting(tools, victim, name, usualMessageBytes)) return;
          throw new Error(`${victim} still takes ${smallMessageBytes} bytes only`);
        });
        return isSmall;
      },
    },
    {
      kind: "the database's settings are unusual",
      track: "infrastructure",
      weight: 1,
      draw: (random) => ({
        victim: "postgres",
        amounts: { forMs: random.integer(1_000, 4_000) },
      }),
      strike: unusualDatabase,
    },
  ];
}

/** Sessions take a database's settings when they begin: the ones that are open are ended. */
async function unusualDatabase(
  { sql }: Arena,
  { amounts }: { readonly amounts: Readonly<Record<string, number>> },
  signal: AbortSignal,
): Promise<boolean> {
  const names = Object.keys(unusualSettings);
  const ended = await setAll(
    sql,
    names.map((name) => `alter database onceflow set ${name} to '${unusualSettings[name]}'`),
  );
  await delay(amounts.forMs ?? 1_000, signal).catch(() => {});
  await insist(() => setAll(sql, names.map((name) => `alter database onceflow reset ${name}`)));
  return ended > 0;
}

async function setAll(sql: Arena["sql"], statements: readonly string[]): Promise<number> {
  for (const statement of statements) await sql.unsafe(statement);
  return await endSessions(sql);
}
