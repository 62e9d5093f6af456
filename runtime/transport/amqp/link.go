package amqp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// backoff is how long to wait before connecting again: twice as long each time, up to a
// limit, and a quarter more or less, so that not everybody comes at once.
type backoff struct{ first, most time.Duration }

// wait is the time after the nth failure in a row, n from 0.
func (b backoff) wait(n int) time.Duration {
	d := min(b.first<<min(n, 20), b.most)
	return d*3/4 + rand.N(d/2+1)
}

// session is a connection, from when it is open until it is lost.
type session struct {
	*amqp.Connection
	ctx  context.Context // ends when it is lost
	end  context.CancelCauseFunc
	sock net.Conn
}

// link keeps one connection to the broker. Its goroutine is run.
type link struct {
	t    *Transport
	name string
	// serve uses a session until it is lost, and says why. It calls up once everything
	// is declared.
	serve func(s *session, up func()) error
	// refused, if it is set, is told that the broker will have nothing of us.
	refused func(error)

	said   said // why it connects again
	denied int  // logins in a row that have failed
}

// run connects, again and again, until ctx ends.
func (l *link) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		err := l.once(ctx, func() {
			failures = -1
			l.said = ""
			l.t.linkUp(l)
		})
		if ctx.Err() != nil {
			return
		}
		if err = l.login(err); isPermanent(err) {
			failures = max(failures, 5) // it may be mended, but not at once
			if l.refused != nil {
				l.refused(err)
			}
		}
		l.t.linkDown(l, err)
		l.say(err)
		select {
		case <-ctx.Done():
		case <-time.After(l.t.o.backoff.wait(max(failures, 0))):
		}
	}
}

// login makes a second failed login in a row permanent: RabbitMQ closes the socket without
// a word, and so does a server that ends just then.
func (l *link) login(err error) error {
	if !errors.Is(err, amqp.ErrCredentials) {
		l.denied = 0
		return err
	}
	if l.denied++; l.denied < 2 {
		return err
	}
	return &permanentError{err}
}

// say logs what is new.
func (l *link) say(err error) {
	if l.said.isNew(err) {
		l.t.o.log.Warn("amqp: connecting again", "connection", l.name, "error", err)
	}
}

// said is the error that was logged last, so that each is logged once; empty if there was none.
type said string

// isNew reports whether err is to be logged. After nil every error is new.
func (s *said) isNew(err error) bool {
	last := *s
	*s = ""
	if err != nil {
		*s = said(err.Error())
	}
	return *s != "" && *s != last
}

// once is the life of one connection.
func (l *link) once(ctx context.Context, up func()) error {
	s, err := l.t.dial(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	lost := s.NotifyClose(make(chan *amqp.Error, 1))
	stop := context.AfterFunc(ctx, func() { s.end(ctx.Err()) })
	defer stop()
	go func() {
		if e, ok := <-lost; ok {
			s.end(e)
			return
		}
		s.end(amqp.ErrClosed)
	}()
	if err := l.serve(s, up); err != nil {
		return err
	}
	return context.Cause(s.ctx)
}

// closeTimeout is how long the broker has to say that it knows of a connection's end.
const closeTimeout = 2 * time.Second

// close ends the connection; what it waits for has a limit. The library's own is put off by each
// heartbeat, which a broker that is out of memory goes on sending, and reads nothing.
func (s *session) close() {
	s.end(amqp.ErrClosed)
	closed := make(chan struct{})
	late := time.AfterFunc(closeTimeout, func() {
		defer close(closed)
		_ = s.sock.Close()
	})
	_ = s.CloseDeadline(time.Now().Add(closeTimeout)) // it may have gone
	if !late.Stop() {
		<-closed
	}
	_ = s.sock.Close()
}

// dial connects to the first server that takes it.
func (t *Transport) dial(ctx context.Context) (*session, error) {
	var errs []error
	for _, a := range t.o.addresses {
		s, err := t.connect(ctx, a)
		if err == nil {
			return s, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", a, err))
	}
	return nil, errors.Join(errs...)
}

// dialTimeout is how long connecting to a server may take.
const dialTimeout = 15 * time.Second

func (t *Transport) connect(ctx context.Context, a address) (*session, error) {
	auth, err := t.o.authentication(ctx, a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s := &session{}
	var stop func() bool
	c, err := amqp.DialConfig(a.uri.String(), amqp.Config{
		SASL: auth, Heartbeat: t.o.heartbeat, TLSClientConfig: t.o.clientTLS(a), Vhost: a.uri.Vhost,
		Properties: amqp.Table{"product": "xsgen", "connection_name": t.o.prefix + "." + t.node},
		Dial: func(network, addr string) (net.Conn, error) {
			var d net.Dialer
			sock, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			s.sock = newConn(sock, writeTimeout)
			stop = context.AfterFunc(ctx, func() { _ = sock.Close() })
			return s.sock, nil
		},
	})
	if stop != nil && !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if s.sock != nil {
			_ = s.sock.Close()
		}
		return nil, redacted(err)
	}
	s.Connection = c
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return s, nil
}
