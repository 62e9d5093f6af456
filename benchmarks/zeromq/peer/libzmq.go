//go:build libzmq

package main

import (
	"time"

	zmq "github.com/pebbe/zmq4"
)

func init() {
	engines["libzmq"] = native{[][]byte{make([]byte, size)}}
	engines["libzmq3"] = native{threeFrames()}
}

// native is libzmq, with room for all messages.
type native struct{ frames [][]byte }

func (e native) send(pattern, dir string, n int, ready func()) error {
	kind := zmq.PUSH
	if pattern == "pubsub" {
		kind = zmq.PUB
	}
	s, err := zmq.NewSocket(kind)
	if err == nil {
		err = s.SetSndhwm(0)
	}
	if err == nil {
		err = s.Bind("ipc://" + dir + "/s")
	}
	if err != nil {
		return err
	}
	ready()
	time.Sleep(500 * time.Millisecond) // PUB does not say when somebody is there
	for range n {
		for i, f := range e.frames {
			flags := zmq.SNDMORE
			if i == len(e.frames)-1 {
				flags = 0
			}
			if _, err := s.SendBytes(f, flags); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e native) receive(pattern, dir string, n int, ready, got func()) error {
	kind := zmq.PULL
	if pattern == "pubsub" {
		kind = zmq.SUB
	}
	s, err := zmq.NewSocket(kind)
	if err == nil {
		err = s.SetRcvhwm(0)
	}
	if err == nil && kind == zmq.SUB {
		err = s.SetSubscribe("")
	}
	if err == nil {
		err = s.Connect("ipc://" + dir + "/s")
	}
	if err != nil {
		return err
	}
	ready()
	for range n {
		for range e.frames {
			if _, err := s.RecvBytes(0); err != nil {
				return err
			}
		}
		got()
	}
	return nil
}
