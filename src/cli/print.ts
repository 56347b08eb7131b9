/** Prints a command's document on stdout: the one way there, so that data cannot steer the terminal. */
import { plainText } from "../engine/core/plain_text.ts";

/** Text for people, or JSON. */
export function print(text: string): void {
  console.log(plainText(text));
}
