package amqp

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// acker acknowledges deliveries of a channel, many with one frame where all that came
// before them are settled too. It is for one goroutine at a time.
type acker struct {
	ch      *amqp.Channel
	next    uint64          // the first delivery that is not settled
	settled map[uint64]bool // after that; true: the broker has been told
	top     uint64          // the last one before next that the broker has not been told of; 0 for none
	waiting int             // settled, and the broker has not been told
	last    time.Time       // when it was told
}

// The most that a settled delivery waits for others, in time and number.
const (
	maxAckWait = 10 * time.Millisecond
	maxAcks    = 256
)

// settle notes that a delivery is settled.
func (a *acker) settle(tag uint64) {
	a.waiting++
	a.note(tag, false)
}

// forget notes that the broker knows of a delivery.
func (a *acker) forget(tag uint64) { a.note(tag, true) }

func (a *acker) note(tag uint64, told bool) {
	if a.settled == nil {
		a.settled = map[uint64]bool{}
	}
	a.settled[tag] = told
	for {
		told, ok := a.settled[a.next]
		if !ok {
			return
		}
		if !told {
			a.top = a.next
		}
		delete(a.settled, a.next)
		a.next++
	}
}

// due reports whether the broker should be told now.
func (a *acker) due(prefetch int) bool {
	return a.waiting > 0 && (a.waiting >= min(max(prefetch/2, 1), maxAcks) || time.Since(a.last) > maxAckWait)
}

// flush tells the broker. An error is that of the connection, which is lost then.
func (a *acker) flush() {
	if a.waiting == 0 {
		return
	}
	if a.top > 0 {
		_ = a.ch.Ack(a.top, true)
		a.top = 0
	}
	for tag, told := range a.settled {
		if !told {
			_ = a.ch.Ack(tag, false)
			a.settled[tag] = true
		}
	}
	a.waiting, a.last = 0, time.Now()
}
