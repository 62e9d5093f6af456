// Command ratios runs the benchmarks several times, interleaved, and prints the
// medians and what they are to each other, as a Markdown table.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// row is one comparison: ours against a reference, both names of benchmarks.
type row struct {
	what, ours, reference string
	must                  float64 // the most that ours/reference may be
	reach                 float64
}

var rows = []row{
	{"publish to 1 handler; a call through a slice", "Publish/xsgen-1", "Publish/slice-1", 8, 3},
	{"publish to 1 handler; asaskevich/EventBus", "Publish/xsgen-1", "Publish/eventbus-1", 1. / 8, 1. / 20},
	{"publish to 10 handlers; calls through a slice", "Publish/xsgen-10", "Publish/slice-10", 2, 1.3},
	{"publish to 10 handlers; asaskevich/EventBus", "Publish/xsgen-10", "Publish/eventbus-10", 0, 0},
	{"queued, 1 subscriber; a channel that promises as much", "Queued/xsgen-1", "Queued/equal-1", 1 / 1.2, 1. / 2},
	{"queued, 1 subscriber, batches of 64; a channel that promises as much", "Queued/xsgen-batch-1", "Queued/equal-1", 1 / 1.8, 1. / 4},
	{"queued, 1 subscriber; a bare channel of pointers", "Queued/xsgen-1", "Queued/channel-1", 0, 0},
	{"queued, 1 subscriber, batches of 64; a bare channel of pointers", "Queued/xsgen-batch-1", "Queued/channel-1", 0, 0},
	{"one hop, median; a bare channel without room", "Hop/xsgen", "Hop/channel", 1.5, 1},
	{"queued, 1 subscriber; watermill's gochannel", "Queued/xsgen-1", "Queued/watermill-1", 0, 0},
	{"queued, 1 subscriber; NATS in process", "Queued/xsgen-1", "Queued/nats-1", 0, 0},
	{"queued, 1 subscriber; cskr/pubsub", "Queued/xsgen-1", "Queued/cskr-1", 0, 0},
	{"queued, 1 subscriber; a channel of puzpuzpuz/xsync", "Queued/xsgen-1", "Queued/xsync-1", 0, 0},
	{"queued, 10 subscribers; channels that promise as much", "Queued/xsgen-10", "Queued/equal-10", 1 / 1.3, 1. / 5},
	{"queued, 10 subscribers, batches of 64; channels that promise as much", "Queued/xsgen-batch-10", "Queued/equal-10", 1. / 2, 1. / 5},
	{"queued, 10 subscribers; bare channels of pointers", "Queued/xsgen-10", "Queued/channel-10", 0, 0},
	{"queued, 10 subscribers, batches of 64; bare channels of pointers", "Queued/xsgen-batch-10", "Queued/channel-10", 0, 0},
	{"queued, 10 subscribers; watermill's gochannel", "Queued/xsgen-10", "Queued/watermill-10", 1. / 50, 0},
	{"queued, 10 subscribers; NATS in process", "Queued/xsgen-10", "Queued/nats-10", 0, 0},
	{"publish to a bound topic that nobody hears; NATS's cache finds nobody", "Match/bound", "Match/nats-hot", 1. / 4, 0},
	{"subscriptions of a topic, 100,000 on 131,072 topics; NATS's list", "Match/xsgen-all", "Match/nats-all", 1. / 8, 0},
	{"subscriptions of one topic over and over; NATS's cache", "Match/xsgen-hot", "Match/nats-hot", 1, 0},
	{"an event by a link within a node; the bus by itself", "Wiring/link", "Wiring/bus", 1.1, 0},
	{"an event by one of several links within a node; the bus by itself", "Wiring/links", "Wiring/bus", 1.1, 0},
	{"an event by an inline link; the bus by itself, direct", "Wiring/inline", "Wiring/direct", 1.1, 0},
	{"an event by one of several inline links; the bus by itself, direct", "Wiring/inlines", "Wiring/direct", 1.1, 0},
	{"an event from code to a machine, generated; the bus by itself", "Generated/send", "Generated/send-bus", 1.1, 0},
	{"an event that is mapped from machine to machine, generated; the bus by itself", "Generated/emit", "Generated/emit-bus", 1.1, 0},
	{"an event that code hears, generated; the bus by itself", "Generated/hear", "Generated/hear-bus", 1.1, 0},
	{"an event from code to a machine, generated, inline; the bus by itself, direct", "Generated/send-inline", "Generated/send-direct", 1.1, 0},
	{"an event that is mapped from machine to machine, generated, inline; the bus by itself, direct", "Generated/emit-inline", "Generated/emit-direct", 1.1, 0},
	{"transition, in a batch; a switch that recovers", "Transition/xsgen-batch", "Transition/switch-recover", 2, 1.3},
	{"transition, in a batch; a bare switch", "Transition/xsgen-batch", "Transition/switch", 2, 1.3},
	{"transition, Send; qmuntal/stateless", "Transition/xsgen-send", "Transition/stateless", 0, 0},
	{"transition, Send; looplab/fsm", "Transition/xsgen-send", "Transition/fsm", 0, 0},
	{"three levels down; felixgeelhaar/statekit", "Nested/xsgen", "Nested/statekit", 0, 0},
	{"three levels down; qmuntal/stateless", "Nested/xsgen", "Nested/stateless", 0, 0},
	{"three regions at once; felixgeelhaar/statekit", "Regions/xsgen", "Regions/statekit", 0, 0},
	{"out and back by history; felixgeelhaar/statekit", "History/xsgen", "History/statekit", 0, 0},
	{"64 bytes one way to another process; a raw Unix socket, buffered", "SocketOneWay/xsgen", "SocketOneWay/raw", 0, 0},
	{"64 bytes to another process and back; a raw Unix socket", "SocketRoundTrip/xsgen", "SocketRoundTrip/raw", 1.25, 1.25},
	{"64 bytes to another process and back, spinning; a raw Unix socket", "SocketRoundTrip/xsgen-spinning", "SocketRoundTrip/raw", 0, 0},
	{"encode 7 fields; tinylib/msgp", "Encode/xsgen", "Encode/msgp", 1, 1 / 1.2},
	{"decode 7 fields; tinylib/msgp", "Decode/xsgen", "Decode/msgp", 1, 1 / 1.5},
	{"encode 7 fields; msgpack/v5 by reflection", "Encode/xsgen", "Encode/msgpack-v5", 0, 0},
	{"decode 7 fields; msgpack/v5 by reflection", "Decode/xsgen", "Decode/msgpack-v5", 0, 0},
	{"RabbitMQ, confirmed; the client library with a window of 1,000", "AMQP/xsgen", "AMQP/raw", 1 / 0.9, 1},
	{"RabbitMQ, reliable; the client library with a quorum queue", "AMQP/xsgen-reliable", "AMQP/raw-quorum", 1 / 0.9, 1},
	{"RabbitMQ, confirmed; watermill, one channel", "AMQP/xsgen", "AMQP/watermill", 1. / 4, 0},
	{"RabbitMQ, confirmed; watermill with 50 channels", "AMQP/xsgen", "AMQP/watermill-pool", 0, 0},
	{"RabbitMQ, several events in a message; the client library, one message per event", "AMQP/xsgen-packed", "AMQP/raw", 1. / 15, 1. / 25},
}

func main() {
	count := flag.Int("count", 9, "how often each benchmark runs")
	benchtime := flag.String("benchtime", "200ms", "how long each run takes")
	which := flag.String("bench", ".", "which benchmarks run")
	best := flag.Int("best", 1, "of how many runs, one after the other, the best one counts as one")
	raw := flag.Bool("raw", false, "print the figures of each run, too")
	flag.Parse()
	times, allocs, err := measure(*count, *best, *benchtime, *which)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s, %s/%s, medians of %d runs of %s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, *count, *benchtime)
	fmt.Println("| what; reference | ours, ns | allocs | reference, ns | ratio | must | reach for |\n|---|---|---|---|---|---|---|")
	for _, r := range rows {
		if times[r.ours] == nil {
			continue // it was not asked for
		}
		ours, theirs := median(times[r.ours]), median(times[r.reference])
		fmt.Printf("| %s | %.1f | %.0f | %.1f | %.2f | %s | %s |\n", r.what, ours, median(allocs[r.ours]), theirs, ours/theirs, limit(r.must), limit(r.reach))
	}
	if *raw {
		printRaw(times)
	}
}

// printRaw prints the ratios of the runs, each with its reference beside it, and the figures of
// each run, in the order of the runs.
func printRaw(times map[string][]float64) {
	fmt.Print("\nThe pairs:\n\n")
	for _, r := range rows {
		ours, theirs := times[r.ours], times[r.reference]
		if len(ours) == 0 || len(ours) != len(theirs) {
			continue
		}
		var ratios []float64
		for i := range ours {
			ratios = append(ratios, ours[i]/theirs[i])
		}
		fmt.Printf("- %s to %s: %.3f, from %.3f to %.3f\n", r.ours, r.reference, median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	fmt.Print("\nThe runs:\n\n")
	for _, name := range slices.Sorted(maps.Keys(times)) {
		fmt.Printf("- %s:", name)
		for _, ns := range times[name] {
			fmt.Printf(" %.1f", ns)
		}
		fmt.Println()
	}
}

func limit(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}

// measure runs everything count times, one run after the other, so that what
// disturbs the machine disturbs all candidates. Of each run it may be the best of several
// that counts: on a machine that does other work besides.
func measure(count, best int, benchtime, which string) (times, allocs map[string][]float64, err error) {
	times, allocs = map[string][]float64{}, map[string][]float64{}
	for range count {
		out, err := exec.Command("go", "test", "-run", "^$", "-bench", which, "-benchtime", benchtime, "-count", strconv.Itoa(best), ".").Output()
		if err != nil {
			return nil, nil, fmt.Errorf("go test: %w\n%s", err, out)
		}
		fastest := map[string]float64{}
		for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
			name, figures, ok := parse(sc.Text())
			if !ok {
				continue
			}
			ns, hop := figures["ns/hop"]
			if !hop {
				ns = figures["ns/op"]
			}
			if before, again := fastest[name]; !again || ns < before {
				fastest[name] = ns
			}
			allocs[name] = append(allocs[name], figures["allocs/op"])
		}
		for name, ns := range fastest {
			times[name] = append(times[name], ns)
		}
	}
	return times, allocs, nil
}

// parse reads a line that a benchmark has printed: its name, and its figures by their
// units.
func parse(line string) (name string, figures map[string]float64, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
		return "", nil, false
	}
	name = strings.TrimPrefix(f[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	figures = map[string]float64{}
	for i := 2; i+1 < len(f); i += 2 {
		x, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return "", nil, false
		}
		figures[f[i+1]] = x
	}
	return name, figures, true
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
