import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes to partition 0 of the first topic what Kafka's own client can put into record batches: each codec with the ends of
 * its levels, batches of one record and of many, with and without idempotence, in transactions that commit and that abort.
 * To the other topics it writes with each codec once.
 *
 * Arguments: brokers, then topics. Standard output: a line for each record that counts, fields parted by tabs: topic,
 * offset, timestamp, key, value, headers ("name=value" parted by commas); bytes in base64, "-" for null.
 */
public final class Produce {
  static final long[] TIMES = {1_700_000_000_000L, 1_600_000_000_000L, 1_700_000_000_001L};

  public static void main(String[] args) throws Exception {
    // Levels: the lowest, the default, the highest (lz4 has 1 to 17, gzip 1 to 9 and -1, zstd -131072 to 22).
    String[][] codecs = {
      {"none"}, {"snappy"}, {"gzip"}, {"gzip", "1"}, {"gzip", "9"}, {"lz4"}, {"lz4", "1"}, {"lz4", "17"},
      {"zstd"}, {"zstd", "-131072"}, {"zstd", "22"},
    };
    for (String topic : Arrays.asList(args).subList(1, args.length)) {
      boolean all = topic.equals(args[1]);
      for (String[] codec : codecs) {
        if (codec.length > 1 && !all) continue;
        write(settings(args[0], codec), topic, String.join(" ", codec));
        if (codec.length > 1 || !all) continue;
        Properties alone = settings(args[0], codec);
        alone.put("batch.size", "0");
        alone.put("enable.idempotence", "false");
        write(alone, topic, codec[0] + " alone");
        Properties transactional = settings(args[0], codec);
        transactional.put("transactional.id", topic + "/" + codec[0]);
        write(transactional, topic, codec[0] + " in transactions");
      }
    }
  }

  static Properties settings(String brokers, String[] codec) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("compression.type", codec[0]);
    if (codec.length > 1) settings.put("compression." + codec[0] + ".level", codec[1]);
    settings.put("linger.ms", "50");
    settings.put("batch.size", "900000");
    return settings;
  }

  static void write(Properties settings, String topic, String name) throws Exception {
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      if (!settings.containsKey("transactional.id")) {
        print(send(producer, topic, name));
        return;
      }
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, topic, name + ", aborted");
      producer.flush();
      producer.abortTransaction();
      producer.beginTransaction();
      List<Sent> sent = send(producer, topic, name);
      producer.commitTransaction();
      print(sent);
    }
  }

  record Sent(ProducerRecord<byte[], byte[]> record, Future<RecordMetadata> place) {}

  static List<Sent> send(KafkaProducer<byte[], byte[]> producer, String topic, String name) {
    // Longer than the blocks of any codec: one that packs well, and one that hardly does.
    byte[] zeros = new byte[150_000];
    byte[] noise = new byte[100_000];
    new Random(7).nextBytes(noise);
    byte[][][] pairs = {
      {"key".getBytes(), name.getBytes()}, {null, "no key".getBytes()}, {{}, {}}, {"key".getBytes(), null},
      {null, null}, {"key".getBytes(), zeros}, {"k".repeat(100_000).getBytes(), noise},
      {"last".getBytes(), name.getBytes()},
    };
    List<Sent> sent = new ArrayList<>();
    for (int i = 0; i < pairs.length; i++) {
      var record = new ProducerRecord<>(topic, 0, TIMES[i % TIMES.length], pairs[i][0], pairs[i][1]);
      if (i % 2 == 0) {
        for (byte[] value : new byte[][] {null, {}, {1, 2}}) record.headers().add(new RecordHeader("h", value));
        record.headers().add(new RecordHeader("", "no name".getBytes()));
      }
      sent.add(new Sent(record, producer.send(record)));
    }
    return sent;
  }

  static void print(List<Sent> sent) throws Exception {
    for (Sent one : sent) {
      RecordMetadata place = one.place.get();
      List<String> headers = new ArrayList<>();
      one.record.headers().forEach((header) -> headers.add(header.key() + "=" + text(header.value())));
      System.out.println(String.join("\t", place.topic(), "" + place.offset(), "" + place.timestamp(),
          text(one.record.key()), text(one.record.value()), String.join(",", headers)));
    }
  }

  static String text(byte[] bytes) {
    return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
  }
}
