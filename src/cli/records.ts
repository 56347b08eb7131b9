/** `records`: write lines of JSON to a topic, and read what is committed there. For trying out a flow of one's own. */
import { Command } from "commander";
import { isoTime } from "../engine/core/iso_time.ts";
import { oneLine } from "../engine/core/plain_text.ts";
import { formatPartition, type InputRecord } from "../engine/core/record.ts";
import { briefBytes } from "../engine/dead_letters/describe_bytes.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import { bytesDocument } from "../engine/dead_letters/render_dead_letters.ts";
import type { WriteOptions } from "../tools/records/write_records.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";

/** What the command does, given by who knows the services. */
export interface RecordsActions {
  /** The first committed records of the topic, so many at most. */
  read(topic: string, recordsMax: number): Promise<readonly InputRecord[]>;
  /** Writes the lines of standard input; how many records that made. */
  write(options: WriteOptions): Promise<number>;
}

interface ReadArguments {
  readonly max: number;
  readonly json?: true;
}

interface WriteArguments {
  readonly key: string;
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function recordsCommand(actions: RecordsActions): Command {
  const command = new Command("records")
    .description("Write lines of JSON to a topic, or read what is committed in one.")
    .addHelpText("after", help);
  command.command("read")
    .description("Print a topic's committed records from its beginning. No offset is moved.")
    .argument("<topic>", "the topic")
    .option("--max <n>", "at most this many", wholeNumber(1, 100_000), 100)
    .option("--json", "print one JSON document")
    .action(async (topic: string, { max, json }: ReadArguments) => {
      const found = await actions.read(topic, max + 1);
      const [records, more] = [found.slice(0, max), found.length > max];
      if (json) print(jsonDocument({ topic, records: records.map(documentOf), more }));
      else print(records.length === 0 ? `Nothing is committed in ${topic}.` : textOf(records));
      if (more) progress(`There are more: --max ${max * 10}`);
    });
  command.command("write")
    .description("Write each line of standard input, a JSON object, as a record.")
    .argument("<topic>", "the topic, which must be there: a worker makes those of its flow")
    .requiredOption("--key <field>", "the field whose text or number is the record's key")
    .option("--json", "print one JSON document")
    .action(async (topic: string, { key, json }: WriteArguments) => {
      const written = await actions.write({ topic, keyField: key });
      print(json ? jsonDocument({ topic, written }) : `Written to ${topic}: ${written} record(s).`);
    });
  return command;
}

const help = `
  echo '{"parcel_id": "a", "items": 2}' | deno task records write parcels --key parcel_id
  deno task records read labels

The embedded Kafka, or that of KAFKA_BROKERS (DATABASE_URL must be set beside it, and is not used). What
is written is in no transaction: a line that is sent twice is there twice. Records are read under
read_committed, one partition after the other.`;

function textOf(records: readonly InputRecord[]): string {
  return records.map((record) => {
    const place = `${formatPartition(record)}@${record.offset}`;
    const line = `${place}  key ${briefBytes(record.key)}  ${briefBytes(record.value, 10_000)}`;
    return wrapped(oneLine(line), "  ");
  }).join("\n");
}

function documentOf({ partition, offset, timestamp, key, value, headers }: InputRecord) {
  return {
    ...{ partition, offset, timestamp: isoTime(timestamp) ?? null },
    ...{ key: bytesDocument(key), value: bytesDocument(value) },
    headers: headers.map(([name, bytes]) => ({ name, ...bytesDocument(bytes) })),
  };
}
