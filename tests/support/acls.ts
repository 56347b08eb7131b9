/** Grants what the table of src/rights.md says, and takes it away again. The table is the only list there is. */
import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "kafkajs";
import { delay } from "../../src/engine/core/delay.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { root } from "./services.ts";

const operations = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
  Alter: AclOperationTypes.ALTER,
} as const;

/** What may be done. */
export type Operation = keyof typeof operations;

const resources = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  "transactional id": AclResourceTypes.TRANSACTIONAL_ID,
  cluster: AclResourceTypes.CLUSTER,
} as const;

/** One rule. */
export interface Grant {
  readonly operation: Operation;
  readonly resource: keyof typeof resources;
  /** With `*` at its end where it is a prefix. */
  readonly name: string;
}

/** The rules of each role, by what the table of src/rights.md calls it. */
export async function documentedGrants(): Promise<ReadonlyMap<string, readonly Grant[]>> {
  const page = await Deno.readTextFile(`${root}src/rights.md`);
  const section = page.split(/^## /m).find((text) => text.startsWith("What each role may do"));
  const rows = section?.match(/^\|.*$/gm)?.slice(2) ?? [];
  return new Map(rows.map((row) => {
    const [, role = "", topics = "", groups = "", ids = ""] = row.split("|").map((cell) =>
      cell.trim()
    );
    const grants = [
      ...grantsOf("topic", topics),
      ...grantsOf("group", groups),
      ...grantsOf("transactional id", ids),
    ];
    return [role.replaceAll("`", ""), grants];
  }));
}

/** `Read, Write: a, b; Write: c`, each name in back quotes. */
function grantsOf(resource: Grant["resource"], cell: string): Grant[] {
  return cell.split(";").filter((part) => part.trim()).flatMap((part) => {
    const [words = "", names = ""] = part.split(":");
    return words.split(",").flatMap((word) => {
      const operation = word.trim();
      if (!(operation in operations)) {
        throw new Error(`src/rights.md has an operation "${operation}"`);
      }
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => ({
        ...{ operation: operation as Operation, resource, name },
      }));
    });
  });
}

/** The rules of one cluster, changed by somebody who may. Each change resolves when the broker goes by it. */
export interface Acls extends AsyncDisposable {
  /** By user. */
  grant(grants: Readonly<Record<string, readonly Grant[]>>): Promise<void>;
  revoke(grants: Readonly<Record<string, readonly Grant[]>>): Promise<void>;
}

/** Connects. */
export async function openAcls({ settings }: KafkaClient): Promise<Acls> {
  const admin = new Kafka({ brokers: [...settings.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  /** The controller answers before the broker has heard of it. */
  const heard = async (entries: readonly AclEntry[], there: boolean) => {
    while (true) {
      const { resources } = await admin.describeAcls(any);
      const now = new Set(
        resources.flatMap(({ resourceType, resourceName, acls }) =>
          acls.map((acl) => keyOf({ ...acl, resourceType, resourceName }))
        ),
      );
      if (entries.every((entry) => now.has(keyOf(entry)) === there)) return;
      await delay(10);
    }
  };
  const entriesOf = (grants: Readonly<Record<string, readonly Grant[]>>) =>
    Object.entries(grants).flatMap(([user, own]) => own.map((grant) => entryOf(user, grant)));
  return {
    async grant(grants) {
      const acl = entriesOf(grants);
      await admin.createAcls({ acl });
      await heard(acl, true);
    },
    async revoke(grants) {
      const filters = entriesOf(grants);
      await admin.deleteAcls({ filters });
      await heard(filters, false);
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

const any = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
};

function keyOf(
  { principal, resourceType, resourceName, operation }: Pick<
    AclEntry,
    "principal" | "resourceType" | "resourceName" | "operation"
  >,
): string {
  return `${principal} ${resourceType} ${resourceName} ${operation}`;
}

function entryOf(user: string, { operation, resource, name }: Grant): AclEntry {
  return {
    resourceType: resources[resource],
    resourceName: resource === "cluster" ? "kafka-cluster" : name.replace(/\*$/, ""),
    resourcePatternType: name.endsWith("*")
      ? ResourcePatternTypes.PREFIXED
      : ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: "*",
    operation: operations[operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}
