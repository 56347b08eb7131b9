/** The part of the benchmark that runs other clients beside onceflow, as `tests/peers/<name>/peer.json` describes them. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { z } from "zod";
import { compareDrains, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { notesOf, ratioOf, throughput } from "./drain_figures.ts";
import { measureLatency } from "./latency.ts";
import { latencyFigures, percentileCurve, percentilePlot } from "./latency_section.ts";
import type { MeasuredCommand } from "./measured_process.ts";
import { type Curve, type Figure, figure, type SectionResult } from "./report.ts";

const peerSchema = z.object({
  id: z.string(),
  label: z.string(),
  /** Programs that must be on the PATH. */
  needs: z.array(z.string()),
  /** Commands that build it, run in a copy of its directory. */
  prepare: z.array(z.array(z.string())),
  command: z.array(z.string()),
  /** Run in the checkout, with its import map. */
  inPlace: z.boolean().default(false),
  /** What it does: another one of ours is beside it then. */
  work: z.enum(["plain", "count"]).default("plain"),
  /** So slow that it gets a few records only, and no place among the ratios. */
  slow: z.boolean().default(false),
});
/** One of them, and where its files are. */
type Peer = z.output<typeof peerSchema> & { readonly directory: string };

const peersDirectory = fileURLToPath(new URL("../../../tests/peers", import.meta.url));
const latencyRate = 1_000;
/** What onceflow has set itself, by the peer's id: its throughput over theirs. */
const ratioTargets: Readonly<Record<string, number>> = {
  "kafkajs-batch-2000": 3.5,
  "kafkajs-batch-250": 2.7,
  "franz-go": 1,
  "confluent-python": 1,
  "kafka-streams-count": 1,
};
const warmRatioTargets: Readonly<Record<string, number>> = { "kafka-streams": 1.5 };

/** See the file's first line. */
export async function peersSection(context: BenchContext): Promise<SectionResult> {
  const { plan, services } = context;
  if (services.kafka.ssl || services.kafka.sasl) {
    throw new Error("the peers connect without TLS and without a password; use the embedded stack");
  }
  const notes: string[] = [];
  const ready: { peer: Peer; command: MeasuredCommand }[] = [];
  for (const peer of await readPeers()) {
    const outcome = await prepare(context, peer);
    if ("skipped" in outcome) notes.push(`${peer.label}: skipped, ${outcome.skipped}`);
    else ready.push({ peer, command: outcome });
  }
  const own = (work: Peer["work"]): Variant => ({
    id: ownId(work),
    label: `onceflow, exactly-once${work === "count" ? ", a count for each key" : ""}`,
    command: ownProcess("flow_child.ts"),
    records: plan.peerRecords,
    partitions: 4,
    job: { work },
  });
  const works = new Set<Peer["work"]>(["plain", ...ready.map(({ peer }) => peer.work)]);
  const variants = [
    ...[...works].map(own),
    ...ready.map(({ peer, command }): Variant => ({
      id: peer.id,
      label: peer.label,
      command,
      records: peer.slow ? plan.slowPeerRecords : plan.peerRecords,
      partitions: 4,
      job: { work: peer.work },
    })),
  ];
  const found = await compareDrains(context, "peers", variants, plan.peerRounds);
  const figures: Figure[] = variants.flatMap(({ id, label }) =>
    throughput("peers", id, label, found)
  );
  for (const { peer } of ready.filter(({ peer }) => !peer.slow)) {
    for (const [warm, targets] of [[false, ratioTargets], [true, warmRatioTargets]] as const) {
      const ratio = ratioOf(found, ownId(peer.work), peer.id, warm);
      if (!ratio) continue;
      figures.push(figure(
        `peers.${peer.id}.ratio${warm ? "_warm" : ""}`,
        peer.label,
        warm ? "onceflow to it, warm, x" : "onceflow to it, x",
        "higher",
        ratio,
        targets[peer.id],
      ));
    }
  }
  const curves: Curve[] = [];
  await using probe = await context.openProbe();
  for (const { id, label, command } of variants.filter(({ job }) => job?.work !== "count")) {
    if (found.failures.has(id) || ready.some(({ peer }) => peer.id === id && peer.slow)) continue;
    context.say(`peers: latency at ${latencyRate} a second, ${label}`);
    try {
      const latency = await measureLatency(context, probe, {
        name: `peers-latency-${id}`,
        command,
        rate: latencyRate,
        seconds: plan.latencySeconds,
        warmSeconds: plan.latencyWarmSeconds,
      });
      figures.push(...latencyFigures(`peers.${id}.latency`, label, latency));
      curves.push(percentileCurve(label, latency.histogram));
      if (latency.missing + latency.repeated > 0) {
        notes.push(`${label}: ${latency.missing} not seen in time, ${latency.repeated} seen twice`);
      }
    } catch (error) {
      context.signal.throwIfAborted();
      notes.push(`${label}, latency failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  return {
    title: "Other clients, side by side",
    about:
      `The same drain, in turn with onceflow, and latency at ${latencyRate} a second. Each is tuned as its own ` +
      `documentation recommends, runs under exactly-once, and its output is verified record by record.`,
    figures,
    plots: curves.length > 0 ? [percentilePlot(`At ${latencyRate} events a second`, curves)] : [],
    notes: [...notes, ...notesOf(found)],
  };
}

const ownId = (work: Peer["work"]) => work === "count" ? "onceflow-count" : "onceflow";

async function readPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  const names = [...Deno.readDirSync(peersDirectory)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
  for (const name of names) {
    const text = await Deno.readTextFile(join(peersDirectory, name, "peer.json"));
    for (const peer of z.array(peerSchema).parse(JSON.parse(text))) {
      peers.push({ ...peer, directory: join(peersDirectory, name) });
    }
  }
  return peers;
}

/** Copies and builds a peer; says why where that cannot be. */
async function prepare(
  context: BenchContext,
  { id, label, needs, prepare, command, inPlace, directory: source }: Peer,
): Promise<MeasuredCommand | { readonly skipped: string }> {
  for (const program of needs) {
    if (!await isThere(program)) return { skipped: `there is no ${program} on the PATH` };
  }
  const [program = "", ...args] = command;
  const run = program === "deno" ? Deno.execPath() : program;
  if (inPlace) return { command: run, args, cwd: source };
  const directory = join(context.cacheDirectory, "peers", id);
  await copyDirectory(source, directory);
  for (const [step = "", ...stepArgs] of prepare) {
    context.say(`peers: building ${label}: ${[step, ...stepArgs].join(" ")}`);
    const built = await new Deno.Command(inDirectory(step, directory), {
      args: stepArgs,
      cwd: directory,
      signal: context.signal,
    }).output();
    if (!built.success) {
      const text = new TextDecoder().decode(built.stderr) + new TextDecoder().decode(built.stdout);
      return { skipped: `${step} failed: ${text.trim().split("\n").slice(-3).join(" ")}` };
    }
  }
  return { command: inDirectory(run, directory), args, cwd: directory };
}

function inDirectory(program: string, directory: string): string {
  return program.includes("/") && !program.startsWith("/") ? join(directory, program) : program;
}

async function isThere(program: string): Promise<boolean> {
  const word = program === "go" ? "version" : "--version";
  try {
    return (await new Deno.Command(program, { args: [word], stdout: "null", stderr: "null" })
      .output()).success;
  } catch {
    return false;
  }
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyDirectory(source, target);
    else await Deno.copyFile(source, target);
  }
}
