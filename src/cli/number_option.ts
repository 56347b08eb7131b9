/** Options that are numbers: all commands take them, and refuse them, in the same way. */
import { InvalidArgumentError } from "commander";
import { readDecimal, readWhole } from "../config/read_number.ts";

/** Reads a whole number. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = readWhole(text, low, high);
    if (value !== undefined) return value;
    throw new InvalidArgumentError(
      `It must be a whole number from ${low} to ${high}, in decimal digits.`,
    );
  };
}

/** Reads a number above 0, which may have a fraction. */
export function aboveZero(high: number): (text: string) => number {
  return (text) => {
    const value = readDecimal(text, 0, high);
    if (value) return value;
    throw new InvalidArgumentError(
      `It must be a number above 0, up to ${high}, in decimal digits.`,
    );
  };
}
