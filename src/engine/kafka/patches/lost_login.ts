/**
 * Lets a login that got no answer say that it got none, and one that was refused say so in our words.
 *
 * kafkajs makes every failure of SaslAuthenticate the error of a refused password, also a connection that was lost and a
 * broker that was slow. A refused password is mended by no retry: one slow answer halted a role, with advice about a
 * password that was right.
 *
 * The same refusal meets every role, and whichever step runs into it, it is to be said in one way.
 */
import { TokenUnreachedError } from "../oauth_token.ts";
import { refusedLogin } from "../refused_login.ts";
import { connectionClass, type VendorConnection } from "../vendor.ts";

const marker = Symbol.for("onceflow.lostLogin");
const refusal = "KafkaJSSASLAuthenticationError";

export function patchLostLogin(): void {
  const { prototype } = connectionClass();
  if (marker in prototype) return;
  const { authenticate, send } = prototype;
  /** What the login of a connection really failed with, where no broker refused it. */
  const lost = new WeakMap<VendorConnection, unknown>();
  const truth = (connection: VendorConnection, error: unknown) =>
    error instanceof Error && error.name === refusal ? lost.get(connection) ?? error : error;
  prototype.authenticate = async function () {
    try {
      return await authenticate.call(this);
    } catch (error) {
      // The handshake is over, and a broker takes no second one on a connection: the next attempt needs a new one.
      if (error instanceof TokenUnreachedError) await this.disconnect();
      throw inOurWords(truth(this, error));
    }
  };
  prototype.send = async function (protocol) {
    const { apiName } = protocol.request;
    if (apiName === "SaslHandshake") lost.delete(this);
    try {
      return await send.call(this, protocol);
    } catch (error) {
      if (apiName !== "SaslAuthenticate") throw truth(this, error);
      // A refusal has the protocol's code.
      if (!(error instanceof Error && "type" in error)) lost.set(this, error);
      throw error;
    }
  };
  Object.defineProperty(prototype, marker, { value: true });
}

function inOurWords(error: unknown): unknown {
  const words = refusedLogin(error);
  if (words === undefined || !(error instanceof Error)) return error;
  error.cause ??= new Error(error.message);
  error.message = `Kafka ${words}`;
  return error;
}
