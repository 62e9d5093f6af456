// Command peer is one of the two processes that benchmarks/zeromq measures.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"time"
)

// engine sends or receives a number of messages of 64 bytes.
type engine interface {
	// send sends messages once the receiver is there. ready is called when the receiver may
	// come.
	send(pattern, dir string, n int, ready func()) error
	// receive receives messages, and calls got for each; ready is called when they may come.
	receive(pattern, dir string, n int, ready, got func()) error
}

var engines = map[string]engine{}

const size = 64 // bytes of a payload

// threeFrames are a topic, as much as xsgen's envelope has, and a payload.
func threeFrames() [][]byte {
	return [][]byte{[]byte("state.order.placed"), make([]byte, 94), make([]byte, size)}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 6 {
		return fmt.Errorf("usage: peer engine pubsub|pushpull send|receive directory count")
	}
	e := engines[os.Args[1]]
	if e == nil {
		return fmt.Errorf("there is no engine %s", os.Args[1])
	}
	n, err := strconv.Atoi(os.Args[5])
	if err != nil {
		return err
	}
	stop, err := profile()
	if err != nil {
		return err
	}
	defer stop()
	ready := func() { fmt.Println("ready") }
	pattern, dir := os.Args[2], os.Args[4]
	if os.Args[3] == "send" {
		if err := e.send(pattern, dir, n, ready); err != nil {
			return err
		}
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		<-interrupted // it is killed otherwise
		return nil
	}
	var first time.Time
	count := 0
	done := make(chan struct{})
	got := func() {
		if count++; count == 1 {
			first = time.Now()
		}
		if count == n {
			close(done)
		}
	}
	if err := e.receive(pattern, dir, n, ready, got); err != nil {
		return err
	}
	<-done
	fmt.Println(time.Since(first).Seconds())
	return nil
}

// profile writes a profile to where the environment says.
func profile() (stop func(), err error) {
	name := os.Getenv("CPUPROFILE")
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, pprof.StartCPUProfile(f)
}
