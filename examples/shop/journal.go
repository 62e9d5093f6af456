package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/xsgen/xsgen/examples/shop/order"
)

// entry is what a process has heard of an order: that it came to a state, or that it was
// settled.
type entry struct {
	Order   string
	Event   string         // the id of the event that said so
	Seq     uint64         // of a state change
	State   string         `json:",omitempty"`
	Done    bool           `json:",omitempty"`
	Settled *order.Settled `json:",omitempty"`
}

// journal keeps what a process has heard in a file, a line for each entry, for the one that
// comes after it. What is written before a handler returns is not heard again by it, or known
// if it is. A nil journal keeps nothing.
type journal struct{ file *os.File }

// openJournal opens a file, which it makes, and calls take with what is in it.
func openJournal(name string, take func(entry)) (*journal, error) {
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// A process that was killed while it wrote has left a piece of a line.
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(text) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		take(e)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{f}, nil
}

// add writes an entry. It outlives the process, if not the machine, for which it would have
// to be synchronised.
func (j *journal) add(e *entry) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
