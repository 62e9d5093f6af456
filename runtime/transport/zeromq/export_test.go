package zeromq

// Cut breaks all connections that there are.
func (t *Transport) Cut() { t.Scissors()() }

// Scissors is a function that breaks the connections that there are now, and none that have
// taken their place.
func (t *Transport) Scissors() func() {
	var ends []func() error
	for _, in := range t.allInlets() {
		in.mu.Lock()
		if in.link != nil {
			ends = append(ends, in.link.conn.Close)
		}
		in.mu.Unlock()
	}
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		if r.out != nil {
			ends = append(ends, r.out.conn.Close)
		}
		r.mu.Unlock()
	}
	return func() {
		for _, end := range ends {
			_ = end()
		}
	}
}

// Kept is how many messages are on their way to others, or kept for them.
func (t *Transport) Kept() (n int) {
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		n += r.ring.len()
		for q := range r.queues {
			n += q.taken.len() + len(q.held)
		}
		r.mu.Unlock()
	}
	return n
}

// Calls is how often those who read connections have called receivers.
func (t *Transport) Calls() uint64 { return t.readers.Calls() }
