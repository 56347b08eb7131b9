/** What this client may do, as brokers report it in bits (KIP-430): one for each operation, by its number in Kafka. Pure. */

const bits = { Read: 3, Write: 4, Create: 5, Alter: 7, Describe: 8, DescribeConfigs: 10 } as const;

/** One that rules name. */
export type KafkaOperation = keyof typeof bits;

/** What a broker says that was not asked, or has nothing to say of. */
const untold = -2147483648;

/** Undefined where the broker does not tell. */
export function mayDo(
  operations: number | undefined,
  operation: KafkaOperation,
): boolean | undefined {
  if (operations === undefined || operations === untold) return undefined;
  return (operations & (1 << bits[operation])) !== 0;
}
