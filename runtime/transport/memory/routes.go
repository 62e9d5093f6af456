package memory

import (
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// routes find the lines of a topic.
type routes struct{ index topic.Index[*local.Line] }

// of returns the lines that hear a topic, in no order, each once; the caller must not
// change them. Its error is transport.CheckTopic's.
func (r *routes) of(n topic.Name) ([]*local.Line, error) {
	lines := r.index.Match(n)
	if lines == nil {
		return nil, transport.CheckTopic(n)
	}
	return lines, nil
}

func (r *routes) add(l *local.Line) {
	for _, p := range l.Request().Patterns {
		r.index.Add(p, l)
	}
}

func (r *routes) remove(l *local.Line) {
	for _, p := range l.Request().Patterns {
		r.index.Remove(p, l)
	}
}
