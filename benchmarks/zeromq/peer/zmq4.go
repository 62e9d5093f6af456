package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"
)

func init() {
	engines["zmq4"] = pure{[][]byte{make([]byte, size)}}
	engines["zmq43"] = pure{threeFrames()}
}

// pure is go-zeromq/zmq4, with messages of some frames.
type pure struct{ frames [][]byte }

func (p pure) send(pattern, dir string, n int, ready func()) error {
	s := zmq4.NewPush(context.Background())
	if pattern == "pubsub" {
		s = zmq4.NewPub(context.Background())
	}
	if err := s.Listen("ipc://" + dir + "/s"); err != nil {
		return err
	}
	ready()
	time.Sleep(500 * time.Millisecond) // it does not say when somebody is there
	m, send := zmq4.NewMsgFrom(p.frames...), s.Send
	if len(p.frames) > 1 {
		send = s.SendMulti // which writes all frames at once
	}
	for range n {
		if err := send(m); err != nil {
			return err
		}
	}
	return nil
}

func (p pure) receive(pattern, dir string, n int, ready, got func()) error {
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
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if len(m.Frames) != len(p.frames) {
			return fmt.Errorf("a message of %d frames", len(m.Frames))
		}
		got()
	}
	return nil
}
