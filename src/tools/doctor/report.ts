/** What the doctor found as text for people, within 100 columns, and as a document for programs. Pure. */
import type { Section } from "./examine.ts";
import type { Finding, Standing } from "./finding.ts";

/** How many findings there are of each standing. */
export type Tally = Readonly<Record<Standing, number>>;

/** For programs. */
export interface DoctorReport {
  /** Nothing is wrong, and everything could be asked. */
  readonly good: boolean;
  readonly tally: Tally;
  readonly sections: readonly Section[];
}

/** Counts. */
export function reportOf(sections: readonly Section[]): DoctorReport {
  const tally: Record<Standing, number> = {
    ...{ right: 0, warning: 0, wrong: 0, not_told: 0, not_checked: 0 },
  };
  for (const { findings } of sections) {
    for (const { standing } of findings) tally[standing]++;
  }
  return { good: tally.wrong === 0 && tally.not_checked === 0, tally, sections };
}

const columns = 100;
const marks: Readonly<Record<Standing, string>> = {
  right: "ok",
  warning: "warning",
  wrong: "WRONG",
  not_told: "not told",
  not_checked: "not checked",
};
const markWidth = 14;
const indent = " ".repeat(markWidth);

/** For people. */
export function reportText({ sections, tally }: DoctorReport): string {
  const lines = sections.flatMap(({ about, place, findings }) => [
    place === "" ? titles[about] : `${titles[about]}: ${place}`,
    ...gathered(findings).flatMap(findingLines),
    "",
  ]);
  return [...lines, summary(tally)].join("\n");
}

const titles: Readonly<Record<Section["about"], string>> = {
  settings: "Settings",
  kafka: "Kafka",
  postgres: "Postgres",
  pipeline: "Pipeline",
};

/** What was not begun for one reason is one line: there would be as many as there are checks. */
function gathered(findings: readonly Finding[]): readonly Finding[] {
  const shown: Finding[] = [];
  for (const finding of findings) {
    const last = shown.at(-1);
    const isSame = finding.standing === "not_checked" && last?.standing === "not_checked" &&
      last.text === finding.text && last.remedy === finding.remedy;
    if (isSame) shown.splice(-1, 1, { ...last, subject: `${last.subject}, ${finding.subject}` });
    else shown.push(finding);
  }
  return shown;
}

function findingLines({ subject, standing, text, remedy }: Finding): string[] {
  const [first = "", ...more] = wrap(`${subject}: ${text}`, columns - markWidth);
  return [
    `  ${marks[standing]}`.padEnd(markWidth) + first,
    ...more.map((line) => indent + line),
    ...remedy === undefined
      ? []
      : wrap(`-> ${remedy}`, columns - markWidth).map((line) => indent + line),
  ];
}

/** At spaces; a word that is longer than a line is cut, since no line may be. White space of the data is one space. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).flatMap((each) => cut(each, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function cut(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  return [word.slice(0, width), ...cut(word.slice(width), width)];
}

function summary(tally: Tally): string {
  const counts = (Object.keys(marks) as Standing[])
    .filter((standing) => tally[standing] > 0)
    .map((standing) => `${tally[standing]} ${marks[standing]}`);
  return `${counts.join(", ")}. Nothing of yours was changed.`;
}
