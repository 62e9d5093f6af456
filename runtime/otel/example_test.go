package otel_test

import (
	"context"
	"fmt"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/otel"
)

func Example() {
	observer, err := otel.New() // by the global providers of traces and metrics
	if err != nil {
		panic(err)
	}
	b := bus.New(bus.WithObserver(observer))
	stop, err := otel.Watch(b) // the queues
	if err != nil {
		panic(err)
	}
	defer func() { _ = stop() }()
	p, err := bus.NewPublisher[thing](b, "event.m.go")
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Publish(context.Background(), &thing{1}))
	// Output: <nil>
}

func ExampleObserver_Transport() {
	observer, err := otel.New()
	if err != nil {
		panic(err)
	}
	config := node.Config{
		BusOptions: []bus.Option{bus.WithObserver(observer)},
		Around:     observer.Transport, // what leaves the process carries its trace
	}
	fmt.Println(config.Replica) // generated code starts a node with it
	// Output: 0
}
