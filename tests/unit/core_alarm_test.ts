import { Alarm } from "../../src/engine/core/alarm.ts";
import { assertEquals } from "../support/assert.ts";

const hour = 3_600_000;

Deno.test("an alarm ends all pauses, and keeps none that is over", async () => {
  const alarm = new Alarm();
  const { rung } = alarm;
  const pauses = [alarm.pause(hour, rung), alarm.pause(hour, rung)];
  await alarm.pause(0, rung);
  assertEquals(alarm.pausing, 2);
  alarm.ring();
  await Promise.all(pauses);
  assertEquals(alarm.pausing, 0);
});

Deno.test("an alarm that has rung during the work lets nobody pause behind it", async () => {
  const alarm = new Alarm();
  const { rung } = alarm;
  alarm.ring();
  await alarm.pause(hour, rung);
  assertEquals(alarm.pausing, 0);
});
