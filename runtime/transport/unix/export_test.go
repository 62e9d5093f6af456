//go:build linux || darwin

package unix

// Cut breaks all connections of a transport.
func (t *Transport) Cut() {
	for _, c := range t.conns() {
		_ = c.sock.Close()
	}
}
