/** Takes secrets from files: `NAME_FILE` in the place of `NAME`, as containers are given them. */

/** What was found, and one line for each file that cannot be used. */
export interface SecretsRead {
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly { readonly name: string; readonly message: string }[];
}

/**
 * Reads the files of these settings. Their text is the value to the last character; only one line end after it is not
 * part of it, since editors and `echo` add one.
 */
export function readSecretFiles(
  names: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string,
): SecretsRead {
  const values: Record<string, string> = {};
  const problems: { name: string; message: string }[] = [];
  for (const name of names) {
    const file = `${name}_FILE`;
    const path = variables[file];
    if (!path) continue;
    if (variables[name]) {
      problems.push({ name: file, message: `is set beside ${name}: set only one of them` });
      continue;
    }
    try {
      const text = readText(path).replace(/\r?\n$/, "");
      if (text === "") problems.push({ name: file, message: `${path} is empty` });
      else values[name] = text;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push({ name: file, message: `cannot read ${path}: ${reason}` });
    }
  }
  return { values, problems };
}
