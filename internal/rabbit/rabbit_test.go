package rabbit_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
)

// greets reports whether the server answers as RabbitMQ does.
func greets(t *testing.T, b *rabbit.Broker) bool {
	c, err := net.Dial("tcp", net.JoinHostPort(b.Host, strconv.Itoa(b.Port)))
	if err != nil {
		return false
	}
	defer c.Close()
	if _, err := io.WriteString(c, "AMQP\x00\x00\x09\x01"); err != nil {
		return false // it has been killed, and its socket is just being closed
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var start []byte
	for chunk := make([]byte, 1000); !bytes.Contains(start, []byte("RabbitMQ")); {
		n, err := c.Read(chunk)
		if err != nil {
			return false
		}
		start = append(start, chunk[:n]...)
	}
	return true
}

// TestLife has a broker be killed, start again, be asked, and end.
func TestLife(t *testing.T) {
	b := rabbit.Own(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if !greets(t, b) {
		t.Fatal("it does not greet")
	}
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if greets(t, b) {
		t.Error("it has not ended")
	}
	if err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Ctl(ctx, "eval", "1 + 1."); err != nil || strings.TrimSpace(out) != "2" {
		t.Errorf("%q, %v", out, err)
	}
	version, err := b.Ctl(ctx, "version")
	if err != nil || os.Getenv(rabbit.SuiteKey) == "trixie" && !strings.HasPrefix(version, "4.") {
		t.Errorf("it is %q, %v", version, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if greets(t, b) {
		t.Error("it goes on")
	}
}
