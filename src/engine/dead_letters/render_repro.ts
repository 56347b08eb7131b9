/** Writes a test that gives a flow the exact bytes of a dead letter. Pure; the file that it makes runs as it is. */
import { timeText } from "../core/iso_time.ts";
import { Buffer } from "node:buffer";
import { type Header, headerText } from "../core/record.ts";
import { redrivenForHeader } from "../core/redriven_for.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { brief } from "./describe_bytes.ts";
import { parkedHeader } from "../core/parked_header.ts";
import { parkedErrorClass } from "./parked_keys.ts";
import { type DeadLetter, originalHeaders } from "./read_dead_letter.ts";

/** Where the flow is found that the test imports. */
export interface FlowImport {
  /** As it stands behind `from`, such as `./flow.ts`. */
  readonly module: string;
  /** The name under which the module exports it. */
  readonly name: string;
}

/** As a project of anybody's imports it. */
const testingModule = "@onceflow/onceflow/testing";

/** The test, or why there can be none. */
export type Repro = { readonly text: string } | { readonly refused: string };

/**
 * A test that passes for as long as the flow fails on this record as it did. Bytes that are plain text stand as text, all
 * others in base64. Without the headers that name the group and the queue of the real flow, which is another one in a test.
 */
export function renderRepro(deadLetter: DeadLetter, flow: FlowImport): Repro {
  const { record, origin, errorClass, error, attempts, groupId, missing } = deadLetter;
  const name = `dead letter ${formatAddress(record)} of ${record.topic}`;
  if (missing !== undefined) return { refused: `Cannot reproduce ${name}: ${brief(missing, 500)}` };
  if (errorClass === parkedErrorClass) {
    return {
      refused:
        `Cannot reproduce ${name}: nothing was tried with it, it only follows another one of ` +
        `its key (${brief(error, 200)}). "deno task dlq list --key" shows that one`,
    };
  }
  const partition = origin?.partition ?? 0;
  const timestamp = deadLetter.originalTimestamp ?? record.timestamp;
  const headers = headersOf(deadLetter);
  const fields = [
    ...(origin ? [`topic: ${quoted(origin.topic)},`] : []),
    `partition: ${partition},`,
    ...(origin ? [`offset: ${origin.offset},`] : []),
    `timestamp: ${timestamp}, // ${timeText(timestamp)}`,
    `key: ${literal(record.key)},`,
    `value: ${literal(record.value)},`,
    ...(headers.length > 0
      ? ["headers: [", ...headers.map((header) => `  ${headerLiteral(header)},`), "],"]
      : []),
  ];
  const body = [
    `await testFlow(${flow.name}, { partitions: ${partition + 1} })`,
    "  .givenRecords({",
    ...fields.map((line) => `    ${line}`),
    "  })",
    "  // As it failed. Once the flow is mended, say here what it must do with this record.",
    `  .expectDeadLetters([{ errorClass: ${quoted(errorClass)} }])`,
    "  .expectNothingElse();",
  ];
  const usesBytes = body.some((line) => line.includes("bytes("));
  return {
    text: [
      ...comment([
        `${name[0]?.toUpperCase()}${name.slice(1)}, as flow ${
          groupId || "(unknown)"
        } gave it up after ` +
        `${attempts} attempt(s), ${timeText(record.timestamp)}:`,
        `${brief(errorClass, 200)}: ${brief(error, 1_000)}`,
      ]),
      ...(usesBytes ? [`import { Buffer } from "node:buffer";`] : []),
      `import { testFlow } from ${JSON.stringify(testingModule)};`,
      `import { ${flow.name} } from ${JSON.stringify(flow.module)};`,
      "",
      ...(usesBytes
        ? ['const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));', ""]
        : []),
      `Deno.test(${JSON.stringify(name)}, async () => {`,
      ...body.map((line) => `  ${line}`),
      "});",
    ].join("\n"),
  };
}

/** Text of others must not end the comment. */
function comment(lines: readonly string[]): readonly string[] {
  return ["/**", ...lines.map((line) => ` * ${line.replaceAll("*/", "*\\/")}`), " */"];
}

function headersOf({ record, groupId }: DeadLetter): readonly Header[] {
  return originalHeaders(record.headers).filter(([name]) =>
    name !== parkedHeader &&
    !(name === redrivenForHeader && headerText(record.headers, name) === groupId)
  );
}

function headerLiteral([name, value, nameBytes]: Header): string {
  const parts = [quoted(name), literal(value)];
  return `[${[...parts, ...(nameBytes ? [base64(nameBytes)] : [])].join(", ")}]`;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What is not to be seen, or changes what is. */
const unreadable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text as source text, letter by letter. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    unreadable,
    (letters) =>
      letters.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

/** The bytes as source text: as text where nothing of it could be misread. */
function literal(bytes: Uint8Array | null): string {
  if (bytes === null) return "null";
  try {
    const text = utf8.decode(bytes);
    return text.search(unreadable) >= 0 ? base64(bytes) : JSON.stringify(text);
  } catch {
    return base64(bytes);
  }
}

function base64(bytes: Uint8Array): string {
  return `bytes("${Buffer.from(bytes).toString("base64")}")`;
}
