package amqp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// certificate makes one of a server that is called localhost, and the authorities that
// know it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestTLS has a server whose certificate nobody knows, and one that is known: only to that
// one a node connects, and shows its own certificate.
func TestTLS(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	cert, pool := certificate(t)
	shown := make(chan int, 100)
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	cfg.VerifyPeerCertificate = func(certs [][]byte, _ [][]*x509.Certificate) error { shown <- len(certs); return nil }
	front, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{tb: t, listen: front, target: l.addr(), conns: map[net.Conn]struct{}{}}
	p.all.Go(p.accept)
	_, port, err := net.SplitHostPort(front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(l.broker.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Scheme, u.Host = "amqps", net.JoinHostPort("localhost", port)
	l.url = u.String()
	stranger := l.node("a")
	until(t, func() bool { return p.dialed() > 1 }, "it has tried twice")
	if s := stranger.Status().Get(); s.State != transport.Connecting {
		t.Errorf("with a server that nobody knows it is %v", s.State)
	}
	shut(t, stranger)
	n := l.node("a", amqp.TLS(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}))
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Error(err)
	}
	if certs := <-shown; certs != 1 {
		t.Errorf("%d certificates were shown", certs)
	}
	shut(t, n)
	_ = front.Close()
	p.cut()
	p.all.Wait()
}
