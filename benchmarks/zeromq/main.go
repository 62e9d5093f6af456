// Command zeromq measures how many messages of 64 bytes per second go from one process to
// another over ipc, with transport/zeromq, libzmq and go-zeromq/zmq4, and prints the
// medians as a Markdown table, with the processor time that the sender and the receiver take for
// a message, from their start to their end. The runs are interleaved, so that what disturbs the machine
// disturbs all. libzmq is Debian's, unpacked in the user's cache where the machine lacks it.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xsgen/xsgen/internal/debian"
)

// contender is who sends and receives.
type contender struct {
	engine string
	what   string
	count  int // messages of a run
}

var contenders = []contender{
	{"xsgen", "xsgen: topic, envelope and payload between two nodes", 1_000_000},
	{"libzmq", "libzmq: one frame", 1_000_000},
	{"libzmq3", "libzmq: the same three frames", 1_000_000},
	{"zmq4", "go-zeromq/zmq4: one frame", 100_000},
	{"zmq43", "go-zeromq/zmq4: the same three frames", 100_000},
}

func main() {
	runs := flag.Int("count", 5, "how often each is measured")
	only := flag.String("only", "", "an engine, in place of all")
	profile := flag.String("cpuprofile", "", "a prefix for the profiles of xsgen's processes")
	flag.Parse()
	if err := compare(*runs, *only, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compare(runs int, only, profile string) error {
	dir, err := os.MkdirTemp("", "bz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	env, err := build(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, messages per second over ipc, medians of %d runs\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runs)
	fmt.Println("| pattern | who | messages/s | xsgen is | sender, µs | receiver, µs |\n|---|---|---|---|---|---|")
	for _, pattern := range []string{"pubsub", "pushpull"} {
		rates, senders, receivers := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
		for range runs {
			for _, c := range contenders {
				if only != "" && c.engine != only {
					continue
				}
				r, err := c.run(dir, env, pattern, profile)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.engine, pattern, err)
				}
				rates[c.engine] = append(rates[c.engine], r.rate)
				senders[c.engine] = append(senders[c.engine], r.sender)
				receivers[c.engine] = append(receivers[c.engine], r.receiver)
			}
		}
		for _, c := range contenders {
			if list := rates[c.engine]; len(list) > 0 {
				fmt.Printf("| %s | %s | %.0f | %.2f | %.2f | %.2f |\n", pattern, c.what, median(list), median(rates["xsgen"])/median(list),
					median(senders[c.engine]), median(receivers[c.engine]))
			}
		}
	}
	return nil
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// build builds the program of the two processes, and returns the environment in which it
// runs.
func build(dir string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	root, err := debian.Fetch(ctx, "libzmq3-dev")
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), root.Env()...)
	if root.Path("usr/include/zmq.h") != "/usr/include/zmq.h" {
		env = append(env, "PKG_CONFIG_SYSROOT_DIR="+root.Dir, "CGO_LDFLAGS=-Wl,--allow-shlib-undefined")
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "libzmq", "-o", filepath.Join(dir, "peer"), "./zeromq/peer")
	cmd.Env, cmd.Stderr = env, os.Stderr
	if _, err := os.Stat("zeromq"); err != nil {
		return nil, fmt.Errorf("run it in the directory benchmarks: %w", err)
	}
	return env, cmd.Run()
}

// result is what came of a run.
type result struct {
	rate             float64 // messages per second
	sender, receiver float64 // processor time for a message, in microseconds
}

// run has one process send to another one.
func (c contender) run(dir string, env []string, pattern, profile string) (r result, err error) {
	where, err := os.MkdirTemp(dir, "s")
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := func(role string) (*exec.Cmd, *bufio.Reader, error) {
		cmd := exec.CommandContext(ctx, filepath.Join(dir, "peer"), c.engine, pattern, role, where, strconv.Itoa(c.count))
		cmd.Env, cmd.Stderr = env, os.Stderr
		if profile != "" {
			cmd.Env = append(slices.Clone(env), "CPUPROFILE="+profile+"."+pattern+"."+role)
		}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return nil, nil, err
		}
		r := bufio.NewReader(out)
		if line, err := r.ReadString('\n'); line != "ready\n" {
			return nil, nil, fmt.Errorf("the %s says %q: %w", role, line, err)
		}
		return cmd, r, nil
	}
	// Whoever binds comes first: the sender.
	sender, _, err := start("send")
	if err != nil {
		return r, err
	}
	defer func() {
		_ = sender.Process.Kill()
		_ = sender.Wait()
		r.sender = c.each(sender)
	}()
	receiver, out, err := start("receive")
	if err != nil {
		return r, err
	}
	line, err := out.ReadString('\n')
	if err != nil {
		return r, err
	}
	if profile != "" {
		_ = sender.Process.Signal(os.Interrupt)
		time.Sleep(300 * time.Millisecond)
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err == nil {
		err = receiver.Wait()
	}
	r.rate, r.receiver = float64(c.count)/seconds, c.each(receiver)
	return r, err
}

// each is the processor time that a process which has ended took for a message.
func (c contender) each(cmd *exec.Cmd) float64 {
	return float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Microseconds()) / float64(c.count)
}
