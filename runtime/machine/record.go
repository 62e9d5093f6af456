package machine

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A record in a file: a mark, the fields, each as long as it says first, and a
// checksum of all before it. Numbers are varints.

const recordMark = "xsgen1"

var errDamaged = errors.New("the record does not have the form that was written")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t.UnixNano())
}

func appendRecord(b []byte, key string, r *Record) []byte {
	b = append(b, recordMark...)
	b = appendText(b, key)
	b = binary.AppendUvarint(b, r.Revision)
	b = appendText(b, r.Snapshot)
	b = appendTime(b, r.Due)
	b = appendTime(b, r.Finished)
	b = binary.AppendUvarint(b, uint64(len(r.Handled)))
	for _, id := range r.Handled {
		b = appendText(b, id)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Outbox)))
	for _, m := range r.Outbox {
		b = appendText(appendText(appendText(b, m.ID), m.Name), m.Payload)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// recordReader reads a record; after a mistake everything is empty.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *recordReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *recordReader) text() []byte { return r.take(r.number()) }

func (r *recordReader) time() time.Time {
	if flag := r.take(1); len(flag) == 0 || flag[0] == 0 {
		return time.Time{}
	}
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return time.Time{}
	}
	r.b = r.b[size:]
	return time.Unix(0, n).UTC()
}

// count is the number of elements of a list, each of which has a byte at least.
func (r *recordReader) count() uint64 {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return n
}

func parseRecord(data []byte) (key string, rec *Record, err error) {
	if len(data) < len(recordMark)+4 || string(data[:len(recordMark)]) != recordMark {
		return "", nil, errDamaged
	}
	body := data[:len(data)-4]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(data[len(body):]) {
		return "", nil, errDamaged
	}
	r := &recordReader{b: body[len(recordMark):]}
	key = string(r.text())
	rec = &Record{Revision: r.number(), Snapshot: r.text(), Due: r.time(), Finished: r.time()}
	for range r.count() {
		rec.Handled = append(rec.Handled, string(r.text()))
	}
	for range r.count() {
		rec.Outbox = append(rec.Outbox, Message{ID: string(r.text()), Name: string(r.text()), Payload: r.text()})
	}
	if r.bad || len(r.b) > 0 {
		return "", nil, errDamaged
	}
	return key, rec, nil
}
