/** Everything that a fault may touch, and what it may wait for. */
import type { Sql } from "../../engine/postgres/sql.ts";
import type { KafkaTools } from "./kafka_tool.ts";
import type { PrivateCluster } from "./private_cluster.ts";
import type { RoleEvent } from "./role_event.ts";
import type { RoleProcess } from "./role_process.ts";

/** A run under way. */
export interface Arena {
  readonly cluster: PrivateCluster;
  readonly roles: ReadonlyMap<string, RoleProcess>;
  readonly sql: Sql;
  readonly events: EventHub;
  readonly tools: KafkaTools;
  readonly ordersTopic: string;
  readonly partitionsAtStart: number;
  readonly shards: number;
  /** Starts a further worker of that name, or ends it: for rebalance storms. */
  readonly addWorker: (name: string) => RoleProcess;
  readonly removeWorker: (name: string) => Promise<void>;
  readonly log: (line: string) => void;
}

type Listener = (name: string, event: RoleEvent) => void;

/** Hands on what the processes tell. */
export class EventHub {
  readonly #listeners = new Set<Listener>();

  /** Adds a listener; call the result to take it away. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(name: string, event: RoleEvent): void {
    for (const listener of this.#listeners) listener(name, event);
  }
}

/** The process of that name. */
export function roleNamed({ roles }: Arena, name: string): RoleProcess {
  const role = roles.get(name);
  if (!role) throw new Error(`there is no process ${name}`);
  return role;
}
