/**
 * A database handle that passes named points on its way: around each statement of the relay's read, and around the
 * projector's commit. The rooms are left as they are; their statements are told by their text.
 */
import type { Sql } from "../../engine/postgres/sql.ts";
import type { CrashPoints, InnerPoint } from "./crash_points.ts";

const statements: readonly {
  readonly text: RegExp;
  readonly before?: InnerPoint;
  readonly after?: InnerPoint;
}[] = [
  { text: /from outbox_mark\(/, before: "relay-before-barrier", after: "relay-after-barrier" },
  { text: /pg_snapshot_xmin\(pg_current_snapshot\(\)\) >=/, before: "relay-within-barrier" },
  {
    text: /from outbox\s+where shard = \s*and position > \s*and position <= /,
    before: "relay-before-read",
    after: "relay-after-read",
  },
];

/** Wraps the handle. `begin` is the projector's: nothing else that runs beside it begins transactions. */
export function watchedSql(sql: Sql, points: CrashPoints): Sql {
  return new Proxy(sql, {
    apply(target, self, given: Parameters<Sql>) {
      const run = () => Reflect.apply(target, self, given);
      const found = statements.find(({ text }) => text.test(textOf(given[0])));
      return found ? passing(points, found, run) : run();
    },
    get(target, name) {
      if (name !== "begin") return Reflect.get(target, name, target);
      return async (...given: unknown[]) => {
        const work = given.at(-1) as (tx: unknown) => Promise<unknown>;
        const result = await Reflect.apply(target.begin, target, [
          ...given.slice(0, -1),
          async (tx: unknown) => {
            const inner = await work(tx);
            await points.reach("projector-before-commit");
            return inner;
          },
        ]);
        await points.reach("projector-after-commit");
        return result;
      };
    },
  });
}

async function passing(
  points: CrashPoints,
  { before, after }: { readonly before?: InnerPoint; readonly after?: InnerPoint },
  run: () => Promise<unknown>,
): Promise<unknown> {
  if (before) await points.reach(before);
  const result = await run();
  if (after) await points.reach(after);
  return result;
}

/** The statement's text with nothing where its values stand. */
function textOf(template: unknown): string {
  return Array.isArray(template) ? template.join("") : "";
}
