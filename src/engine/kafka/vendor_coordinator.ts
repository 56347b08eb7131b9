/** What kafkajs's brokers can do as coordinators of transactions, and where they are kept. Owns no behaviour. */

/** Who asks: an id, and what InitProducerId gave it. */
export interface VendorProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** The requests of transaction protocol 1, and which others there are. */
export interface VendorCoordinator {
  /** What the broker knows, by the numbers of the requests; from its connection on. */
  readonly versions?: Readonly<Record<number, unknown>>;
  initProducerId(
    request: { transactionalId: string; transactionTimeout: number },
  ): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: VendorProducerIdentity & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: VendorProducerIdentity & { groupId: string }): Promise<unknown>;
  endTxn(request: VendorProducerIdentity & { transactionResult: boolean }): Promise<unknown>;
}

/** The brokers that a cluster knows, by node id. */
export interface VendorBrokerPool<Broker> {
  readonly brokers: Readonly<Record<string, Broker>>;
  findConnectedBroker(): Promise<Broker>;
  /** Learns all nodes, together with these topics. Rejects where one of them has an error. */
  refreshMetadata(topics: string[]): Promise<unknown>;
}
