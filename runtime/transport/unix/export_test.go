//go:build linux || darwin

package unix

// Cut breaks all connections of a transport.
func (t *Transport) Cut() {
	for _, c := range t.conns() {
		_ = c.sock.Close()
	}
}

// Kept is how many messages are kept for others.
func (t *Transport) Kept() (n int) {
	for _, p := range append(t.known(), t.standIns()...) {
		p.mu.Lock()
		for _, r := range p.remotes {
			n += r.kept.waiting
		}
		p.mu.Unlock()
	}
	return n
}

// Peers is how many processes are connected.
func (t *Transport) Peers() int { return len(t.conns()) }

// Greeting is what a process of a name says first.
func Greeting(node, epoch string) []byte {
	h := hello{node: node, epoch: epoch, maxBody: 1 << 20}
	return h.append(nil)
}
