/** Who a client says it is to Kafka, and how kafkajs is told. */
import { createTokenSource } from "./oauth_token.ts";

/** A user and a password. */
export interface PasswordLogin {
  /** `plain`, `scram-sha-256` or `scram-sha-512`. */
  readonly mechanism: string;
  /** As the brokers know the user. */
  readonly username: string;
  /** In clear; it goes over the connection as the mechanism has it. */
  readonly password: string;
}

/** A bearer token (RFC 7628, KIP-255) that a token endpoint gives for a client's secret (RFC 6749, section 4.4; KIP-768). */
export interface EndpointLogin {
  /** The one mechanism that carries tokens. */
  readonly mechanism: "oauthbearer";
  /** `https://...`, or `file:///...` with a token that somebody else keeps new. */
  readonly tokenEndpoint: string;
  /** Who asks for the token; not needed for a file. */
  readonly clientId: string;
  /** What proves it. */
  readonly clientSecret: string;
  /** What the token shall be good for, where the endpoint wants to know. */
  readonly scope?: string;
}

/** A bearer token that the program brings; asked for at every login, so it should be kept while it is valid. */
export interface TokenLogin {
  /** The one mechanism that carries tokens. */
  readonly mechanism: "oauthbearer";
  /** A token that is good now. */
  token(): Promise<string>;
}

/** One of the ways to log in. */
export type KafkaLogin = PasswordLogin | EndpointLogin | TokenLogin;

/** The name that permissions are granted to, where it is known before the broker has read a token. */
export function userOf(login: KafkaLogin | undefined): string | undefined {
  return login && "username" in login ? login.username : undefined;
}

/** The same as kafkajs's option `sasl`. */
export function saslOption(login: KafkaLogin | undefined): object | undefined {
  if (login === undefined || "username" in login) return login;
  const token = "token" in login ? () => login.token() : createTokenSource(login);
  return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await token() }) };
}
