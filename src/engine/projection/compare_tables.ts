/** Compares two tables row by row in the database, and brings home counts and a few rows. It changes nothing. */
import type { Tx } from "../postgres/sql.ts";

/** A row that is not the same in both. */
export interface RowDifference {
  /** Which of the tables has it; `changed` where both have, with other values. */
  readonly kind: "only live" | "only new" | "changed";
  /** The row's key, as JSON; null where the tables have no key in common. */
  readonly key: string | null;
  /** Those that differ; all of a row that only one of the tables has. */
  readonly columns: readonly ColumnDifference[];
}

/** A value in the live table and in the new one, as text of 200 characters at most; null for NULL, or no such row. */
export interface ColumnDifference {
  /** Its name. */
  readonly column: string;
  /** Its value in the live table, */
  readonly live: string | null;
  /** and in the new one. */
  readonly new: string | null;
}

/** How one table differs. Columns that only one of them has are named, and not compared. */
export interface TableDifference {
  /** Its name. */
  readonly table: string;
  /** Rows of the live one, */
  readonly rowsLive: number;
  /** and of the new one. */
  readonly rowsNew: number;
  /** Rows that only the live one has, */
  readonly onlyLive: number;
  /** and only the new one. */
  readonly onlyNew: number;
  /** Rows of one key that differ; 0 where the tables have no key in common, and rows are compared as a whole. */
  readonly changed: number;
  /** Columns that only the live one has, */
  readonly columnsOnlyLive: readonly string[];
  /** and only the new one. */
  readonly columnsOnlyNew: readonly string[];
  /** The first of them, in the order of their keys. */
  readonly rows: readonly RowDifference[];
}

/** Whether neither has a row or a column that the other has not. */
export function isSame(
  { onlyLive, onlyNew, changed, columnsOnlyLive, columnsOnlyNew }: TableDifference,
): boolean {
  return onlyLive + onlyNew + changed + columnsOnlyLive.length + columnsOnlyNew.length === 0;
}

/** Two tables in the same database. */
export interface TablePair {
  readonly name: string;
  /** Quoted, with their schemas; undefined where there is none. */
  readonly live: string | undefined;
  readonly staged: string | undefined;
}

/**
 * Values are equal where their JSON is (1.0 and 1.00 are). Rows that a policy hides from the user make it fail, instead of
 * looking as if they were not there. The database sorts on disk what does not fit its memory.
 */
export async function compareTablesInTransaction(
  tx: Tx,
  { name: table, live, staged }: TablePair,
  rowsMax: number,
): Promise<TableDifference> {
  await tx`select set_config('row_security', 'off', true)`;
  const rowsLive = live === undefined ? 0 : await countOf(tx, live);
  const rowsNew = staged === undefined ? 0 : await countOf(tx, staged);
  const alone = { onlyLive: rowsLive, onlyNew: rowsNew, changed: 0 };
  const none = { columnsOnlyLive: [], columnsOnlyNew: [], rows: [] };
  if (live === undefined || staged === undefined) {
    return { table, rowsLive, rowsNew, ...alone, ...none };
  }
  const [of, now] = [await columnsOf(tx, live), await columnsOf(tx, staged)];
  const columnsOnlyLive = [...of.keys()].filter((column) => !now.has(column));
  const columnsOnlyNew = [...now.keys()].filter((column) => !of.has(column));
  const key = await commonKey(tx, live, staged, of, now);
  const joined = key ? byKey(live, staged, key) : byRow(live, staged);
  const pairs = `with pairs as (${joined}), differing as (
    select *, case when s is null then 'only live' when l is null then 'only new' else 'changed' end as kind
    from pairs where l is distinct from s
  )`;
  const left = [columnsOnlyLive, columnsOnlyNew].map((columns) => JSON.stringify(columns));
  const counts = await tx.unsafe(
    `${pairs} select kind, sum(times)::bigint as rows from differing group by kind`,
    left,
  );
  const count = (kind: RowDifference["kind"]) =>
    Number(counts.find((row) => row.kind === kind)?.rows ?? 0);
  const rows = counts.length === 0 ? [] : await tx.unsafe(
    `${pairs} select kind, key::text as key, (
      select jsonb_agg(
        jsonb_build_object('column', field, 'live', left(l ->> field, 200), 'new', left(s ->> field, 200))
        order by field)
      from jsonb_object_keys(coalesce(l, '{}') || coalesce(s, '{}')) as field
      where l -> field is distinct from s -> field
    )::text as columns
    from differing order by ${key ? "key, kind" : "kind, coalesce(l, s)"} limit ${
      Math.floor(rowsMax)
    }`,
    left,
  );
  return {
    ...{ table, rowsLive, rowsNew },
    onlyLive: count("only live"),
    onlyNew: count("only new"),
    changed: count("changed"),
    ...{ columnsOnlyLive, columnsOnlyNew },
    rows: rows.map(({ kind, key, columns }) => ({
      ...{ kind, key },
      columns: JSON.parse(columns ?? "[]"),
    })),
  };
}

/** What both have, as JSON: `$1` are the columns of the live one alone, `$2` those of the new one. */
const value = (row: string, parameter: 1 | 2) =>
  `to_jsonb(${row}) - array(select json_array_elements_text($${parameter}::text::json))`;

function byKey(live: string, staged: string, key: readonly string[]): string {
  const [same, names] = [
    key.map((one) => `a.${one} = b.${one}`),
    key.map((one) => `coalesce(a.${one}, b.${one})`),
  ];
  return `
    select jsonb_build_array(${names.join(", ")}) as key, 1 as times,
      case when a.ctid is not null then ${value("a", 1)} end as l,
      case when b.ctid is not null then ${value("b", 2)} end as s
    from ${live} a full join ${staged} b on ${same.join(" and ")}`;
}

/** Equal rows count as often as they are there. */
function byRow(live: string, staged: string): string {
  return `
    select null::jsonb as key, abs(coalesce(a.times, 0) - coalesce(b.times, 0)) as times,
      case when coalesce(a.times, 0) >= coalesce(b.times, 0) then a.whole end as l,
      case when coalesce(b.times, 0) >= coalesce(a.times, 0) then b.whole end as s
    from (select ${value("t", 1)} as whole, count(*) as times from ${live} t group by 1) a
    full join (select ${
    value("t", 2)
  } as whole, count(*) as times from ${staged} t group by 1) b using (whole)`;
}

/** By column, what must be equal for values of two tables to be joined. */
async function columnsOf(tx: Tx, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await tx`
    select attname as name, atttypid || ' ' || attcollation as type from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped order by attnum
  `;
  return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
}

/** The primary key's columns, quoted, where both tables have the same. */
async function commonKey(
  tx: Tx,
  live: string,
  staged: string,
  of: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Promise<readonly string[] | undefined> {
  const keyOf = async (table: string) => {
    const rows = await tx`
      select attname as name, quote_ident(attname) as quoted
      from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey)
      where indrelid = ${table}::regclass and indisprimary order by attname
    `;
    return rows.map(({ name, quoted }) => ({ name: String(name), quoted: String(quoted) }));
  };
  const [one, other] = [await keyOf(live), await keyOf(staged)];
  const isSame = one.length > 0 && one.length === other.length &&
    one.every(({ name }, index) => name === other[index]?.name && of.get(name) === now.get(name));
  return isSame ? one.map(({ quoted }) => quoted) : undefined;
}

async function countOf(tx: Tx, table: string): Promise<number> {
  const [row] = await tx.unsafe(`select count(*) as rows from ${table}`);
  return Number(row?.rows);
}
