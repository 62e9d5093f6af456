package zeromq

// Cut breaks all connections that there are.
func (t *Transport) Cut() {
	for _, in := range t.allInlets() {
		in.mu.Lock()
		if in.link != nil {
			_ = in.link.conn.Close()
		}
		in.mu.Unlock()
	}
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		if r.out != nil {
			_ = r.out.conn.Close()
		}
		r.mu.Unlock()
	}
}

// Kept is how many messages are on their way to others, or kept for them.
func (t *Transport) Kept() (n int) {
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		n += r.ring.len()
		for q := range r.queues {
			n += len(q.taken) + len(q.held)
		}
		r.mu.Unlock()
	}
	return n
}
