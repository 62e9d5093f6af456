package memory

import "github.com/xsgen/xsgen/runtime/topic"

// routes find the lines of a topic.
type routes struct{ index topic.Index[*line] }

// of returns the lines that hear a topic, in no order, each once; the caller must not
// change them. Its error is topic's.
func (r *routes) of(n topic.Name) ([]*line, error) {
	lines := r.index.Match(n)
	if lines == nil {
		if _, err := topic.Parse(string(n)); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func (r *routes) add(l *line) {
	for _, p := range l.request.Patterns {
		r.index.Add(p, l)
	}
}

func (r *routes) remove(l *line) {
	for _, p := range l.request.Patterns {
		r.index.Remove(p, l)
	}
}
