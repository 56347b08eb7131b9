/**
 * Teaches a pool the array types of Postgres itself, whose numbers never change. Owns no connection.
 *
 * The driver would ask for them on each new connection, in a statement whose failure nobody awaits: a server that shuts
 * down at that moment ends the whole process with an unhandled rejection (found by torture, Postgres restarting).
 */
import type { Sql } from "./sql.ts";

/** Element and array: the numbers in `pg_type.dat` of Postgres's source. Types made by extensions are not among them. */
const arrayTypes: readonly (readonly [element: number, array: number])[] = [
  [16, 1000], // bool
  [17, 1001], // bytea
  [20, 1016], // int8
  [21, 1005], // int2
  [23, 1007], // int4
  [25, 1009], // text
  [26, 1028], // oid
  [114, 199], // json
  [700, 1021], // float4
  [701, 1022], // float8
  [1043, 1015], // varchar
  [1082, 1182], // date
  [1114, 1115], // timestamp
  [1184, 1185], // timestamptz
  [1700, 1231], // numeric
  [2950, 2951], // uuid
  [3802, 3807], // jsonb
  [5069, 271], // xid8
];

/** The driver's own way with arrays. */
export interface DriverTypes {
  arrayParser(text: string, parser: unknown, array: number): unknown;
  arraySerializer(values: unknown, serializer: unknown, options: unknown, array: number): unknown;
}
/** The options of a pool that lead to it. */
interface DriverOptions {
  readonly parsers: Record<number, unknown>;
  readonly serializers: Record<number, unknown>;
  readonly shared: { readonly typeArrayMap: Record<number, number> };
}

/** The pool was made with `fetch_types: false`. */
export function addArrayTypes(sql: Sql, { arrayParser, arraySerializer }: DriverTypes): void {
  const options = sql.options as unknown as DriverOptions;
  for (const [element, array] of arrayTypes) {
    options.shared.typeArrayMap[element] = array;
    const parse = (text: string) => arrayParser(text, options.parsers[element], array);
    // The driver tells by this mark that a parser is one of arrays.
    options.parsers[array] = Object.assign(parse, { array: true });
    options.serializers[array] = (values: unknown) =>
      arraySerializer(values, options.serializers[element], options, array);
  }
}
