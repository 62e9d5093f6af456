package machine

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A record in a file: a mark, the revision, the other fields, each as long as it
// says first, and a checksum of all before it. Numbers are varints, but for the
// revision and the checksum, which are big-endian.

const (
	recordMark = "xsgen1"
	recordHead = len(recordMark) + 8 // mark and revision
)

var errDamaged = errors.New("the record does not have the form that was written")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = binary.AppendVarint(append(b, 1), t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

func appendRecord(b []byte, key string, r *Record) []byte {
	b = append(b, recordMark...)
	b = binary.BigEndian.AppendUint64(b, r.Revision)
	b = appendText(b, key)
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
	return seal(b)
}

// seal appends the checksum.
func seal(b []byte) []byte { return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)) }

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
	nanos := r.number()
	if nanos >= uint64(time.Second) {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(n, int64(nanos)).UTC()
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

// parseHead reads the revision from the beginning of a record.
func parseHead(data []byte) (revision uint64, err error) {
	if len(data) < recordHead || string(data[:len(recordMark)]) != recordMark {
		return 0, errDamaged
	}
	revision = binary.BigEndian.Uint64(data[len(recordMark):])
	if revision == 0 {
		return 0, errDamaged
	}
	return revision, nil
}

func parseRecord(data []byte) (key string, rec *Record, err error) {
	revision, err := parseHead(data)
	if err != nil || len(data) < recordHead+4 {
		return "", nil, errDamaged
	}
	body := data[:len(data)-4]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(data[len(body):]) {
		return "", nil, errDamaged
	}
	r := &recordReader{b: body[recordHead:]}
	key = string(r.text())
	rec = &Record{Revision: revision, Snapshot: r.text(), Due: r.time(), Finished: r.time()}
	for range r.count() {
		rec.Handled = append(rec.Handled, string(r.text()))
	}
	for range r.count() {
		rec.Outbox = append(rec.Outbox, Message{ID: string(r.text()), Name: string(r.text()), Payload: r.text()})
	}
	if r.bad || len(r.b) > 0 || key == "" {
		return "", nil, errDamaged
	}
	return key, rec, nil
}
