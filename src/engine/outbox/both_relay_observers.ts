/** Tells two at a time what relays do: whoever watches them, and whoever counts. */
import type { RelayObserver } from "./relay_options.ts";
import type { RelayWatcher } from "./watch_relays.ts";

/** The second may leave out what it likes. */
export function bothRelayObservers(
  first: RelayWatcher["observer"],
  second: RelayObserver = {},
): RelayObserver {
  return {
    ...second,
    leading(shard, leading) {
      first.leading(shard, leading);
      second.leading?.(shard, leading);
    },
    stands(shard, at) {
      first.stands(shard, at);
      second.stands?.(shard, at);
    },
    outage(shard) {
      first.outage(shard);
      second.outage?.(shard);
    },
    waiting(shard) {
      first.waiting(shard);
      second.waiting?.(shard);
    },
    relayed(batch) {
      first.relayed(batch);
      second.relayed?.(batch);
    },
  };
}
