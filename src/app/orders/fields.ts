/** What the fields of orders and invoices must look like, wherever they come from: HTTP, the topic, the tables. */
import { z } from "zod";
import { minorUnits } from "./minor_units.ts";

/**
 * Text that Postgres, Kafka and a URL can all carry: no control characters (Postgres has no NUL), no lone surrogates
 * (UTF-8 has none), no white space around it.
 */
export const plainTextPattern = /^(?!\s)[^\p{Cc}\p{Cs}]+(?<!\s)$/u;

/** {@linkcode plainTextPattern} within a length. */
export const plainText = (lengthMax: number) =>
  z.string().min(1).max(lengthMax).regex(
    plainTextPattern,
    "text without control characters or broken Unicode, and without white space around it",
  );

/**
 * An amount above zero, exactly as it will be billed: plain decimal text, at most 15 digits before the point and as many
 * decimals as any currency has. {@linkcode minorUnitsProblem} says whether the currency has as many.
 */
export const amountPattern = /^(?=.*[1-9])(0|[1-9]\d{0,14})(\.\d{1,4})?$/;

/** A currency's code, of whatever currency. */
export const currencyPattern = /^[A-Z]{3}$/;

/** What is wrong with a code in this form; undefined where an amount can be in that currency. */
export function currencyProblem(currency: string): string | undefined {
  return minorUnits(currency) === undefined
    ? `${currency} is no currency with a minor unit in ISO 4217`
    : undefined;
}

/** What is wrong with an amount in this currency; undefined where nothing is, and where the currency is not known. */
export function minorUnitsProblem(amount: string, currency: string): string | undefined {
  const decimals = minorUnits(currency);
  const point = amount.indexOf(".");
  if (decimals === undefined || point < 0 || amount.length - point - 1 <= decimals) {
    return undefined;
  }
  return decimals === 0
    ? `must have no decimals: ${currency} has none`
    : `must have at most ${decimals} decimals, as ${currency} has`;
}

/** A UUID of RFC 9562 in lower case. Neither the nil nor the max UUID: those name nothing. */
export const uuid = z.string().regex(
  /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i,
  "a UUID (RFC 9562, not nil)",
).toLowerCase();

/**
 * A time in UTC, of a day that there is, from 1970 on. Digits beyond the microsecond, which Postgres does not keep, are cut
 * off, so that they cannot be rounded up in one place and down in another.
 */
export const utcTime = z.iso.datetime({ error: "a time in UTC such as 2026-01-31T12:00:00.000Z" })
  .regex(/^(19[7-9]|[2-9]\d\d)\d-[^.]*(\.\d{1,9})?Z$/, {
    error: "a time from 1970 on, at most to the nanosecond",
  })
  .overwrite((text) => text.length > microsecondsLength ? cutToMicroseconds(text) : text);

const microsecondsLength = "2026-01-31T12:00:00.000000Z".length;

function cutToMicroseconds(text: string): string {
  return text.replace(/(\.\d{6})\d+Z$/, "$1Z");
}
