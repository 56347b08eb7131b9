/** `deno task forgotten` explains itself, and refuses what it does not know before it starts a cluster. */
import { CommanderError } from "commander";
import {
  matrixCommand,
  type MatrixOptions,
  roleNames,
} from "../support/forgotten/matrix_options.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

function parsed(...args: string[]): MatrixOptions {
  return matrixCommand().parse(args, { from: "user" }).opts<MatrixOptions>();
}

/** What is said, and with which code it ends. */
function ended(...args: string[]): { readonly said: string; readonly exitCode: number } {
  let said = "";
  const write = (text: string) => void (said += text);
  const command = matrixCommand().configureOutput({ writeOut: write, writeErr: write });
  const end = () => command.parse(args, { from: "user" });
  return { exitCode: assertThrows(end, CommanderError).exitCode, said };
}

Deno.test("forgotten --help explains its words and starts nothing", () => {
  const { exitCode, said } = ended("--help");
  assertEquals(exitCode, 0);
  for (const word of ["--kafka", "--coordinator", "--steps", "--ends", ...roleNames]) {
    assertStringIncludes(said, word);
  }
});

Deno.test("forgotten refuses words that it does not know", () => {
  const wrong = [
    ["--kafak", "4.3.1"],
    ["4.3.1"],
    ["--kafka"],
    ["--kafka", "latest"],
    ["--roles", "flow,rely"],
    ["--steps", "before"],
    ["--ends", "abort"],
    ["--coordinator", "3"],
  ];
  for (const args of wrong) {
    const { exitCode, said } = ended(...args);
    assertEquals([args, exitCode], [args, 1]);
    assertStringIncludes(said, "error: ");
  }
});

Deno.test("forgotten tries all where nothing is said, and what is said where it is", () => {
  const { kafka, coordinator, roles, steps, ends } = parsed();
  assertEquals(kafka, ["4.2.2", "4.3.1"]);
  assertEquals([coordinator.length, roles.length, steps.length, ends.length], [2, 5, 3, 2]);
  const some = parsed("--kafka", "4.4.0", "--roles", "relay,flow", "--coordinator", "2");
  assertEquals([some.kafka, some.roles, some.coordinator], [["4.4.0"], ["relay", "flow"], ["2"]]);
});
