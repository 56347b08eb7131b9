/** The reader and the writer of the wire format under the names of the compact encodings, which are their default. */
export { WireReader as CompactReader } from "./codec/wire_reader.ts";
export { WireWriter as CompactWriter } from "./codec/wire_writer.ts";
