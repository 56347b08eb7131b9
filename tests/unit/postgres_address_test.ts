import { readAddress } from "../../src/engine/postgres/address.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

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
  assertEquals(ssl("sslmode=verify-full"), { rejectUnauthorized: true });
  const checked = ssl("sslmode=require&sslrootcert=deno.json") as Record<string, unknown>;
  assertEquals(checked.rejectUnauthorized, true);
  assert(String(checked.ca).startsWith("{"));
  assertThrows(() => ssl("sslmode=require&sslrootcert=missing.pem"), TypeError, "missing.pem");
  assertThrows(() => ssl("sslmode=require&sslcert=deno.json"), TypeError, "go together");
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
