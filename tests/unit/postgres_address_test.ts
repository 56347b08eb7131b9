import type { PeerCertificate } from "node:tls";
import { asDependencyDown } from "../../src/engine/postgres/translate_error.ts";
import { readAddress } from "../../src/engine/postgres/address.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const address = "postgres://ada:secret@db:5433/shop";

Deno.test("words of libpq that nothing here follows are refused by name, without the password", () => {
  for (
    const word of [
      ...["service=x", "hostaddr=10.0.0.1", "sslcrl=x", "sslmode=none", "channel_binding=require"],
      ...["target_session_attrs=standby", "gssencmode=require", "replication=database"],
      ...["connect_timeout=soon", "bytea_output=escape", "DateStyle=SQL", "client_encoding=LATIN1"],
    ]
  ) {
    const error = assertThrows(() => readAddress(`${address}?${word}`), TypeError, word);
    assert(!error.message.includes("secret"));
  }
});

Deno.test("sslmode is followed as libpq does", () => {
  const ssl = (words: string) => readAddress(`${address}?${words}`).driver.ssl;
  assertEquals(ssl(""), false);
  assertEquals(ssl("sslmode=disable"), false);
  assertEquals(ssl("sslmode=prefer"), "prefer");
  assertEquals(ssl("sslmode=allow"), "prefer");
  const full = ssl("sslmode=verify-full") as Record<string, unknown>;
  assertEquals(full.rejectUnauthorized, true);
  const checked = ssl("sslmode=require&sslrootcert=deno.json") as Record<string, unknown>;
  assertEquals(checked.rejectUnauthorized, true);
  assert(String(checked.ca).startsWith("{"));
  assertThrows(() => ssl("sslmode=require&sslrootcert=missing.pem"), TypeError, "missing.pem");
  assertThrows(() => ssl("sslmode=require&sslcert=deno.json"), TypeError, "go together");
});

Deno.test("verify-full holds a number in the address to the certificate's numbers, and a name to its names", () => {
  const certificate = (subjectaltname: string) =>
    ({ subject: {}, subjectaltname }) as PeerCertificate;
  const right = (address: string, name: string, names: string) => {
    const { ssl } = readAddress(`postgres://ada:x%40y@${address}/shop?sslmode=verify-full`).driver;
    const { checkServerIdentity } = ssl as ReturnType<typeof Object>;
    return checkServerIdentity(name, certificate(names)) === undefined;
  };
  // Where no server is named, Node asks for localhost.
  assertEquals(right("10.0.0.5:5432", "localhost", "DNS:localhost"), false);
  assertEquals(right("10.0.0.5:5432", "localhost", "IP Address:10.0.0.5"), true);
  assertEquals(right("[::1]:5432", "localhost", "IP Address:0:0:0:0:0:0:0:1"), true);
  assertEquals(right("db", "db", "DNS:db"), true);
  assertEquals(right("db,10.0.0.5:1", "db", "IP Address:10.0.0.5"), false);
  assertEquals(right("db,10.0.0.5:1", "localhost", "IP Address:10.0.0.5"), true);
  assertEquals(right("localhost", "localhost", "DNS:localhost"), true);
});

Deno.test("a certificate that is not trusted is a service that is away, with the words to set", () => {
  const error = Object.assign(new Error("unable to verify the first certificate"), {
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  });
  const down = asDependencyDown(error);
  assertEquals(down?.dependency, "postgres");
  for (const word of ["Postgres", "sslrootcert", "DATABASE_URL"]) {
    assert(down?.message.includes(word), down?.message);
  }
});

Deno.test("settings of the server travel with the connection, and several hosts are kept", () => {
  const read = readAddress(
    "postgres://ada@a:1,b:2/shop?work_mem=5MB&application_name=mine&options=-c%20geqo%3Doff",
  );
  assertEquals(read.url, "postgres://ada@a:1,b:2/shop");
  assertEquals(read.server, {
    work_mem: "5MB",
    application_name: "mine",
    options: "-c geqo=off",
  });
});

Deno.test("a server that hangs up in the middle of the handshake is asked about as what it is", () => {
  const message = "Client network socket disconnected before secure TLS connection was established";
  const error = Object.assign(new Error(message), { code: "ECONNRESET" });
  assertStringIncludes(
    asDependencyDown(error)?.message ?? "",
    "does it speak TLS, as sslmode in DATABASE_URL says?",
  );
});
