package main

import (
	"context"
	"time"

	"github.com/go-zeromq/zmq4"
)

func init() { engines["zmq4"] = pure{} }

// pure is go-zeromq/zmq4.
type pure struct{}

func (pure) send(pattern, dir string, n int, ready func()) error {
	s := zmq4.NewPush(context.Background())
	if pattern == "pubsub" {
		s = zmq4.NewPub(context.Background())
	}
	if err := s.Listen("ipc://" + dir + "/s"); err != nil {
		return err
	}
	ready()
	time.Sleep(500 * time.Millisecond) // it does not say when somebody is there
	m := zmq4.NewMsg(make([]byte, size))
	for range n {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (pure) receive(pattern, dir string, n int, ready, got func()) error {
	s := zmq4.NewPull(context.Background())
	if pattern == "pubsub" {
		s = zmq4.NewSub(context.Background())
	}
	if err := s.Dial("ipc://" + dir + "/s"); err != nil {
		return err
	}
	if pattern == "pubsub" {
		if err := s.SetOption(zmq4.OptionSubscribe, ""); err != nil {
			return err
		}
	}
	ready()
	for range n {
		if _, err := s.Recv(); err != nil {
			return err
		}
		got()
	}
	return nil
}
