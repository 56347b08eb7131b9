import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The benchmark's independent eye: Kafka's own Java client under read_committed, in a process of its own.
 *
 * Standard input: client properties, an empty line, then one command a line, fields parted by tabs. Standard output: frames
 * of [int32 length][byte type][payload]: R a record, K a record's key and when it was seen, J ends a command, E is an error.
 *
 *   create PARTITIONS TOPIC...     makes topics (replication: the cluster's default)
 *   delete TOPIC...                deletes topics
 *   dump TOPIC                     every committed record up to the present end, as R frames
 *   ends TOPIC                     the last stable offsets, summed up
 *   follow TOPIC                   J at once, then a K frame for every new record, until the line "stop"; then J
 */
public final class BenchProbe {
  static final Duration POLL = Duration.ofMillis(50);
  static final BlockingQueue<String> commands = new LinkedBlockingQueue<>();

  final Properties settings;
  final DataOutputStream out;
  final Admin admin;

  BenchProbe(Properties settings, DataOutputStream out) {
    this.settings = settings;
    this.out = out;
    this.admin = Admin.create(settings);
  }

  public static void main(String[] args) throws Exception {
    var out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 18));
    System.setOut(System.err); // a library that prints must not break the frames
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var text = new StringBuilder();
    for (String line; (line = in.readLine()) != null && !line.isEmpty();) text.append(line).append('\n');
    var settings = new Properties();
    settings.load(new StringReader(text.toString()));
    settings.put("isolation.level", "read_committed");
    settings.put("max.poll.records", "5000");
    settings.put("fetch.max.wait.ms", "100");
    var listener = new Thread(() -> {
      try {
        for (String line; (line = in.readLine()) != null;) commands.add(line);
      } catch (Exception error) {
        // The other side is gone: so are we.
      }
      Runtime.getRuntime().halt(0);
    });
    listener.setDaemon(true);
    listener.start();
    var probe = new BenchProbe(settings, out);
    while (true) {
      try {
        probe.run(commands.take().split("\t"));
        probe.frame('J', new byte[0]);
      } catch (Exception error) {
        probe.frame('E', String.valueOf(error.getCause() == null ? error : error.getCause()).getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
    }
  }

  void run(String[] words) throws Exception {
    var rest = Arrays.asList(words).subList(1, words.length);
    switch (words[0]) {
      case "create" -> create(Integer.parseInt(words[1]), rest.subList(1, rest.size()));
      case "delete" -> admin.deleteTopics(rest).all().get();
      case "dump" -> dump(words[1]);
      case "ends" -> ends(words[1]);
      case "follow" -> follow(words[1]);
      default -> throw new IllegalArgumentException("unknown command " + words[0]);
    }
  }

  /** Waits until every partition answers: a leader that the metadata names may not know of it yet. */
  void create(int partitions, List<String> topics) throws Exception {
    admin.createTopics(topics.stream().map(name -> new NewTopic(name, Optional.of(partitions), Optional.empty())).toList()).all().get();
    try (var consumer = consumer()) {
      for (var topic : topics) {
        var all = new ArrayList<TopicPartition>();
        for (int i = 0; i < partitions; i++) all.add(new TopicPartition(topic, i));
        consumer.endOffsets(all);
      }
    }
  }

  KafkaConsumer<byte[], byte[]> consumer() {
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static List<TopicPartition> partitionsOf(KafkaConsumer<?, ?> consumer, String topic) {
    return consumer.partitionsFor(topic).stream().map(info -> new TopicPartition(topic, info.partition())).toList();
  }

  void dump(String topic) throws Exception {
    try (var consumer = consumer()) {
      var partitions = partitionsOf(consumer, topic);
      var ends = consumer.endOffsets(partitions); // under read_committed: the last stable offsets
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
        for (var record : consumer.poll(POLL)) {
          byte[] key = record.key() == null ? new byte[0] : record.key();
          byte[] value = record.value() == null ? new byte[0] : record.value();
          out.writeInt(1 + 4 + 8 + 4 + key.length + value.length);
          out.writeByte('R');
          out.writeInt(record.partition());
          out.writeLong(record.offset());
          out.writeInt(key.length);
          out.write(key);
          out.write(value);
        }
      }
    }
  }

  void ends(String topic) throws Exception {
    try (var consumer = consumer()) {
      long sum = consumer.endOffsets(partitionsOf(consumer, topic)).values().stream().mapToLong(Long::longValue).sum();
      frame('N', Long.toString(sum).getBytes(StandardCharsets.UTF_8));
    }
  }

  void follow(String topic) throws Exception {
    try (var consumer = consumer()) {
      var partitions = partitionsOf(consumer, topic);
      consumer.assign(partitions);
      consumer.seekToEnd(partitions);
      partitions.forEach(consumer::position);
      frame('J', new byte[0]);
      out.flush();
      while (true) {
        var command = commands.peek();
        if (command != null && command.equals("stop")) {
          commands.take();
          return;
        }
        var records = consumer.poll(POLL);
        var now = Instant.now();
        long micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
        for (var record : records) {
          byte[] key = record.key() == null ? new byte[0] : record.key();
          out.writeInt(1 + 8 + key.length);
          out.writeByte('K');
          out.writeLong(micros);
          out.write(key);
        }
        if (!records.isEmpty()) out.flush();
      }
    }
  }

  void frame(char type, byte[] payload) throws Exception {
    out.writeInt(1 + payload.length);
    out.writeByte(type);
    out.write(payload);
  }
}
