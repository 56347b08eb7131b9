/** Which topics the relay has written to: its rows name them, and no setting does. */
import type { Sql } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/** Those that any shard has written to, or was about to. */
export async function writtenTopics(sql: Sql): Promise<readonly string[]> {
  const rows = await translatingErrors(() =>
    sql<{ topic: string }[]>`select topic from outbox_topics`
  );
  return rows.map(({ topic }) => topic);
}

/** Records that these will be written to. Must be committed before they are. */
export async function recordTopics(sql: Sql, topics: readonly string[]): Promise<void> {
  await translatingErrors(() =>
    sql`
      insert into outbox_topics (topic) select unnest(${[...topics]}::text[])
      on conflict (topic) do nothing
    `
  );
}

/** Before anything is written to a topic: whoever takes over must know where to look for what was left open. */
export async function recordNewTopics(
  rows: readonly { readonly topic: string }[],
  store: { recordTopics(topics: readonly string[]): Promise<void> },
  recorded: Set<string>,
): Promise<void> {
  const topics = new Set<string>();
  for (const { topic } of rows) if (!recorded.has(topic)) topics.add(topic);
  if (topics.size === 0) return;
  await store.recordTopics([...topics]);
  for (const topic of topics) recorded.add(topic);
}
