/** Which onceflow this is. The version stands in `deno.json` alone, which every way of importing brings along. */
import manifest from "../../deno.json" with { type: "json" };

/** The version of onceflow. */
export const version: string = manifest.version;
