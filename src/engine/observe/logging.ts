/**
 * Sets up the log: where its lines go and how they look. It never writes to stdout, which belongs to a command's own
 * document, and never prints a secret.
 */
import { plainText } from "../core/plain_text.ts";
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  isLogLevel,
  type LogRecord,
  type TextFormatter,
} from "../packages/logtape.ts";
import { redactSecrets, redactText } from "./redact.ts";
import { currentTraceId, tracingOn } from "./traces.ts";

/** The levels of the setting LOG_LEVEL. */
export type LoggingLevel = "trace" | "debug" | "info" | "warning" | "error";

/** How the log is to look. */
export interface LoggingOptions {
  /** Lines below it are dropped. */
  readonly level: LoggingLevel;
  /** `text` for people (the default), `json` for programs: one object a line. */
  readonly format?: "text" | "json";
  /** Takes each line with its line break; stderr where absent. */
  readonly write?: (line: string) => void;
  /** Colours and short times; where absent, only when stderr is a terminal and NO_COLOR is not set. */
  readonly terminal?: boolean;
}

/**
 * Configures the whole process; the last call holds. A line is written before the logging call returns, so that nothing
 * is left to flush when the process exits or is killed.
 *
 * @throws {TypeError} for a level that is none of {@linkcode LoggingLevel}
 */
export function configureLogging(options: LoggingOptions): void {
  const traceId = tracingOn() ? currentTraceId : undefined;
  const { level, format = "text", write = writeToStderr } = options;
  if (!isLogLevel(level)) {
    throw new TypeError(
      `Cannot log at level "${level}": it is trace, debug, info, warning or error`,
    );
  }
  const colours = format === "text" && (options.terminal ?? Deno.stderr.isTerminal()) &&
    !Deno.noColor;
  const render = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : textFormatter(colours);
  // Colours are what it must not take away.
  const plain = colours ? (line: string) => line : plainText;
  configureSync({
    reset: true,
    sinks: {
      lines: (record) => write(plain(lineOf(render, withTraceId(record, traceId?.())))),
    },
    loggers: [
      { category: ["onceflow"], sinks: ["lines"], lowestLevel: level },
      // The library's own logger: it would announce itself at the first line and complain about its own sinks.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
}

/** In the span of a request or record, its trace stands beside what the line says. */
function withTraceId(record: LogRecord, traceId: string | undefined): LogRecord {
  if (traceId === undefined) return record;
  return { ...record, properties: { trace_id: traceId, ...record.properties } };
}

function lineOf(render: TextFormatter, record: LogRecord): string {
  return redactText(
    render({
      ...record,
      message: record.message.map((part) => safePart(redactSecrets(part))),
      properties: Object.fromEntries(
        Object.entries(record.properties).map((
          [name, value],
        ) => [name, redactSecrets(value, name)]),
      ),
    }),
  );
}

/** Before colours are put in. */
function safePart(part: unknown): unknown {
  return typeof part === "string" ? plainText(part) : part;
}

function textFormatter(colours: boolean): TextFormatter {
  const category = (names: readonly string[]) => names.slice(1).join(".") || "onceflow";
  return colours
    ? getAnsiColorFormatter({ timestamp: "time", timeZone: null, category, value: "bare" })
    : getTextFormatter({ timestamp: "rfc3339", category, value: "bare" });
}

const encoder = new TextEncoder();

/** Whole lines, in order. A reader that is gone (`2>&1 | head`) must not take the worker down: its lines are lost. */
function writeToStderr(line: string): void {
  try {
    let rest = encoder.encode(line);
    while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
  } catch {
    // There is no other place to say it.
  }
}
