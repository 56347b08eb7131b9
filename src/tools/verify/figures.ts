/** The books in one line: how many orders reached each stage. Counts only what the spill holds. */
import type { RuleFinding } from "./finding.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import type { Spill } from "./spill.ts";
import { isWithheld } from "./withheld.ts";

/** The conservation table. All count orders (publications), except where said. */
export interface Figures {
  /** Orders with a row in Postgres. */
  readonly placed: number;
  readonly announced: number;
  readonly invoiced: number;
  /** Published orders that ended in the dead letters and were not invoiced after a redrive. */
  readonly dead_lettered: number;
  /** Published orders that the read model shows. */
  readonly projected: number;
  /** Orders that should have gone on and did not. */
  readonly lost: number;
  /** Orders with more than one publication or outcome. */
  readonly duplicated: number;
  /** Records on the orders topic that other producers put there, and how many of those became invoices and dead letters. */
  readonly foreign: {
    readonly records: number;
    readonly invoiced: number;
    readonly dead_lettered: number;
  };
  /** Records that went back to the orders topic from the dead letters. */
  readonly redriven: number;
  /** Records of aborted transactions, which nobody sees. */
  readonly aborted: number;
  /** What is on its way at this moment: rows not published, records not processed, records not projected. */
  readonly lag: { readonly relay: number; readonly worker: number; readonly projector: number };
}

/** Counts the stages. `lost` and `duplicated` sum up the findings of those kinds. */
export function readFigures(spill: Spill, findings: readonly RuleFinding[]): Figures {
  const sum = (kind: string) =>
    findings.filter((finding) => finding.kind === kind).reduce((n, { count }) => n + count, 0);
  const unfolded = (table: string, place: number) =>
    spill.count(`select count(*) from ${table} t left join projected p on p.partition = t.partition
      and p.topic = (select topic from role where place = ${place})
      where t.state = 'committed' and t.offset >= coalesce(p.next_offset, 0)`);
  return {
    placed: spill.count("select count(*) from expected where not late"),
    announced: spill.count("select count(*) from unit where relayed"),
    invoiced: spill.count("select count(*) from unit where relayed and invoices > 0"),
    dead_lettered: spill.count(
      "select count(*) from unit where relayed and invoices = 0 and places = 0 and dead_lettered > 0",
    ),
    projected: spill.count(
      "select count(*) from viewed where placed_count > 0 and order_id in (select order_id from unit where relayed)",
    ),
    lost: sum("lost"),
    duplicated: sum("doubled"),
    foreign: {
      records: spill.count("select coalesce(sum(originals), 0) from unit where not relayed"),
      invoiced: spill.count("select count(*) from unit where not relayed and invoices > 0"),
      dead_lettered: spill.count(
        // Several records of one event id may fare differently.
        "select coalesce(sum(min(dead_lettered, max(originals - invoices, 0))), 0) from unit where not relayed",
      ),
    },
    redriven: spill.count(
      "select count(*) from published where state = 'committed' and redriven_from is not null",
    ),
    aborted: spill.count(`select (select count(*) from published where state = 'aborted')
      + (select count(*) from invoiced where state = 'aborted') + (select count(*) from dead where state = 'aborted')`),
    lag: {
      relay: spill.count(
        `select count(*) from expected e left join relayed_up_to r on r.shard = e.shard
        where e.has_outbox and (e.position >= coalesce(r.last, 0) or ${isWithheld})`,
      ),
      worker: spill.count("select count(*) from appearance where not settled"),
      projector: unfolded("published", 0) + unfolded("invoiced", 1) + unfolded("dead", 2),
    },
  };
}

/** Somebody may have sent millions. */
const foreignListedMax = 1_000;

/** The first dead letters of other producers' records, and how many there are beside these. */
export interface ForeignDeadLetters {
  /** Each as `orders-2@17: why`, by partition and offset. */
  readonly listed: readonly string[];
  readonly leftOff: number;
}

/** What became dead letters of the records that other producers put on the topic. */
export function foreignDeadLetters(spill: Spill, names: PipelineNames): ForeignDeadLetters {
  const letters = `
    from dead d join published a on a.partition = d.from_partition and a.offset = d.from_offset
    where d.state = 'committed' and not a.relayed and a.redriven_from is null
  `;
  const rows = spill.rows(`
    select d.from_partition as partition, d.from_offset as offset, d.error_class as class, d.error as error
    ${letters} order by d.from_partition, d.from_offset limit ${foreignListedMax}
  `);
  const listed = rows.map((row) =>
    `${names.ordersTopic}-${row.partition}@${row.offset}: ${row.class ?? "unknown"}: ${
      row.error ?? ""
    }`
  );
  return { listed, leftOff: spill.count(`select count(*) ${letters}`) - listed.length };
}
