package zeromq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
)

// socket is somewhere where others connect.
type socket struct {
	group  string // whose members connect there with PULL; empty for all others
	accept func() (net.Conn, error)
	mend   func() error // makes it again if it was removed
	close  func()
}

// parseAddress is the network and the address of ipc://path or tcp://host:port.
func parseAddress(addr string) (network, where string, err error) {
	if path, ok := strings.CutPrefix(addr, "ipc://"); ok && path != "" {
		return "unix", path, nil
	}
	if where, ok := strings.CutPrefix(addr, "tcp://"); ok && where != "" {
		return "tcp", where, nil
	}
	return "", "", fmt.Errorf("zeromq: %q is no address: ipc://path or tcp://host:port are", addr)
}

// bind binds all sockets of the process, and begins to accept.
func (t *Transport) bind() error {
	if t.cfg.Dir != "" {
		if err := t.bindDir(); err != nil {
			return err
		}
	}
	if t.cfg.Listen != "" {
		if err := t.bindTCP(); err != nil {
			return err
		}
	}
	for _, s := range t.sockets {
		t.running.Go(func() { t.acceptAll(s) })
	}
	return nil
}

func (t *Transport) bindDir() error {
	groups := []string{""}
	for _, q := range t.cfg.Queues {
		if q.Group != "" && !slices.Contains(groups, q.Group) {
			groups = append(groups, q.Group)
		}
	}
	for _, g := range groups {
		name := t.id
		if g != "" {
			name += "." + g
		}
		s, err := sockdir.Bind(t.cfg.Dir, name, &t.access)
		if err != nil {
			return fmt.Errorf("zeromq: %w", err)
		}
		t.sockets = append(t.sockets, &socket{group: g, accept: s.Accept, mend: s.Mend, close: s.Close})
	}
	return nil
}

func (t *Transport) bindTCP() error {
	network, where, err := parseAddress(t.cfg.Listen)
	if err != nil {
		return err
	}
	if network != "tcp" {
		return fmt.Errorf("zeromq: a node listens at tcp://host:port, and not at %q", t.cfg.Listen)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(where, "*"))
	if err != nil {
		return fmt.Errorf("zeromq: %w", err)
	}
	t.tcp = l.Addr()
	t.sockets = append(t.sockets, &socket{accept: l.Accept, mend: func() error { return nil }, close: func() { _ = l.Close() }})
	return nil
}

// Addr is where the process listens for others on TCP, nil if it does not.
func (t *Transport) Addr() net.Addr { return t.tcp }

// address is what a peer is told of where this process can be reached; empty if that is not
// known.
func (t *Transport) address(peer string) string {
	switch {
	case strings.HasPrefix(peer, "ipc://"):
		return "ipc://" + filepath.Join(t.cfg.Dir, t.id+".sock")
	case t.tcp == nil || strings.Contains(t.cfg.Listen, "//*"):
		return ""
	}
	return "tcp://" + t.tcp.String()
}

// unbind ends listening.
func (t *Transport) unbind() {
	for _, s := range t.sockets {
		s.close()
	}
}

// maxSilent is how many connections may be open that have not said who they are.
const maxSilent = 512

// acceptAll takes connections until the socket is closed. One that says nothing holds up
// nobody.
func (t *Transport) acceptAll(s *socket) {
	silent := make(chan struct{}, maxSilent)
	var wait time.Duration
	for {
		c, err := s.accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, sockdir.ErrForeign):
			t.onError(fmt.Errorf("zeromq: %w", err))
			continue
		case err != nil: // such as that there are no descriptors left
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			t.onError(fmt.Errorf("zeromq: accepting: %w", err))
			t.pause(wait)
			continue
		}
		wait = 0
		select {
		case silent <- struct{}{}:
			t.running.Go(func() { t.take(c, s.group, silent) })
		default:
			_ = c.Close() // it may try again
		}
	}
}

// take serves a connection until it is over, or the transport closes.
func (t *Transport) take(c net.Conn, group string, silent <-chan struct{}) {
	defer c.Close()
	stop := context.AfterFunc(t.ctx, func() { _ = c.Close() })
	defer stop()
	err := t.accepted(c, group, func() { <-silent })
	if t.ctx.Err() == nil && telling(err) {
		t.onError(fmt.Errorf("zeromq: a peer: %w", err))
	}
}

// telling reports whether the end of a connection is worth to be told of.
func telling(err error) bool {
	return errors.Is(err, zmtp.ErrProtocol) || errors.Is(err, zmtp.ErrTooLarge) || errors.Is(err, zmtp.ErrRefused) ||
		errors.Is(err, transport.ErrDecode) || errors.Is(err, io.ErrUnexpectedEOF)
}

// pause waits, but not beyond the end.
func (t *Transport) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
	}
}

// others are the sockets of other processes in the directory, but for those that have an
// address.
func (t *Transport) others() (addrs []string) {
	if t.cfg.Dir == "" {
		return nil
	}
	list, err := os.ReadDir(t.cfg.Dir)
	if err != nil {
		t.onError(fmt.Errorf("zeromq: %w", err))
	}
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".sock")
		if ok && name != t.id && !strings.Contains(name, ".") && t.addressOf(name) == "" {
			addrs = append(addrs, "ipc://"+filepath.Join(t.cfg.Dir, e.Name()))
		}
	}
	return addrs
}
