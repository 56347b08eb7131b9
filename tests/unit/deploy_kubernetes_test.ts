/** The Kubernetes manifests fit the schemas of Kubernetes and KEDA, field by field, and say what the program says. */
import { Namespace, Service, ServiceAccount } from "kubernetes-models/v1";
import { Deployment } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ScaledObject, TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { parse as parseYaml, parseAllDocuments } from "yaml";
import { groupsOf } from "../../src/app/compose/roles.ts";
import { type Config, readConfig, settingNames } from "../../src/config.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { containerCommand, manifest, readRepoFile, root } from "../support/deploy_files.ts";

const folder = "src/deploy/kubernetes";
const token = "0123456789abcdef0123456789abcdef";
/** Where each kind comes from, and who looks at one. */
const kinds = {
  Namespace: ["kubernetes-models/v1", Namespace],
  Service: ["kubernetes-models/v1", Service],
  ServiceAccount: ["kubernetes-models/v1", ServiceAccount],
  Deployment: ["kubernetes-models/apps/v1", Deployment],
  Job: ["kubernetes-models/batch/v1", Job],
  NetworkPolicy: ["kubernetes-models/networking.k8s.io/v1", NetworkPolicy],
  PodDisruptionBudget: ["kubernetes-models/policy/v1", PodDisruptionBudget],
  ScaledObject: ["@kubernetes-models/keda/keda.sh/v1alpha1", ScaledObject],
  TriggerAuthentication: ["@kubernetes-models/keda/keda.sh/v1alpha1", TriggerAuthentication],
} as const;

interface Container {
  readonly name: keyof typeof ports | "migrate";
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly securityContext: unknown;
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string } } | undefined;
}

interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
  readonly containers: readonly [Container];
}

interface Resource {
  readonly kind: keyof typeof kinds;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: Pod } };
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly patch: string }[];
  readonly images: readonly { readonly newTag: string }[];
  readonly configMapGenerator: readonly { readonly literals: readonly string[] }[];
}

const kustomization = async (name: string) =>
  parseYaml(await readRepoFile(`${folder}/${name}/kustomization.yaml`)) as Kustomization;

/** Every resource that the kustomizations name. */
async function resources(): Promise<readonly Resource[]> {
  const found: Resource[] = [];
  for (const name of ["base", "keda", "operate"]) {
    for (const file of (await kustomization(name)).resources) {
      if (!file.endsWith(".yaml")) continue;
      const documents = parseAllDocuments(await readRepoFile(`${folder}/${name}/${file}`));
      for (const document of documents) {
        assertEquals([document.errors, document.warnings], [[], []], file);
        found.push(document.toJS() as Resource);
      }
    }
  }
  return found;
}

/** The pods, by the name of their container. */
async function pods(): Promise<readonly Pod[]> {
  return (await resources()).filter(({ kind }) => kind === "Deployment" || kind === "Job")
    .map(({ spec }) => spec.template.spec);
}

const base = await kustomization("base");
const shared = Object.fromEntries(
  (base.configMapGenerator[0]?.literals ?? []).map((literal) => literal.split(/=(.*)/s)),
) as Readonly<Record<string, string>>;

/** The settings that a container gets, with a secret in the place of each file that is mounted. */
function settingsOf({ env = [] }: Container): Readonly<Record<string, string>> {
  return { ...shared, ...Object.fromEntries(env.map(({ name, value }) => [name, value])) };
}

function configOf(container: Container): Config {
  const secrets: Readonly<Record<string, string>> = {
    DATABASE_URL: "postgres://onceflow@postgres/onceflow",
    API_TOKENS: `shop:all:${token}`,
  };
  const entries = Object.entries(settingsOf(container)).map(([name, value]) =>
    name.endsWith("_FILE")
      ? [name.slice(0, -"_FILE".length), secrets[name.slice(0, -"_FILE".length)] ?? token]
      : [name, value]
  );
  return readConfig(Object.fromEntries(entries));
}

const ports = {
  serve: (config: Config) => config.HTTP_PORT,
  worker: (config: Config) => config.WORKER_HTTP_PORT,
  operate: (config: Config) => config.OPERATE_HTTP_PORT,
};

Deno.test("every manifest fits the schema of its kind", async () => {
  for (const resource of await resources()) {
    const [, Kind] = kinds[resource.kind];
    const { apiVersion, ...model } = { ...resource } as unknown as { readonly apiVersion: string };
    assertEquals(apiVersion, Kind.apiVersion, resource.metadata.name);
    new Kind(model as never).validate();
  }
});

Deno.test("no manifest has a field that its kind does not know", async () => {
  // The schemas let such fields pass, and so does kubectl without --validate=strict; the compiler does not.
  const all = await resources();
  const lines = all.flatMap((resource, at) => [
    `import type { I${resource.kind} as Kind${at} } from "${kinds[resource.kind][0]}";`,
    `export const resource${at}: Kind${at} = ${JSON.stringify(resource)};`,
  ]);
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, lines.join("\n"));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--config", "deno.json", file],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("containers run what the tasks run, with settings that exist", async () => {
  const names: string[] = [];
  for (const { containers: [container] } of await pods()) {
    names.push(container.name);
    assertEquals(container.args, containerCommand(container.name));
    const unknown = Object.keys(settingsOf(container)).filter((name) =>
      !settingNames.includes(name)
    );
    assertEquals(unknown, [], container.name);
    configOf(container);
  }
  assertEquals(names.toSorted(), ["migrate", "operate", "serve", "worker"]);
  assertEquals(base.images[0]?.newTag, manifest.version);
});

Deno.test("serve hands on to the service of operate, and may reach it", async () => {
  const patches = (await kustomization("operate")).patches?.map(({ patch }) =>
    (parseYaml(patch) as readonly { readonly path: string; readonly value: unknown }[])[0]
  );
  const [url, egress] = patches ?? [];
  assertEquals(url?.path, "/spec/template/spec/containers/0/env/-");
  assertEquals(url?.value, { name: "OPERATE_URL", value: "http://onceflow-operate" });
  const all = await resources();
  assert(
    all.some(({ kind, metadata }) => kind === "Service" && metadata.name === "onceflow-operate"),
  );
  const { to } = egress?.value as { readonly to: readonly unknown[] };
  assertEquals(to, [
    { podSelector: { matchLabels: { "app.kubernetes.io/component": "operate" } } },
  ]);
});

Deno.test("serve and worker are asked where they listen, and get the time that they need to stop", async () => {
  for (const { containers: [container], terminationGracePeriodSeconds = 0 } of await pods()) {
    if (container.name === "migrate") continue;
    const config = configOf(container);
    assertEquals(container.ports?.[0]?.containerPort, ports[container.name](config));
    assertEquals(config.HTTP_HOST, "0.0.0.0");
    assertEquals(container.livenessProbe?.httpGet.path, "/healthz");
    assertEquals(container.readinessProbe?.httpGet.path, "/readyz");
    const drainMs = container.name === "serve" ? config.HTTP_DRAIN_MS : 0;
    assert(terminationGracePeriodSeconds * 1000 > drainMs + config.SHUTDOWN_MS_MAX + 2_000);
  }
});

Deno.test("no pod is root, writes to its root or has a token of the cluster", async () => {
  const [, user] = (await readRepoFile("src/deploy/Dockerfile")).match(/^USER (\d+):/m) ?? [];
  for (const pod of await pods()) {
    assertEquals([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false]);
    assertEquals(pod.securityContext.runAsNonRoot, true);
    assertEquals(String(pod.securityContext.runAsUser), user);
    assertEquals(pod.containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  }
});

Deno.test("KEDA looks at the group and the topic of the flow, and makes no more workers than partitions", async () => {
  const scaled = (await resources()).find(({ kind }) => kind === "ScaledObject") as unknown as {
    readonly spec: {
      readonly maxReplicaCount: number;
      readonly triggers: readonly { readonly metadata: Readonly<Record<string, string>> }[];
    };
  };
  const config = readConfig({});
  const { consumerGroup, topic, bootstrapServers } = scaled.spec.triggers[0]?.metadata ?? {};
  assertEquals([consumerGroup, topic], [groupsOf(config).invoicing, config.ORDERS_TOPIC]);
  assertEquals(bootstrapServers, shared.KAFKA_BROKERS);
  assertEquals(scaled.spec.maxReplicaCount, config.TOPIC_PARTITIONS);
});
