package amqp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// encrypted is where a broker takes encrypted connections, with a query.
func encrypted(b *rabbit.Broker, user *url.Userinfo, query url.Values) string {
	u := url.URL{Scheme: "amqps", User: user, Host: fmt.Sprintf("localhost:%d", b.TLSPort), Path: "/", RawQuery: query.Encode()}
	return u.String()
}

// client is what a node shows and knows.
func client(t *testing.T, known, by *rabbit.Authority, name string) amqp.Option {
	t.Helper()
	c := &tls.Config{RootCAs: known.Pool()}
	if by != nil {
		cert, err := by.Certificate(name)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return amqp.TLS(c)
}

var external = url.Values{"auth_mechanism": {"EXTERNAL"}}

// TestEncrypted has nodes whom the broker knows by their certificates alone, or by these and a
// password; what is published arrives.
func TestEncrypted(t *testing.T) {
	b := rabbit.Own(t)
	files, err := b.Authority.Write(t.TempDir(), "guest")
	if err != nil {
		t.Fatal(err)
	}
	inFiles := url.Values{
		"auth_mechanism": external["auth_mechanism"],
		"cacertfile":     {files.Authority}, "certfile": {files.Certificate}, "keyfile": {files.Key},
	}
	guest := client(t, b.Authority, b.Authority, "guest")
	for name, c := range map[string]struct {
		url  string
		opts []amqp.Option
	}{
		"certificate":              {encrypted(b, nil, external), []amqp.Option{guest}},
		"certificate and password": {encrypted(b, url.UserPassword("guest", "guest"), nil), []amqp.Option{client(t, b.Authority, b.Authority, "somebody")}},
		"files":                    {encrypted(b, nil, inFiles), nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, b)
			leaksNothing(t)
			l.url = c.url
			n := l.node("a", c.opts...)
			got := make(chan string, 1)
			_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
				Patterns: []topic.Pattern{"event.#"},
				Receive:  transport.Serve(1, func(_ context.Context, d *transport.Delivery) error { got <- string(d.Body); return nil }),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			if body := <-got; body != "x" {
				t.Errorf("%q came", body)
			}
			shut(t, n)
		})
	}
}

// TestStrangers has nodes that do not know the broker, and nodes that it does not know: neither
// connects, and nothing is sent in the clear.
func TestStrangers(t *testing.T) {
	b := rabbit.Own(t)
	other, err := rabbit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	var unknown x509.UnknownAuthorityError
	for name, c := range map[string]struct {
		option amqp.Option
		want   func(error) bool
	}{
		"a broker that nobody knows": {client(t, other, b.Authority, "guest"), func(err error) bool { return errors.As(err, &unknown) }},
		"no certificate":             {client(t, b.Authority, nil, ""), func(err error) bool { return err != nil }},
		"another's certificate":      {client(t, b.Authority, other, "guest"), func(err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, b)
			leaksNothing(t)
			l.url = encrypted(b, nil, external)
			n := l.node("a", c.option)
			until(t, func() bool { return c.want(n.Status().Get().Err) }, "it is told: %v", n.Status().Get().Err)
			if s := n.Status().Get(); s.State != transport.Connecting {
				t.Errorf("it is %v", s.State)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			err := transport.Publish(ctx, n, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}})
			if !errors.Is(err, transport.ErrNotConnected) && !errors.Is(err, transport.ErrRejected) {
				t.Errorf("publishing: %v", err)
			}
			shut(t, n)
		})
	}
}

// TestUnknownUser has a certificate whose name is no user's: that is a login that fails.
func TestUnknownUser(t *testing.T) {
	b := rabbit.Own(t)
	l := newLab(t, b)
	leaksNothing(t)
	l.url = encrypted(b, nil, external)
	n := l.node("a", client(t, b.Authority, b.Authority, "nobody"))
	rejects(t, n)
	shut(t, n)
}
