// Package snapshot writes machines' snapshots as MessagePack documents and reads
// them: a map of the fields of [machine.Snapshot] in snake case, the empty ones
// left out, as docs/hosts.md describes it. Nothing that takes snapshots, or
// keeps them, may live here.
package snapshot

import (
	"fmt"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/machine"
)

// Format is the version of the document's form, its first field.
const Format = 1

// MaxSize bounds the documents that Decode reads.
const MaxSize = 64 << 20

// Encode returns s as a document.
func Encode(s *machine.Snapshot) ([]byte, error) {
	w := &writer{}
	w.snapshot(s)
	return w.b, w.err
}

// writer writes maps whose empty fields are left out.
type writer struct {
	b   []byte
	err error
}

// field is one field of a map that is written; skip leaves it out.
type field struct {
	name  string
	skip  bool
	write func()
}

func (w *writer) fields(list ...field) {
	n := 0
	for _, f := range list {
		if !f.skip {
			n++
		}
	}
	w.b = codec.AppendMap(w.b, n)
	for _, f := range list {
		if !f.skip {
			w.string(f.name)
			f.write()
		}
	}
}

func (w *writer) string(s string) { w.b, w.err = codec.AppendString(w.b, s, w.err) }

func (w *writer) text(name, s string) field {
	return field{name, s == "", func() { w.string(s) }}
}

func (w *writer) bytes(name string, p []byte) field {
	return field{name, len(p) == 0, func() { w.b, w.err = codec.AppendBytes(w.b, p, w.err) }}
}

func (w *writer) flag(name string, v bool) field {
	return field{name, !v, func() { w.b = codec.AppendBool(w.b, v) }}
}

func (w *writer) texts(name string, list []string) field {
	return listOf(w, name, list, w.string)
}

func listOf[T any](w *writer, name string, list []T, write func(T)) field {
	return field{name, len(list) == 0, func() {
		w.b = codec.AppendArray(w.b, len(list))
		for _, v := range list {
			write(v)
		}
	}}
}

func (w *writer) snapshot(s *machine.Snapshot) {
	w.fields(
		field{"format", false, func() { w.b = codec.AppendUint(w.b, Format) }},
		w.text("machine", s.Machine),
		w.text("key", s.Key),
		field{"shape", s.Shape == machine.Shape{}, func() {
			w.fields(w.text("states", s.Shape.States), w.text("context", s.Shape.Context),
				w.text("events", s.Shape.Events), w.text("behaviour", s.Shape.Behaviour))
		}},
		w.texts("active", s.Active),
		listOf(w, "history", s.History, func(h machine.Recorded) {
			w.fields(w.text("state", h.State), w.texts("active", h.Active))
		}),
		w.bytes("context", s.Context),
		field{"seq", s.Seq == 0, func() { w.b = codec.AppendUint(w.b, s.Seq) }},
		w.flag("finished", s.Finished),
		listOf(w, "delays", s.Delays, w.delay),
		listOf(w, "sends", s.Sends, w.send),
		listOf(w, "deferred", s.Deferred, func(e machine.EventSnapshot) {
			w.fields(w.text("event", e.Event), w.bytes("payload", e.Payload), w.flag("next", e.Next))
		}),
		listOf(w, "invokes", s.Invokes, w.invoke),
	)
}

func (w *writer) delay(d machine.DelaySnapshot) {
	w.fields(w.text("state", d.State), w.text("delay", d.Delay), field{"due", false, func() { w.b = codec.AppendTime(w.b, d.Due) }})
}

func (w *writer) send(s machine.SendSnapshot) {
	w.fields(w.text("id", s.ID), w.text("event", s.Event), w.flag("self", s.Self), w.bytes("payload", s.Payload),
		field{"due", false, func() { w.b = codec.AppendTime(w.b, s.Due) }},
		field{"behind", s.Behind <= 0, func() { w.b = codec.AppendUint(w.b, uint64(s.Behind)) }})
}

func (w *writer) invoke(i machine.InvokeSnapshot) {
	w.fields(w.text("id", i.ID), w.text("state", i.State), field{"child", i.Child == nil, func() { w.snapshot(i.Child) }})
}

// Decode reads a document. What it does not know is skipped; what is malformed is
// an error that wraps machine.ErrSnapshot.
func Decode(data []byte) (*machine.Snapshot, error) {
	r := codec.NewReaderSize(data, MaxSize)
	s := &machine.Snapshot{}
	format := readSnapshot(&r, s)
	if err := r.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", machine.ErrSnapshot, err)
	}
	if format != Format {
		return nil, fmt.Errorf("%w: its format is %d, not %d", machine.ErrSnapshot, format, Format)
	}
	return s, nil
}

// read reads a map whose fields the functions read.
func read(r *codec.Reader, fields map[string]func()) {
	for f := r.Struct(); f.Next(r); {
		known := fields[string(f.Key)]
		if known == nil {
			f.Skip(r)
			continue
		}
		f.Note(r)
		known()
	}
}

func readList[T any](r *codec.Reader, element func(*T)) []T {
	a := r.Array()
	out := codec.Make[T](r, a)
	for a.Next(r) {
		var v T
		element(&v)
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func bytesOf(r *codec.Reader, to *[]byte) func() {
	return func() {
		if p := r.Bytes(); len(p) > 0 {
			*to = p
		}
	}
}

func text(r *codec.Reader, to *string) func() { return func() { *to = r.String() } }

func texts(r *codec.Reader, to *[]string) func() {
	return func() { *to = readList(r, func(s *string) { *s = r.String() }) }
}

func readSnapshot(r *codec.Reader, s *machine.Snapshot) (format uint64) {
	read(r, map[string]func(){
		"format":  func() { format = r.Uint(64) },
		"machine": text(r, &s.Machine), "key": text(r, &s.Key),
		"shape": func() {
			read(r, map[string]func(){"states": text(r, &s.Shape.States), "context": text(r, &s.Shape.Context),
				"events": text(r, &s.Shape.Events), "behaviour": text(r, &s.Shape.Behaviour)})
		},
		"active": texts(r, &s.Active),
		"history": func() {
			s.History = readList(r, func(h *machine.Recorded) {
				read(r, map[string]func(){"state": text(r, &h.State), "active": texts(r, &h.Active)})
			})
		},
		"context":  bytesOf(r, &s.Context),
		"seq":      func() { s.Seq = r.Uint(64) },
		"finished": func() { s.Finished = r.Bool() },
		"delays":   func() { s.Delays = readList(r, func(d *machine.DelaySnapshot) { readDelay(r, d) }) },
		"sends":    func() { s.Sends = readList(r, func(x *machine.SendSnapshot) { readSend(r, x) }) },
		"deferred": func() {
			s.Deferred = readList(r, func(e *machine.EventSnapshot) {
				read(r, map[string]func(){"event": text(r, &e.Event), "payload": bytesOf(r, &e.Payload), "next": func() { e.Next = r.Bool() }})
			})
		},
		"invokes": func() { s.Invokes = readList(r, func(i *machine.InvokeSnapshot) { readInvoke(r, i) }) },
	})
	return format
}

func readDelay(r *codec.Reader, d *machine.DelaySnapshot) {
	read(r, map[string]func(){"state": text(r, &d.State), "delay": text(r, &d.Delay), "due": func() { d.Due = r.Time() }})
}

func readSend(r *codec.Reader, s *machine.SendSnapshot) {
	read(r, map[string]func(){
		"id": text(r, &s.ID), "event": text(r, &s.Event), "self": func() { s.Self = r.Bool() },
		"payload": bytesOf(r, &s.Payload), "due": func() { s.Due = r.Time() },
		"behind": func() { s.Behind = int(r.Uint(31)) },
	})
}

func readInvoke(r *codec.Reader, i *machine.InvokeSnapshot) {
	read(r, map[string]func(){
		"id": text(r, &i.ID), "state": text(r, &i.State),
		"child": func() {
			i.Child = &machine.Snapshot{}
			readSnapshot(r, i.Child)
		},
	})
}
