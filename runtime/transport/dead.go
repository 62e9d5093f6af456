package transport

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Again reports whether a message that has failed for the nth time is to be delivered
// again, with a profile.
func (p Profile) Again(n int, err error) bool {
	return n < p.Retry.Attempts && !IsPermanent(err) && !errors.Is(err, ErrDecode)
}

// AgainAmong is Again for a group of a number of members: each may try once, also
// where the profile has no retries.
func (p Profile) AgainAmong(members, n int, err error) bool {
	p.Retry.Attempts = max(p.Retry.Attempts, members)
	return p.Again(n, err)
}

// errNested is returned for a dead letter of a failure: what fails about a failure is
// not published again, or it would never end.
var errNested = errors.New("xsgen: a failure that cannot be handled is not published again")

// Dead is the Failure of an event that was given up after a number of attempts. Its kind
// is dead, or decode if cause wraps ErrDecode. For an event that is a failure itself
// there is none. It can be sent and read like any other event: a long error, and an original
// that leaves no room for the rest, are cut, and Message says so.
func Dead(name topic.Name, key string, original []byte, attempts int, cause error) (*Failure, error) {
	if strings.HasPrefix(string(name), "error.") {
		return nil, errNested
	}
	f := &Failure{
		Kind: "dead", Key: key, Topic: string(name), Message: strings.ToValidUTF8(cause.Error(), "\uFFFD"),
		Attempts: uint64(attempts), Original: original,
	}
	if errors.Is(cause, ErrDecode) {
		f.Kind = "decode"
	}
	f.Machine, f.Event = topicParts(name, key)
	f.fit()
	return f, nil
}

// The most bytes of an error in a Failure, and what everything but the original takes at most.
const (
	maxFailureText = 16 << 10
	failureRoom    = maxFailureText + 4<<10
)

// fit cuts what makes f too long for a message.
func (f *Failure) fit() {
	if len(f.Message) > maxFailureText {
		f.Message = strings.ToValidUTF8(f.Message[:maxFailureText], "") + "…"
	}
	if all := len(f.Original); all > codec.MaxSize-failureRoom {
		f.Original = f.Original[:codec.MaxSize-failureRoom]
		f.Message += fmt.Sprintf(" (the original had %d bytes, and is cut)", all)
	}
}

// DeadLetter makes the message that says that m was given up by a subscription after
// a number of attempts: its Failure on error.<machine>.dead, for a keyed one
// error.<machine>.<key>.dead, if a topic has room for that. It shares nothing with m.
func DeadLetter(m *Message, subscription string, attempts int, cause error) (*Message, error) {
	f, err := Dead(m.Topic, m.Key, m.Body, attempts, cause)
	if err != nil {
		return nil, err
	}
	name, err := f.TopicName()
	if err != nil {
		return nil, err
	}
	body, err := f.AppendMsgpack(nil)
	if err != nil {
		return nil, fmt.Errorf("xsgen: a dead letter: %w", err)
	}
	e := Envelope{ID: letterID(m.ID + "/" + f.Kind + "/" + subscription), Type: "Failure", Source: m.Source, Key: m.Key, Topic: name, Causation: m.ID}
	return &Message{Envelope: e, Body: body}, nil
}

// letterID shortens an id that an envelope does not hold; the same one to the same.
func letterID(id string) string {
	if len(id) <= MaxText {
		return id
	}
	h := fnv.New128a()
	_, _ = h.Write([]byte(id))
	return fmt.Sprintf("%s/%x", strings.ToValidUTF8(id[:MaxText-40], ""), h.Sum(nil))
}

// TopicFamily is the family of topics on which f is published under its key; false if it
// has none, or one so long that there is no such topic. Then f is published without it: it is
// better to hear of a failure in another place than not at all.
func (f *Failure) TopicFamily() (_ topic.Family, ok bool) {
	family, err := topic.NewFamily(topic.Name("error."+f.Machine), topic.Name(f.Kind))
	if err != nil {
		return topic.Family{}, false
	}
	_, err = family.Of(f.Key)
	return family, err == nil
}

// TopicName is the topic on which f is published: error.<machine>.<key>.<kind>, or what it
// is without a key.
func (f *Failure) TopicName() (topic.Name, error) {
	if family, ok := f.TopicFamily(); ok {
		return family.Of(f.Key)
	}
	return topic.Parse("error." + f.Machine + "." + f.Kind)
}

// topicParts are the machine, or what stands in its place, and the event of a topic.
func topicParts(name topic.Name, key string) (machine, event string) {
	kind, rest, ok := strings.Cut(string(name), ".")
	if !ok {
		return kind, ""
	}
	machine, event, ok = strings.Cut(rest, ".")
	if !ok {
		return kind, machine // broadcast.drain
	}
	if key != "" {
		if escaped, err := topic.EscapeKey(key); err == nil {
			event = strings.TrimPrefix(event, escaped+".")
		}
	}
	return machine, event
}
