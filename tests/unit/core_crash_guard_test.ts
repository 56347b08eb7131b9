import {
  type CrashAttempts,
  CrashGuard,
  type CrashLog,
} from "../../src/engine/core/crash_guard.ts";
import { assertEquals } from "../support/assert.ts";

function memory(): CrashLog & { note: CrashAttempts; writes: number } {
  return {
    note: { offset: -1, attempts: 0 },
    writes: 0,
    read() {
      return Promise.resolve(this.note);
    },
    write(note) {
      this.note = note;
      this.writes++;
      return Promise.resolve();
    },
  };
}

const limits = { togetherMax: 2, aloneMax: 2, carefulRecords: 2 };

Deno.test("crashes at one place lead from all, to alone, to a dead letter", async () => {
  const log = memory();
  const verdicts: string[] = [];
  for (let start = 0; start < 5; start++) {
    verdicts.push((await new CrashGuard(log, limits).before(7)).kind); // and the process dies
  }
  assertEquals(verdicts, ["all", "all", "alone", "alone", "dead-letter"]);
});

Deno.test("an attempt that was survived does not count", async () => {
  const log = memory();
  for (let start = 0; start < 9; start++) {
    const guard = new CrashGuard(log, limits);
    assertEquals((await guard.before(7)).kind, "all");
    await guard.survived(7); // it waited for a dependency; then somebody killed it
  }
});

Deno.test("after its first commit a lane notes nothing more", async () => {
  const log = memory();
  const guard = new CrashGuard(log, limits);
  await guard.before(7);
  await guard.survived(7);
  guard.committed();
  const { writes } = log;
  for (const offset of [8, 9, 10]) assertEquals((await guard.before(offset)).kind, "all");
  assertEquals(log.writes, writes);
});

Deno.test("behind a dead letter records are processed alone for a while, then together", async () => {
  const log = memory();
  for (let start = 0; start < 4; start++) await new CrashGuard(log, limits).before(7);
  const guard = new CrashGuard(log, limits);
  const kinds: string[] = [];
  for (const offset of [7, 8, 9, 10]) {
    kinds.push((await guard.before(offset)).kind);
    await guard.survived(offset);
    guard.committed();
  }
  assertEquals(kinds, ["dead-letter", "alone", "all", "all"]);
});

Deno.test("care outlasts a commit that fails: the record is tried alone again", async () => {
  const log = memory();
  for (let start = 0; start < 2; start++) await new CrashGuard(log, limits).before(7);
  const guard = new CrashGuard(log, limits);
  assertEquals((await guard.before(7)).kind, "alone");
  await guard.survived(7); // and then the commit has no answer
  assertEquals((await guard.before(7)).kind, "alone");
});
