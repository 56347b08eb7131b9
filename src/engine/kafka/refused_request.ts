/** What is known of a request that a broker refused, and the error of the protocol inside of what kafkajs throws. Pure. */

/** The names that the request was about: the error has none of them. */
export interface RefusedRequest {
  readonly transactionalId?: string;
  readonly groupId?: string;
  readonly topics?: readonly string[];
  /** What the topics are used for, such as `Write`: a request that only looks at them is refused for less. */
  readonly needs?: readonly string[];
  /** Who asked, where the client knows: the name that it authenticates with. */
  readonly user?: string;
}

/** An error of the protocol, with what our patches add to it. */
export interface ProtocolError {
  readonly type?: string;
  readonly name?: string;
  readonly message?: string;
  /** The request that it answers. */
  readonly apiName?: string;
  /** The topic that it is about, where the answer says so. */
  readonly topic?: string;
  /** The record batch that was refused, for Produce. */
  readonly batch?: { readonly bytes: number; readonly records: number };
  /** Nothing was sent at all. */
  readonly unsent?: boolean;
  readonly cause?: unknown;
}

/** The first error for which `is` holds, in the chain of causes. */
export function errorInChain(
  error: unknown,
  is: (error: ProtocolError) => boolean,
): ProtocolError | undefined {
  for (let depth = 0, at = error as ProtocolError | undefined; at && depth < 10; depth++) {
    if (is(at)) return at;
    at = at.cause as ProtocolError | undefined;
  }
}
