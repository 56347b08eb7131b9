/** Takes a schema of any library that speaks Standard Schema v1 (https://standardschema.dev) for one of zod's. */
import { type EventSchema, issuesOf } from "./decode_event.ts";

/** A schema whose output is `T`, as Standard Schema v1 has it: valibot's, arktype's, effect's and zod's are such. */
export interface StandardSchema<T> {
  /** Its one property. */
  readonly "~standard": {
    /** Of the specification. */
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    /** Answers with the value or with what is wrong. It must do so at once: a promise is refused. */
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>;
  };
}

/** What `validate` answers. */
export type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One thing that is wrong. */
export interface StandardIssue {
  /** In words. */
  readonly message: string;
  /** Where. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[];
}

/**
 * The schema as the engine uses it; zod's is one already.
 *
 * @throws {TypeError} when it is neither, or validates asynchronously
 */
export function eventSchema<T>(
  topic: string,
  schema: EventSchema<T> | StandardSchema<T>,
): EventSchema<T> {
  if ("safeParse" in schema) return schema;
  const standard = schema["~standard"];
  if (standard?.version !== 1) {
    throw new TypeError(
      `Cannot use this schema for topic ${topic}: it is no Standard Schema v1 and has no safeParse`,
    );
  }
  const validate = (value: unknown): StandardResult<T> => {
    const result = standard.validate(value);
    if (!(result instanceof Promise)) return result;
    result.catch(() => {});
    throw new TypeError(
      `Cannot use this schema of ${standard.vendor} for topic ${topic}: it validates ` +
        `asynchronously. Look things up in the transform, and keep the schema synchronous`,
    );
  };
  refuseAsync(validate);
  const safeParse: EventSchema<T>["safeParse"] = (value) => {
    const result = validate(value);
    if (result.issues === undefined) return { success: true, data: result.value };
    return { success: false, error: { issues: result.issues.map(withPath) } };
  };
  return {
    safeParse,
    parse(value) {
      const result = safeParse(value);
      if (result.success) return result.data;
      const wrong = issuesOf(result.error);
      throw new TypeError(`the event for ${topic} does not fit the schema: ${wrong}`);
    },
  };
}

/** Most schemas that are asynchronous are so for any value: then it is said where the topic is declared. */
function refuseAsync(validate: (value: unknown) => unknown): void {
  try {
    validate(undefined);
  } catch (error) {
    if (error instanceof TypeError && error.message.includes("asynchronously")) throw error;
  }
}

function withPath({ message, path = [] }: StandardIssue) {
  return { message, path: path.map((part) => typeof part === "object" ? part.key : part) };
}
