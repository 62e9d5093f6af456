package local

// chain are deliveries in the order in which they were given. Its zero value is empty.
type chain struct {
	first, last *delivery
	n           int
}

func (c *chain) add(d *delivery) {
	d.before = c.last
	if c.last == nil {
		c.first = d
	} else {
		c.last.after = d
	}
	c.last = d
	c.n++
}

// remove takes d out, which is there.
func (c *chain) remove(d *delivery) {
	if d.before == nil {
		c.first = d.after
	} else {
		d.before.after = d.after
	}
	if d.after == nil {
		c.last = d.before
	} else {
		d.after.before = d.before
	}
	d.before, d.after = nil, nil
	c.n--
}
