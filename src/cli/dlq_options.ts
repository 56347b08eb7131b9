/** The options that the commands on dead letters share, and how their arguments are read. */
import type { Audit } from "../app/compose/audited.ts";
import { Buffer } from "node:buffer";
import { type Command, InvalidArgumentError } from "commander";
import {
  type DeadLetterAddress,
  parseAddress,
} from "../engine/dead_letters/dead_letter_address.ts";
import { parseFingerprint } from "../engine/dead_letters/fingerprint.ts";
import type { DeadLetterStore } from "../engine/dead_letters/list_dead_letters.ts";
import type { Selection } from "../engine/dead_letters/select_dead_letters.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

/** What the commands are given by whoever mounts them. */
export interface DlqActions {
  /** Asks a person; false without a terminal. */
  confirm(question: string): boolean;
  /**
   * Opens the named dead-letter topic, or the one of the settings, and closes it when `act` is done. The signal fires at
   * SIGINT and SIGTERM.
   */
  withStore<T>(
    topic: string | undefined,
    act: (store: DeadLetterStore, signal: AbortSignal, audit: Audit) => Promise<T>,
  ): Promise<T>;
}

/** Options of all. */
export interface CommonArguments {
  readonly dlq?: string;
  readonly json?: boolean;
}

/** Options of those that select. */
export interface SelectionArguments extends CommonArguments {
  readonly topic?: string;
  readonly class?: string;
  readonly fingerprint?: string;
  readonly key?: string;
  readonly keyHex?: Uint8Array;
}

/** Adds the options of all. */
export function withCommon(command: Command): Command {
  return command
    .option("--dlq <topic>", "the dead-letter topic (default: DEAD_LETTERS_TOPIC)")
    .option("--json", "print one JSON document");
}

/** Adds the filters. */
export function withSelection(command: Command): Command {
  return command
    .option("--topic <topic>", "only those that came from this topic")
    .option("--class <class>", "only those that failed with this class of error")
    .option("--fingerprint <hex>", "only those of this cause (dlq groups)", fingerprint)
    .option("--key <text>", "only those of this key")
    .option("--key-hex <hex>", "the same, for a key that is not text", hexBytes);
}

/** The filters that were given. */
export function selectionOf(
  { topic, class: errorClass, fingerprint, key: text, keyHex }: SelectionArguments,
): Selection {
  const key = keyHex ?? (text === undefined ? undefined : keyBytes(text));
  return { topic, errorClass, fingerprint, key };
}

/** A key that was given as text. */
export function keyBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Reads one address. */
export function address(text: string): DeadLetterAddress {
  return parsed(parseAddress, text);
}

function fingerprint(text: string): string {
  return parsed(parseFingerprint, text);
}

function parsed<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** Collects addresses. */
export function addressList(
  text: string,
  before: readonly DeadLetterAddress[],
): DeadLetterAddress[] {
  return [...before, address(text)];
}

/** Reads a number of records, rounds or seconds. */
export const countFromOne = wholeNumber(1, 999_999_999);

/** Reads bytes in hexadecimal. */
export function hexBytes(text: string): Uint8Array {
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  throw new InvalidArgumentError("It must be pairs of hexadecimal digits.");
}

/** Prints one JSON document. */
export function printJson(document: unknown): void {
  print(jsonDocument(document));
}
