/** `worker transactions` as an operator runs it, on a cluster of the test's. */
import { transactionsCommand } from "../../src/cli/transactions.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";

/** What it printed, what it asked, and the error that it ended with. */
export interface SaidAndAsked {
  readonly stdout: string;
  readonly asked: readonly string[];
  readonly error: unknown;
}

/** Runs it; each question has this answer. */
export async function runTransactions(
  client: KafkaClient,
  args: readonly string[],
  answer = false,
): Promise<SaidAndAsked> {
  const { log } = console;
  const asked: string[] = [];
  let stdout = "";
  console.log = (text: string) => void (stdout += `${text}\n`);
  try {
    await transactionsCommand({
      withClient: (act) => act(client, (_deed, act) => act()),
      confirm: (question) => (asked.push(question), answer),
    }).parseAsync(args, { from: "user" });
    return { stdout, asked, error: undefined };
  } catch (error) {
    return { stdout, asked, error };
  } finally {
    console.log = log;
  }
}
