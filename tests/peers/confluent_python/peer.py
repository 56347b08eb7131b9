"""confluent-kafka (librdkafka): consume a batch, transform, one transaction with the offsets, as its eos example does."""

import json
import resource
import signal
import sys
import time

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

FIELDS = {
    "event_id": str,
    "order_id": str,
    "user_id": str,
    "amount": str,
    "currency": str,
    "occurred_at": str,
    "channel": str,
    "schema_version": int,
}

job = json.loads(sys.stdin.readline())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
consumer = Consumer({
    "bootstrap.servers": ",".join(job["brokers"]),
    "group.id": job["group"],
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 100,
    "queued.min.messages": 100_000,
})
producer = Producer({
    "bootstrap.servers": ",".join(job["brokers"]),
    "transactional.id": job["group"],
    # Like the Java client: librdkafka's own default is another hash.
    "partitioner": "murmur2_random",
    "linger.ms": 5,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 1_000_000,
})
producer.init_transactions()
consumer.subscribe([job["input"]])

bound = job["batch_records"]
first = first_cpu = 0.0
records = 0


def transformed(value):
    order = orjson.loads(value)
    for name, kind in FIELDS.items():
        if type(order[name]) is not kind:
            raise ValueError(name)
    order["invoice_id"] = "invoice-" + order["order_id"]
    return orjson.dumps(order)


while True:
    batch = consumer.consume(bound, timeout=0.01)
    if not batch:
        continue
    if not first:
        first, first_cpu = time.time(), time.process_time()
    producer.begin_transaction()
    offsets = {}
    for message in batch:
        if message.error():
            raise RuntimeError(message.error())
        producer.produce(job["output"], transformed(message.value()), message.key())
        offsets[message.partition()] = message.offset() + 1
    producer.send_offsets_to_transaction(
        [TopicPartition(job["input"], partition, offset) for partition, offset in offsets.items()],
        consumer.consumer_group_metadata(),
    )
    producer.commit_transaction()
    records += len(batch)
    print(json.dumps({
        "event": "progress",
        "records": records,
        "first_ms": first * 1_000,
        "at_ms": time.time() * 1_000,
        "cpu_ms": (time.process_time() - first_cpu) * 1_000,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }), flush=True)
    if job["records"] and records >= job["records"]:
        sys.exit(0)
