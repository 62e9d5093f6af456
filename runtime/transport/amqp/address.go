package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ErrAddress is wrapped by the error of an address that cannot be used.
var ErrAddress = errors.New("amqp: invalid address")

// address is one server of a cluster.
type address struct {
	uri amqp.URI
}

// String is the address without what is secret.
func (a address) String() string {
	u := url.URL{Scheme: a.uri.Scheme, Host: net.JoinHostPort(a.uri.Host, fmt.Sprint(a.uri.Port)), Path: "/"}
	if a.uri.Vhost != "/" {
		u.Path += a.uri.Vhost
	}
	return u.String()
}

// parseAddresses reads addresses that are separated by commas. An error shows nothing of
// them: there may be a password anywhere.
func parseAddresses(list string) ([]address, error) {
	var out []address
	for i, text := range strings.Split(list, ",") {
		uri, err := amqp.ParseURI(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%w: number %d is not like amqps://user:password@host:port/vhost", ErrAddress, i+1)
		}
		out = append(out, address{uri})
	}
	return out, nil
}

// check refuses what would send credentials and events in the clear over a network.
func (a address) check(insecure bool) error {
	if a.uri.Scheme == "amqps" || insecure || loopback(a.uri.Host) {
		return nil
	}
	return fmt.Errorf("%w: %s is not encrypted and not on this machine; use amqps, or allow it with `insecure: true`", ErrAddress, a)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Credentials returns what the server is to be told; it is asked before each connection,
// so that a password may change.
type Credentials func(ctx context.Context) (user, password string, err error)

// authentication is what the server is told: the client's certificate, where the address
// asks for that, or a user's password.
func (o *options) authentication(ctx context.Context, a address) ([]amqp.Authentication, error) {
	for _, m := range a.uri.AuthMechanism {
		if strings.EqualFold(m, "EXTERNAL") {
			return []amqp.Authentication{&amqp.ExternalAuth{}}, nil
		}
	}
	if o.credentials == nil {
		return []amqp.Authentication{a.uri.PlainAuth()}, nil
	}
	user, password, err := o.credentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("amqp: the credentials: %w", err)
	}
	return []amqp.Authentication{&amqp.PlainAuth{Username: user, Password: password}}, nil
}

// tls is the client's side of an encrypted connection; nil has the library make it of what
// the address says, with the system's authorities.
func (o *options) clientTLS(a address) *tls.Config {
	if o.tls == nil || a.uri.Scheme != "amqps" {
		return nil
	}
	c := o.tls.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	if c.ServerName == "" {
		c.ServerName = a.uri.Host
	}
	return c
}
