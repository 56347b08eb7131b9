/** Prints a command's document on stdout: the one way there, so that data cannot steer the terminal. */
import { plainText } from "../engine/core/plain_text.ts";

let count = 0;

/** How often something was printed: a command that fails owes a document only where it has printed none. */
export const printedSoFar = () => count;

/** Text for people, or JSON. */
export function print(text: string): void {
  count++;
  console.log(plainText(text));
}
