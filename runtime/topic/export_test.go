package topic

// Remembered is how many topics an index remembers.
func Remembered[V comparable](x *Index[V]) (n int) {
	c := x.cache.Load()
	for i := range c.sets {
		for j := range c.sets[i] {
			if c.sets[i][j].Load() != nil {
				n++
			}
		}
	}
	return n
}
