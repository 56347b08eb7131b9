import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams under exactly_once_v2 with a commit interval of 100 ms and one thread. Streams does not tell when it commits,
 * so the committed offsets of its group are asked for.
 */
public final class Peer {
  /** A class for the binding: missing fields are refused by hand, as the others do. */
  public static final class Order {
    public String event_id, order_id, user_id, amount, currency, occurred_at, channel, invoice_id;
    public Integer schema_version;
  }

  /** How often each key came, in the store that Streams gives by default, with its cache. */
  public static final class Counter extends ContextualFixedKeyProcessor<byte[], byte[], byte[]> {
    static final String STORE = "counts";
    private KeyValueStore<byte[], Long> counts;

    @Override
    public void init(FixedKeyProcessorContext<byte[], byte[]> context) {
      super.init(context);
      counts = context.getStateStore(STORE);
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> record) {
      var count = counts.get(record.key());
      counts.put(record.key(), count == null ? 1 : count + 1);
      context().forward(record);
    }
  }

  public static void main(String[] args) throws Exception {
    var mapper = new ObjectMapper();
    var job = mapper.readTree(new BufferedReader(new InputStreamReader(System.in)).readLine());
    long wanted = job.get("records").asLong();
    String group = job.get("group").asText(), input = job.get("input").asText();
    var settings = new Properties();
    settings.put("application.id", group);
    settings.put("bootstrap.servers", job.get("brokers").get(0).asText());
    settings.put("processing.guarantee", "exactly_once_v2");
    settings.put("commit.interval.ms", "100");
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("state.dir", Files.createTempDirectory("peer-streams").toString());
    settings.put("producer.linger.ms", "5");
    settings.put("producer.batch.size", "131072");
    settings.put("consumer.max.poll.records", "5000");
    var first = new AtomicLong();
    var firstCpu = new AtomicLong();
    var builder = new StreamsBuilder();
    var orders = builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()));
    if (job.get("work").asText().equals("count")) {
      builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(Counter.STORE), Serdes.ByteArray(),
          Serdes.Long()).withCachingEnabled());
      orders = orders.processValues(Counter::new, Counter.STORE);
    }
    orders.mapValues(value -> {
      if (first.get() == 0) {
        firstCpu.set(cpuNanos());
        first.set(micros());
      }
      try {
        var order = mapper.readValue(value, Order.class);
        if (order.event_id == null || order.order_id == null || order.user_id == null || order.amount == null
            || order.currency == null || order.occurred_at == null || order.channel == null || order.schema_version == null) {
          throw new IllegalArgumentException("a field is missing");
        }
        order.invoice_id = "invoice-" + order.order_id;
        return mapper.writeValueAsBytes(order);
      } catch (java.io.IOException error) {
        throw new IllegalStateException(error);
      }
    }).to(job.get("output").asText(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    try (var admin = Admin.create(Map.of("bootstrap.servers", job.get("brokers").get(0).asText()))) {
      var streams = new KafkaStreams(builder.build(), settings);
      Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
      streams.setUncaughtExceptionHandler(error -> {
        error.printStackTrace();
        Runtime.getRuntime().halt(1);
        return null;
      });
      streams.start();
      // The first offset is not 0 where markers are among the records: it counts from what is committed to what was read.
      for (long told = -1;;) {
        Thread.sleep(10);
        var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        long committed = offsets.values().stream().filter(one -> one != null).mapToLong(one -> one.offset()).sum();
        if (committed == told || first.get() == 0) continue;
        told = committed;
        System.out.println(mapper.writeValueAsString(Map.of("event", "progress", "records", committed, "first_ms", first.get() / 1e3,
            "at_ms", micros() / 1e3, "cpu_ms", (cpuNanos() - firstCpu.get()) / 1e6, "rss_mib",
            ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getCommitted() / 1048576.0)));
        if (wanted > 0 && committed >= wanted) break;
      }
    }
    Runtime.getRuntime().halt(0);
  }

  static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static long micros() {
    var now = Instant.now();
    return now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
  }
}
