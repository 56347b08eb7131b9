/** Recognizes that a broker refused who we say we are, or how we say it, and names the settings. Pure: asks nobody. */
import { errorInChain } from "./refused_request.ts";

/** The sentence for a person, without the password; undefined where the error is another. Waiting mends none of these. */
export function refusedLogin(error: unknown): string | undefined {
  const found = errorInChain(error, ({ name, type }) => wordOf(name, type) !== undefined);
  return found && wordOf(found.name, found.type);
}

function wordOf(name = "", type = ""): string | undefined {
  return sentences[type] ?? sentences[name];
}

const refused = "refused user and password: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD " +
  "(and that this user is known under KAFKA_SASL_MECHANISM; with oauthbearer it refused the token)";

const sentences: Readonly<Record<string, string>> = {
  KafkaJSSASLAuthenticationError: refused,
  SASL_AUTHENTICATION_FAILED: refused,
  UNSUPPORTED_SASL_MECHANISM:
    "does not offer this way to log in: set KAFKA_SASL_MECHANISM to one that its listener has",
  OAUTH_TOKEN_REFUSED: "was not asked, since the token endpoint refused the client: check " +
    "KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET and KAFKA_OAUTH_SCOPE",
  ILLEGAL_SASL_STATE:
    "asks nobody to log in on this listener: leave KAFKA_SASL_MECHANISM out, or name " +
    "another listener's port in KAFKA_BROKERS",
};
