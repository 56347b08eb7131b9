// franz-go: poll, transform, one transaction a poll with GroupTransactSession, as its documentation's EOS example does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type job struct {
	Brokers      []string `json:"brokers"`
	Input        string   `json:"input"`
	Output       string   `json:"output"`
	Group        string   `json:"group"`
	Records      int      `json:"records"`
	BatchRecords int      `json:"batch_records"`
}

type order struct {
	EventID       *string `json:"event_id"`
	OrderID       *string `json:"order_id"`
	UserID        *string `json:"user_id"`
	Amount        *string `json:"amount"`
	Currency      *string `json:"currency"`
	OccurredAt    *string `json:"occurred_at"`
	Channel       *string `json:"channel"`
	SchemaVersion *int    `json:"schema_version"`
	InvoiceID     string  `json:"invoice_id"`
}

func transformed(value []byte) ([]byte, error) {
	var o order
	if err := json.Unmarshal(value, &o); err != nil {
		return nil, err
	}
	if o.EventID == nil || o.OrderID == nil || o.UserID == nil || o.Amount == nil || o.Currency == nil ||
		o.OccurredAt == nil || o.Channel == nil || o.SchemaVersion == nil {
		return nil, errors.New("a field is missing")
	}
	o.InvoiceID = "invoice-" + *o.OrderID
	return json.Marshal(&o)
}

func cpuMs() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	ms := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e3 + float64(t.Usec)/1e3 }
	return ms(usage.Utime) + ms(usage.Stime)
}

func rssMiB() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Maxrss) / 1024
}

func nowMs() float64 { return float64(time.Now().UnixMicro()) / 1e3 }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	must(err)
	var j job
	must(json.Unmarshal(line, &j))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(j.Brokers...),
		kgo.TransactionalID(j.Group),
		kgo.ConsumerGroup(j.Group),
		kgo.ConsumeTopics(j.Input),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(0),
	)
	must(err)
	defer session.Close()
	var first, firstCPU float64
	records := 0
	for ctx.Err() == nil {
		fetches := session.PollRecords(ctx, 10*j.BatchRecords)
		for _, failure := range fetches.Errors() {
			if ctx.Err() == nil {
				must(failure.Err)
			}
		}
		count := fetches.NumRecords()
		if count == 0 {
			continue
		}
		if first == 0 {
			first, firstCPU = nowMs(), cpuMs()
		}
		must(session.Begin())
		promise := kgo.AbortingFirstErrPromise(session.Client())
		fetches.EachRecord(func(r *kgo.Record) {
			value, err := transformed(r.Value)
			must(err)
			session.Produce(ctx, &kgo.Record{Topic: j.Output, Key: r.Key, Value: value}, promise.Promise())
		})
		must(promise.Err())
		committed, err := session.End(ctx, kgo.TryCommit)
		if ctx.Err() != nil {
			return
		}
		must(err)
		if !committed {
			continue
		}
		records += count
		progress, _ := json.Marshal(map[string]any{
			"event": "progress", "records": records, "first_ms": first, "at_ms": nowMs(),
			"cpu_ms": cpuMs() - firstCPU, "rss_mib": rssMiB(),
		})
		fmt.Println(string(progress))
		if j.Records > 0 && records >= j.Records {
			return
		}
	}
}
