import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.Utils;

/**
 * The independent reader of `deno task verify` and `deno task explain`: Kafka's own Java client, so that the program under
 * test does not grade itself. It only reads: it joins no group, commits nothing, writes nothing.
 *
 * Standard input: client properties (secrets must not show in `ps`), an empty line, then one command a line, fields parted
 * by tabs. Standard output: frames of [int32 length][byte type][payload]; `R` is a record, `U` stands for records that do not
 * fit into this program's memory once they are unpacked, `J` is a JSON document that ends a command, `E` is an error text that
 * ends one.
 *
 *   ends WAIT_MS TOPIC...                 log start, high watermark, last stable offset (waits for it to reach the watermark)
 *   hello WAIT_MS                         asks for the cluster's id: can it be reached at all
 *   offsets WAIT_MS GROUP TOPIC...        committed offsets, stable (KIP-447); unstable where a transaction outlasts the wait
 *   omit NAME...                          header names left out of the digest; a trailing * is a prefix
 *   partition KEY COUNT                   the partition that Kafka's partitioner gives to a key (base64)
 *   read TOPIC PARTITION FROM STABLE TO KEY    every record of [FROM, TO) with its fate; of one KEY (base64), or - for all
 */
public final class LogReader {
  static final int COMMITTED = 0, ABORTED = 1, PENDING = 2, CONTRADICTED = 3;
  static final Duration POLL = Duration.ofMillis(200);
  static final long STALL_MS_MAX = 60_000;
  static final int RECORDS_PER_POLL = 2000;
  /** Two of these, and the copies that the client makes of them, fit into the memory that this program is given. */
  static final int RECORD_BYTES_MAX = 64 << 20;

  final Properties settings;
  final DataOutputStream out;
  final Admin admin;
  final MessageDigest sha256;
  List<String> omitted = List.of();
  KafkaConsumer<byte[], byte[]> raw, committed;

  LogReader(Properties settings, DataOutputStream out) throws Exception {
    this.settings = settings;
    this.out = out;
    this.admin = Admin.create(settings);
    this.sha256 = MessageDigest.getInstance("SHA-256");
  }

  public static void main(String[] args) throws Exception {
    var frames = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 18));
    System.setOut(System.err); // a library that prints must not break the frames
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var text = new StringBuilder();
    for (String line; (line = in.readLine()) != null && !line.isEmpty();) text.append(line).append('\n');
    var settings = new Properties();
    settings.load(new StringReader(text.toString()));
    LogReader reader;
    try {
      reader = new LogReader(settings, frames);
    } catch (Exception error) {
      frame(frames, 'E', describe(error).getBytes(StandardCharsets.UTF_8));
      frames.flush();
      return;
    }
    for (String line; (line = in.readLine()) != null;) {
      try {
        reader.run(line.split("\t", -1));
      } catch (Exception error) {
        frame(frames, 'E', describe(error).getBytes(StandardCharsets.UTF_8));
      }
      frames.flush();
    }
    Runtime.getRuntime().halt(0); // the clients hold nothing that a clean close would save
  }

  void run(String[] words) throws Exception {
    var rest = Arrays.asList(words).subList(1, words.length);
    switch (words[0]) {
      case "ends" -> answer(ends(Long.parseLong(words[1]), rest.subList(1, rest.size())));
      case "hello" -> answer(Map.of("clusterId", admin
          .describeCluster(new DescribeClusterOptions().timeoutMs(Integer.parseInt(words[1]))).clusterId().get()));
      case "offsets" -> answer(offsets(Integer.parseInt(words[1]), words[2], rest.subList(2, rest.size())));
      case "omit" -> {
        omitted = List.copyOf(rest);
        answer(Map.of());
      }
      case "partition" -> answer(Map.of("partition",
          Utils.toPositive(Utils.murmur2(Base64.getDecoder().decode(words[1]))) % Integer.parseInt(words[2])));
      case "read" -> answer(read(new TopicPartition(words[1], Integer.parseInt(words[2])), Long.parseLong(words[3]), Long.parseLong(words[4]),
          Long.parseLong(words[5]), words[6].equals("-") ? null : Base64.getDecoder().decode(words[6])));
      default -> throw new IllegalArgumentException("unknown command " + words[0]);
    }
  }

  /** The watermarks are taken first; then the wait; so that all that was acknowledged before the call lies below them. */
  Object ends(long waitMs, List<String> topics) throws Exception {
    var described = describeTopics(topics);
    var partitions = partitionsOf(described.values());
    var high = list(partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED);
    var stable = list(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
    long deadline = System.nanoTime() + waitMs * 1_000_000;
    while (unsettled(high, stable) && System.nanoTime() < deadline) {
      Thread.sleep(25);
      stable = list(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
    }
    var start = list(partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED);
    var producers = unsettled(high, stable) ? openTransactions(partitions) : Map.<TopicPartition, List<Object>>of();
    var answer = new ArrayList<>();
    for (var topic : topics) {
      var description = described.get(topic);
      if (description == null) continue;
      var list = new ArrayList<>();
      for (var info : description.partitions()) {
        var partition = new TopicPartition(topic, info.partition());
        list.add(object("partition", info.partition(), "start", start.get(partition), "highWatermark", high.get(partition),
            "lastStable", Math.min(stable.get(partition), high.get(partition)),
            "openTransactions", producers.getOrDefault(partition, List.of())));
      }
      answer.add(object("topic", topic, "topicId", description.topicId().toString(), "partitions", list));
    }
    return object("topics", answer);
  }

  static boolean unsettled(Map<TopicPartition, Long> high, Map<TopicPartition, Long> stable) {
    return high.entrySet().stream().anyMatch(entry -> stable.get(entry.getKey()) < entry.getValue());
  }

  Map<String, TopicDescription> describeTopics(Collection<String> topics) throws Exception {
    var described = new LinkedHashMap<String, TopicDescription>();
    for (var entry : admin.describeTopics(topics).topicNameValues().entrySet()) {
      try {
        described.put(entry.getKey(), entry.getValue().get());
      } catch (ExecutionException error) {
        if (!(error.getCause() instanceof UnknownTopicOrPartitionException)) throw error;
      }
    }
    return described;
  }

  static List<TopicPartition> partitionsOf(Collection<TopicDescription> topics) {
    return topics.stream()
        .flatMap(topic -> topic.partitions().stream().map(p -> new TopicPartition(topic.name(), p.partition()))).toList();
  }

  Map<TopicPartition, Long> list(List<TopicPartition> partitions, OffsetSpec spec, IsolationLevel isolation)
      throws Exception {
    var request = new HashMap<TopicPartition, OffsetSpec>();
    for (var partition : partitions) request.put(partition, spec);
    var offsets = new HashMap<TopicPartition, Long>();
    admin.listOffsets(request, new ListOffsetsOptions(isolation)).all().get()
        .forEach((partition, info) -> offsets.put(partition, info.offset()));
    return offsets;
  }

  Map<TopicPartition, List<Object>> openTransactions(List<TopicPartition> partitions) throws Exception {
    var names = new HashMap<Long, String>();
    try {
      for (var listing : admin.listTransactions().all().get()) names.put(listing.producerId(), listing.transactionalId());
    } catch (ExecutionException error) {
      // The names are a courtesy to the reader; without the right to list them the producer id must do.
    }
    var open = new HashMap<TopicPartition, List<Object>>();
    var described = admin.describeProducers(partitions).all().get();
    for (var entry : described.entrySet()) {
      var list = new ArrayList<Object>();
      for (ProducerState producer : entry.getValue().activeProducers()) {
        if (producer.currentTransactionStartOffset().isEmpty()) continue;
        list.add(object("producerId", producer.producerId(), "producerEpoch", producer.producerEpoch(),
            "transactionalId", names.get(producer.producerId()), "lastTimestamp", producer.lastTimestamp(),
            "startOffset", producer.currentTransactionStartOffset().getAsLong()));
      }
      open.put(entry.getKey(), list);
    }
    return open;
  }

  /**
   * The admin client leaves a partition with a pending transactional offset out of its answer (UNSTABLE_OFFSET_COMMIT is
   * only logged), where one without any offset is there with null: so what is left out is asked for again.
   */
  Object offsets(int waitMs, String group, List<String> topics) throws Exception {
    var partitions = partitionsOf(describeTopics(topics).values());
    var found = fetchOffsets(group, partitions, true);
    long deadline = System.nanoTime() + waitMs * 1_000_000L;
    while (!found.keySet().containsAll(partitions) && System.nanoTime() < deadline) {
      Thread.sleep(20);
      found.putAll(fetchOffsets(group, partitions.stream().filter(p -> !found.containsKey(p)).toList(), true));
    }
    var held = new HashSet<>(partitions);
    held.removeAll(found.keySet());
    if (!held.isEmpty()) found.putAll(fetchOffsets(group, List.copyOf(held), false));
    var list = new ArrayList<>();
    for (var partition : partitions) {
      var offset = found.get(partition);
      if (offset == null && !held.contains(partition)) continue;
      list.add(object("topic", partition.topic(), "partition", partition.partition(), "stable", !held.contains(partition),
          "offset", offset == null ? -1 : offset.offset(), "metadata", offset == null ? "" : offset.metadata()));
    }
    return object("offsets", list);
  }

  Map<TopicPartition, OffsetAndMetadata> fetchOffsets(String group, List<TopicPartition> partitions, boolean stable)
      throws Exception {
    var spec = new ListConsumerGroupOffsetsSpec().topicPartitions(partitions);
    return new HashMap<>(admin
        .listConsumerGroupOffsets(Map.of(group, spec), new ListConsumerGroupOffsetsOptions().requireStable(stable))
        .partitionsToOffsetAndMetadata(group).get());
  }

  /**
   * Reads the partition twice in step, under read_uncommitted and read_committed, and says of each record what became of it:
   * in both, committed; only in the raw read, aborted below the stable end and pending above; only in the committed read, or
   * with other bytes there, contradicted.
   */
  Object read(TopicPartition partition, long from, long stable, long to, byte[] key) throws Exception {
    if (raw == null) {
      raw = consumer("read_uncommitted", RECORDS_PER_POLL);
      committed = consumer("read_committed", RECORDS_PER_POLL);
    }
    var everything = new Cursor(raw, "read_uncommitted", partition, from, to);
    var visible = new Cursor(committed, "read_committed", partition, from, Math.min(stable, to));
    long[] counts = new long[4];
    long timestamp = 0;
    while (true) {
      var one = everything.peek();
      var two = visible.peek();
      if (one == null && two == null) break;
      boolean rawUnread = one != null && one.record() == null && (two == null || one.first() <= two.first());
      if (rawUnread || (two != null && two.record() == null && (one == null || two.first() <= one.first()))) {
        counts[pass(partition, everything, visible, rawUnread ? one : two, key == null, stable, timestamp)]++;
        continue;
      }
      Found record;
      int state;
      if (one != null && (two == null || one.offset() < two.offset())) {
        record = everything.take();
        state = record.offset() < stable ? ABORTED : PENDING;
      } else if (one == null || two.offset() < one.offset()) {
        record = visible.take();
        state = CONTRADICTED;
      } else {
        everything.take();
        record = visible.take();
        state = same(one, two) ? COMMITTED : CONTRADICTED;
      }
      counts[state]++;
      timestamp = record.record().timestamp();
      if (key == null || Arrays.equals(key, record.record().key())) emit(record.record(), state);
    }
    raw = everything.end();
    committed = visible.end();
    long start = raw.beginningOffsets(List.of(partition)).get(partition);
    return object("partition", partition.partition(), "start", start, "committed", counts[COMMITTED], "aborted", counts[ABORTED], "pending",
        counts[PENDING], "contradicted", counts[CONTRADICTED]);
  }

  /** What does not fit for one of the two does not count for the other, which may have had more room. */
  int pass(TopicPartition partition, Cursor everything, Cursor visible, Found unread, boolean say, long stable, long timestamp)
      throws IOException {
    long last = unread.offset();
    boolean isVisible = false;
    for (boolean grows = true; grows;) {
      long before = last;
      for (var cursor : List.of(everything, visible)) {
        for (var at = cursor.peek(); at != null && at.first() <= last; at = cursor.peek()) {
          last = Math.max(last, cursor.take().offset());
          isVisible |= cursor == visible;
        }
      }
      grows = last > before;
    }
    int state = isVisible ? COMMITTED : last < stable ? ABORTED : PENDING;
    if (say) emitUnread(partition, new Found(last, null, unread.first()), timestamp, state);
    return state;
  }

  KafkaConsumer<byte[], byte[]> consumer(String isolation, int recordsPerPoll) {
    var own = new Properties();
    own.putAll(settings);
    own.put("isolation.level", isolation);
    own.put("enable.auto.commit", "false");
    own.put("auto.offset.reset", "earliest");
    own.put("allow.auto.create.topics", "false");
    own.put("max.poll.records", String.valueOf(recordsPerPoll));
    // A fetch at the end of a log would otherwise hold up the next partition's, which shares its connection.
    own.put("fetch.max.wait.ms", "5");
    own.put("check.crcs", "true");
    return new KafkaConsumer<>(own, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static boolean same(Found one, Found two) {
    var a = one.record();
    var b = two.record();
    return Arrays.equals(a.key(), b.key()) && Arrays.equals(a.value(), b.value()) && a.headers().equals(b.headers());
  }

  /**
   * A record at its offset; or, without a record, all from `first` to `offset`: the last offset of a batch that does not fit
   * into memory once it is unpacked.
   */
  record Found(long offset, ConsumerRecord<byte[], byte[]> record, long first) {}

  /**
   * One partition's records in order up to an end that the consumer's position reaches, control records included.
   *
   * A batch of a few kilobytes can unpack to any size, and the client has no bound for it. What does not fit ends in an
   * OutOfMemoryError, which leaves the consumer in no state to be used on: another one reads on, a record at a time, and where
   * it fails again the end of the batch is looked for, since every offset of a batch is answered with the whole of it.
   */
  final class Cursor {
    final String isolation;
    final TopicPartition partition;
    final long to;
    final ArrayDeque<Found> ready = new ArrayDeque<>();
    KafkaConsumer<byte[], byte[]> consumer;
    boolean single = false;

    Cursor(KafkaConsumer<byte[], byte[]> consumer, String isolation, TopicPartition partition, long from, long to) {
      this.isolation = isolation;
      this.partition = partition;
      this.to = to;
      use(consumer, from);
    }

    void use(KafkaConsumer<byte[], byte[]> next, long from) {
      consumer = next;
      consumer.assign(List.of(partition));
      consumer.seek(partition, from);
    }

    void renew(long from, int recordsPerPoll) {
      consumer.close(Duration.ZERO);
      single = recordsPerPoll == 1;
      use(consumer(isolation, recordsPerPoll), from);
    }

    /** The consumer, for the next partition. */
    KafkaConsumer<byte[], byte[]> end() {
      if (single) renew(to, RECORDS_PER_POLL);
      return consumer;
    }

    Found peek() {
      long position = -1, moved = System.nanoTime();
      while (ready.isEmpty()) {
        long now = consumer.position(partition);
        if (now >= to) return null;
        if (now != position) {
          position = now;
          moved = System.nanoTime();
        } else if ((System.nanoTime() - moved) / 1_000_000 > STALL_MS_MAX) {
          throw new IllegalStateException(
              "reading " + partition + " stands still at offset " + now + ", " + to + " was to be reached");
        }
        try {
          for (var record : consumer.poll(POLL).records(partition))
            if (record.offset() < to) ready.add(new Found(record.offset(), isLarge(record) ? null : record, record.offset()));
        } catch (OutOfMemoryError tooLarge) {
          boolean again = !single;
          renew(now, 1);
          if (!again) ready.add(passBatch(now));
        }
      }
      return ready.peekFirst();
    }

    Found take() {
      return ready.pollFirst();
    }

    /** Moves behind the batch that cannot be read at `first`, to the lowest offset that can be read from. */
    Found passBatch(long first) {
      long bad = first, good = first + 1;
      for (long step = 1; !reads(good); step *= 2) {
        bad = good;
        good = Math.min(to, good + step);
      }
      while (good - bad > 1) {
        long middle = bad + (good - bad) / 2;
        if (reads(middle)) good = middle;
        else bad = middle;
      }
      renew(good, RECORDS_PER_POLL);
      return new Found(good - 1, null, first);
    }

    boolean reads(long offset) {
      long since = System.nanoTime();
      consumer.seek(partition, offset);
      try {
        while (consumer.position(partition) < to && consumer.poll(POLL).isEmpty()) {
          if ((System.nanoTime() - since) / 1_000_000 > STALL_MS_MAX)
            throw new IllegalStateException("reading " + partition + " stands still at offset " + offset);
        }
        return true;
      } catch (OutOfMemoryError tooLarge) {
        renew(offset, 1);
        return false;
      }
    }
  }

  static boolean isLarge(ConsumerRecord<byte[], byte[]> record) {
    return (long) record.serializedKeySize() + record.serializedValueSize() > RECORD_BYTES_MAX;
  }

  void emitUnread(TopicPartition partition, Found found, long timestamp, int state) throws IOException {
    var bytes = new ByteArrayOutputStream(64);
    var frame = new DataOutputStream(bytes);
    frame.writeByte(state);
    frame.writeInt(partition.partition());
    frame.writeLong(found.offset());
    frame.writeLong(timestamp);
    frame.writeLong(found.first());
    frame(out, 'U', bytes.toByteArray());
  }

  /** Written piece by piece: a copy of a large record would not fit beside it. */
  void emit(ConsumerRecord<byte[], byte[]> record, int state) throws IOException {
    var headers = record.headers().toArray();
    var names = new byte[headers.length][];
    long length = 1 + 85 + sizeOf(record.key()) + sizeOf(record.value()) + 4;
    for (int i = 0; i < headers.length; i++) {
      names[i] = headers[i].key().getBytes(StandardCharsets.UTF_8);
      length += sizeOf(names[i]) + sizeOf(headers[i].value());
    }
    out.writeInt(Math.toIntExact(length));
    out.writeByte('R');
    out.writeByte(state);
    out.writeInt(record.partition());
    out.writeLong(record.offset());
    out.writeLong(record.timestamp());
    out.write(sha256.digest(record.value() == null ? new byte[0] : record.value()));
    out.write(digest(record));
    put(out, record.key());
    put(out, record.value());
    out.writeInt(headers.length);
    for (int i = 0; i < headers.length; i++) {
      put(out, names[i]);
      put(out, headers[i].value());
    }
  }

  static long sizeOf(byte[] bytes) {
    return 4L + (bytes == null ? 0 : bytes.length);
  }

  /** One digest over key, value and headers in order, lengths included, without the omitted headers. */
  byte[] digest(ConsumerRecord<byte[], byte[]> record) throws IOException {
    var canonical = new DataOutputStream(new DigestOutputStream(OutputStream.nullOutputStream(), sha256));
    put(canonical, record.key());
    put(canonical, record.value());
    for (Header header : record.headers()) {
      if (omits(header.key())) continue;
      put(canonical, header.key().getBytes(StandardCharsets.UTF_8));
      put(canonical, header.value());
    }
    canonical.flush();
    return sha256.digest();
  }

  boolean omits(String name) {
    for (var pattern : omitted) {
      boolean match = pattern.endsWith("*")
          ? name.startsWith(pattern.substring(0, pattern.length() - 1)) : name.equals(pattern);
      if (match) return true;
    }
    return false;
  }

  static void put(DataOutputStream to, byte[] bytes) throws IOException {
    to.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) to.write(bytes);
  }

  void answer(Object document) throws IOException {
    var text = new StringBuilder();
    json(text, document);
    frame(out, 'J', text.toString().getBytes(StandardCharsets.UTF_8));
  }

  static void frame(DataOutputStream to, char type, byte[] payload) throws IOException {
    to.writeInt(payload.length + 1);
    to.writeByte(type);
    to.write(payload);
  }

  static String describe(Throwable error) {
    while (error instanceof ExecutionException && error.getCause() != null) error = error.getCause();
    var text = error.getClass().getSimpleName() + ": " + error.getMessage();
    return error.getCause() == null ? text : text + " (" + error.getCause().getMessage() + ")";
  }

  static Map<String, Object> object(Object... pairs) {
    var map = new TreeMap<String, Object>();
    for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
    return map;
  }

  static void json(StringBuilder to, Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) {
      to.append(value);
    } else if (value instanceof Map<?, ?> map) {
      char separator = '{';
      if (map.isEmpty()) to.append(separator);
      for (var entry : map.entrySet()) {
        json(to.append(separator), String.valueOf(entry.getKey()));
        json(to.append(':'), entry.getValue());
        separator = ',';
      }
      to.append('}');
    } else if (value instanceof Collection<?> list) {
      char separator = '[';
      if (list.isEmpty()) to.append(separator);
      for (var item : list) {
        json(to.append(separator), item);
        separator = ',';
      }
      to.append(']');
    } else {
      to.append('"');
      for (char c : value.toString().toCharArray()) {
        if (c == '"' || c == '\\') to.append('\\').append(c);
        else if (c < ' ') to.append(String.format("\\u%04x", (int) c));
        else to.append(c);
      }
      to.append('"');
    }
  }
}
