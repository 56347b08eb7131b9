/** Installs every patch of kafkajs once per process, before its parts are used. */
import { patchBoundedDisconnect } from "./bounded_disconnect.ts";
import { patchBrokerReady } from "./broker_ready.ts";
import { patchClusterRetry } from "./cluster_retry.ts";
import { patchGroupFencing } from "./group_fencing.ts";
import { patchLeaderlessPartitions } from "./leaderless_partitions.ts";
import { patchLostLogin } from "./lost_login.ts";
import { patchMonotonicTime } from "./monotonic_time.ts";
import { patchFraming } from "./framing.ts";
import { patchNamedErrors } from "./named_errors.ts";
import { patchOneAttempt } from "./one_attempt.ts";
import { patchReceiving } from "./receiving.ts";
import { patchRequestTimeout } from "./request_timeout.ts";
import { patchSendMessages } from "./send_messages.ts";
import { patchTransactionVersion } from "./transaction_v2.ts";

let installed = false;

/** Idempotent. Each patch checks that it took and throws when kafkajs is not as it was. */
export function installPatches(): void {
  if (installed) return;
  patchSendMessages();
  patchTransactionVersion();
  patchFraming();
  patchReceiving();
  patchRequestTimeout();
  patchBoundedDisconnect();
  patchNamedErrors();
  patchOneAttempt();
  patchLostLogin();
  patchBrokerReady();
  patchGroupFencing();
  patchLeaderlessPartitions();
  patchClusterRetry();
  patchMonotonicTime();
  installed = true;
}
