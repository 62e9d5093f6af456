package main

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

func init() { engines["xsgen"] = xsgen{} }

// xsgen is transport/zeromq. What cannot be taken makes the publisher wait.
type xsgen struct{}

var names = map[string]topic.Name{"pubsub": "state.order.placed", "pushpull": "event.order.submit"}

func (xsgen) send(pattern, dir string, n int, ready func()) error {
	ctx := context.Background()
	t, err := zeromq.New(ctx, zeromq.Config{Node: "sender", Dir: dir})
	if err != nil {
		return err
	}
	ready()
	m := &transport.Message{
		Envelope: transport.Envelope{Topic: names[pattern], Type: "StateChanged", Epoch: "0123456789abcdef"},
		Body:     make([]byte, size), Profile: &transport.Profile{Confirm: transport.Off},
	}
	probe := *m
	probe.Mandatory = true
	for sent := 0; sent < n; {
		m.Seq = uint64(sent + 1)
		if sent == 0 { // until somebody is there
			if _, err := t.Begin(ctx, &probe); err == nil {
				sent++
			} else {
				time.Sleep(time.Millisecond)
			}
			continue
		}
		if _, err := t.Begin(ctx, m); err != nil {
			return err
		}
		sent++
	}
	return nil
}

func (xsgen) receive(pattern, dir string, n int, ready, got func()) error {
	ctx := context.Background()
	t, err := zeromq.New(ctx, zeromq.Config{Node: "receiver", Dir: dir})
	if err != nil {
		return err
	}
	if err := t.Status().Await(ctx, transport.Ready); err != nil {
		return err
	}
	ready()
	r := transport.SubscribeRequest{
		Patterns: []topic.Pattern{"state.#", "event.#"}, Profile: transport.Profile{Capacity: 4000, Prefetch: 1000}, Reuse: true,
		Receive: func(_ context.Context, d *transport.Delivery) {
			_ = d.Settle(nil)
			got()
		},
	}
	if pattern == "pushpull" {
		r.Group = "workers"
	}
	_, err = t.Subscribe(ctx, r)
	return err
}
