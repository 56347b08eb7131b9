/** `worker transactions`: what partitions hold open, whose it is and how it ended, and the operator's decision. */
import { Command, InvalidArgumentError } from "commander";
import type { Audit } from "../app/compose/audited.ts";
import { formatPartition } from "../engine/core/record.ts";
import { askClusterTime } from "../engine/kafka/cluster_time.ts";
import {
  applyEnd,
  EndRefusedError,
  type OpenTransactions,
  planEnd,
  showTransactions,
} from "../engine/kafka/end_by_decision.ts";
import type { ExaminedTransaction } from "../engine/kafka/examine_transactions.ts";
import type { KafkaClient } from "../engine/kafka/kafka_client.ts";
import type { Outcome } from "../engine/kafka/transaction_outcome.ts";
import { askFirst } from "./ask_first.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { isUnproved, transactionRow, transactionsText } from "./transactions_text.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** What the command is given by whoever mounts it. */
export interface TransactionsActions {
  /** Finds the services; the client connects when it is used. */
  withClient<T>(act: (client: KafkaClient, audit: Audit) => Promise<T>): Promise<T>;
  /** Asks the operator; false where there is nobody to ask. */
  confirm(question: string): boolean;
}

interface TransactionsArguments {
  readonly topic?: string;
  readonly partition?: string;
  readonly producer?: bigint;
  readonly commit?: boolean;
  readonly abort?: boolean;
  readonly proved?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** The command, ready to be mounted under `worker`. */
export function transactionsCommand(actions: TransactionsActions): Command {
  return new Command("transactions")
    .description(
      "List the transactions that partitions hold open, and end those that Kafka forgot.",
    )
    .option("--topic <topic>", "only this topic and the committed offsets; all topics where absent")
    .option("--partition <topic-n>", "the partition of the transaction to end")
    .option("--producer <id>", "its producer id", producerId)
    .option("--commit", "end it there by commit: its records count")
    .option("--abort", "end it there by abort: its records are dropped")
    .option("--proved", "end all that are forgotten and proved, each as it ended elsewhere")
    .option("--yes", "do not ask")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action((args: TransactionsArguments) =>
      actions.withClient(async (client, audit) => {
        const decisions = decisionsOf(args);
        const found = await showTransactions(client, args.topic ? [args.topic] : undefined);
        const chosen = decisions(found);
        report(found, (await askClusterTime(client)).ms, args.json);
        if (!chosen) {
          if (found.examined.some(({ kind }) => kind === "forgotten")) {
            throw new FindingError("transactions that Kafka has forgotten");
          }
          return;
        }
        for (const [one, outcome] of chosen) {
          await end({ ...actions, audit }, client, args, one, outcome);
        }
        if (chosen.length === 0) progress("Nothing is both forgotten and proved.");
        if (args.proved && found.examined.some(isUnproved)) {
          throw new FindingError("transactions that Kafka has forgotten, without a proof");
        }
      })
    );
}

const help = `
A transaction is "forgotten" when its coordinator is done with it and a partition never got its marker: Kafka 4.3.0,
4.3.1 and 4.4.0 skip a partition that has no leader at that moment. Readers of committed records get no further there,
and it never ends by itself. Workers end their own, and those on the topics they read, where it is proved how they ended.

Its second line says what proves it: the coordinator, or a marker of the same transaction in another partition. What is
proved is ended by --proved. Where there is no proof, find out what happened to the same transaction elsewhere (did its
offset move? are its other outputs there?), and name it by --partition and --producer with --commit or --abort.
It refuses a transaction that is still under way, and an outcome that contradicts the proof.

Kafka's own "kafka-transactions.sh abort" is the wrong tool here: it always aborts. It tears a transaction that was
committed elsewhere: its outputs are there and its offset is not, so they are written again; or its records are
dropped where its offset has moved on.

Exit code 1 when something is forgotten and nothing was decided, or --proved has left what is not proved. Ending takes the right to ALTER the cluster.`;

type Chosen = readonly (readonly [ExaminedTransaction, Outcome])[];

/** Fails at once where the arguments do not fit together. */
function decisionsOf(
  { partition, producer, commit, abort, proved }: TransactionsArguments,
): (found: OpenTransactions) => Chosen | undefined {
  if ([commit, abort, proved].filter(Boolean).length > 1) {
    throw new EndRefusedError("--commit, --abort and --proved exclude each other");
  }
  if (proved) {
    return ({ examined }) =>
      examined.flatMap((one) =>
        one.kind === "forgotten" && one.outcome ? [[one, one.outcome] as const] : []
      );
  }
  if (!commit && !abort) {
    if (partition === undefined && producer === undefined) return () => undefined;
    throw new EndRefusedError("Say how it ended: --commit or --abort");
  }
  if (partition === undefined || producer === undefined) {
    throw new EndRefusedError("Name the transaction to end by --partition and --producer");
  }
  const outcome = commit ? "commit" : "abort";
  return (found) => [[planEnd(found, { partition, producerId: producer, outcome }), outcome]];
}

function report(found: OpenTransactions, nowMs: number, json: boolean | undefined): void {
  if (!json) return print(transactionsText(found, nowMs));
  const { examined, leaderless, refused } = found;
  print(
    jsonDocument({
      transactions: examined.map((one) => transactionRow(one, nowMs)),
      leaderless,
      refused,
    }),
  );
}

async function end(
  actions: TransactionsActions & { readonly audit: Audit },
  client: KafkaClient,
  { yes }: TransactionsArguments,
  one: ExaminedTransaction,
  outcome: Outcome,
): Promise<void> {
  const where = `${formatPartition(one.part)} (producer id ${one.part.producerId})`;
  const grounds = one.proof ?? "nothing proves that it ended so: the decision is yours";
  askFirst(`End it in ${where} by ${outcome}? (${grounds})`, { yes, confirm: actions.confirm });
  const detail = { outcome, producerId: String(one.part.producerId), grounds };
  const deed = { action: "worker transactions", target: formatPartition(one.part), detail };
  await actions.audit(deed, () => applyEnd(client, one, outcome));
  progress(`Ended in ${where} by ${outcome}.`);
}

function producerId(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("It must be a whole number from 0 on.");
}
