package transport_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// limited is a transport that has two policies, and no order in groups.
type limited struct{ transport.Transport }

func (limited) Check(p transport.Profile) error { return p.Validate() }

func (limited) Guarantees() transport.Guarantees {
	return transport.Guarantees{OrderedKeys: true, Policies: []transport.GroupPolicy{transport.RoundRobin, transport.Random}}
}

func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestIDs(t *testing.T) {
	epoch := transport.NewEpoch()
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(epoch) || epoch == transport.NewEpoch() {
		t.Errorf("%q", epoch)
	}
	if id := transport.NewID("e", 37); id != "e-11" {
		t.Errorf("%q", id)
	}
}

func TestCheckPublish(t *testing.T) {
	m, known := transport.Message{Body: []byte("abc")}, &transport.KnownProfile{}
	if err := transport.CheckPublish(t.Context(), limited{}, &m, 3, known); err != nil {
		t.Error(err)
	}
	if err := transport.CheckPublish(ended(t), limited{}, &m, 3, known); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := transport.CheckPublish(t.Context(), limited{}, &m, 2, known); !errors.Is(err, transport.ErrTooLarge) {
		t.Error(err)
	}
	for _, ttl := range []time.Duration{0, -1, 0, -1} { // a sound one that is known hides no other
		m.Profile = &transport.Profile{TTL: ttl}
		for range 2 {
			err := transport.CheckPublish(t.Context(), limited{}, &m, 3, known)
			if bad := ttl < 0; errors.Is(err, transport.ErrInvalidProfile) != bad {
				t.Errorf("a TTL of %d: %v", ttl, err)
			}
		}
	}
}

func TestCheckReply(t *testing.T) {
	for name, want := range map[topic.Name]error{"": nil, "a.b": nil, "a..b": transport.ErrInvalidMessage} {
		m := transport.Message{Envelope: transport.Envelope{Topic: name}, Body: []byte("abc")}
		if err := transport.CheckReply(&m, 3); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
		if err := transport.CheckReply(&m, 2); !errors.Is(err, transport.ErrTooLarge) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckSubscribe(t *testing.T) {
	sound := transport.SubscribeRequest{Patterns: []topic.Pattern{"a.*"}, Receive: func(context.Context, *transport.Delivery) {}}
	keyed := transport.Profile{Order: transport.OrderKey}
	for _, c := range []struct {
		name string
		edit func(*transport.SubscribeRequest)
		want error
	}{
		{"sound", func(*transport.SubscribeRequest) {}, nil},
		{"no receiver", func(r *transport.SubscribeRequest) { r.Receive = nil }, transport.ErrInvalidRequest},
		{"a bad profile", func(r *transport.SubscribeRequest) { r.Profile.TTL = -1 }, transport.ErrInvalidProfile},
		{"order alone", func(r *transport.SubscribeRequest) { r.Profile = keyed }, nil},
		{"a group", func(r *transport.SubscribeRequest) { r.Group, r.Policy = "g", transport.Random }, nil},
		{"another policy", func(r *transport.SubscribeRequest) { r.Group, r.Policy = "g", transport.Sticky }, transport.ErrInvalidProfile},
		{"a bad profile in a group", func(r *transport.SubscribeRequest) { r.Group, r.Profile.TTL = "g", -1 }, transport.ErrInvalidProfile},
		{"order in a group", func(r *transport.SubscribeRequest) { r.Group, r.Profile = "g", keyed }, transport.ErrInvalidProfile},
	} {
		r := sound
		c.edit(&r)
		if err := transport.CheckSubscribe(t.Context(), limited{}, &r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := transport.CheckSubscribe(ended(t), limited{}, &sound); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLabel(t *testing.T) {
	r := transport.SubscribeRequest{Patterns: []topic.Pattern{"a.*", "b.#"}}
	if got := r.Label(); got != "a.*,b.#" {
		t.Error(got)
	}
	if r.Name = "n"; r.Label() != "n" {
		t.Error(r.Label())
	}
	if r.Group = "g"; r.Label() != "g" {
		t.Error(r.Label())
	}
}

func TestAgrees(t *testing.T) {
	one := transport.SubscribeRequest{Name: "one", Patterns: []topic.Pattern{"a.*"}, Group: "g"}
	for what, edit := range map[string]func(*transport.SubscribeRequest){
		"patterns": func(r *transport.SubscribeRequest) { r.Patterns = []topic.Pattern{"a.b"} },
		"policies": func(r *transport.SubscribeRequest) { r.Policy = transport.Random },
		"profiles": func(r *transport.SubscribeRequest) { r.Profile.Capacity = 1 },
		"filters":  func(r *transport.SubscribeRequest) { r.Where = func(*transport.Message) bool { return true } },
	} {
		other := one
		other.Name = "other"
		if !one.Agrees(&other) {
			t.Fatal("names may differ")
		}
		if edit(&other); one.Agrees(&other) || other.Agrees(&one) {
			t.Errorf("%s differ", what)
		}
	}
}

func TestUnsettled(t *testing.T) {
	for want, p := range map[int]transport.Profile{1: {}, 6: {Concurrency: 2, BatchSize: 3}, 4: {Concurrency: 2, BatchSize: 3, Prefetch: 4}} {
		if got := p.Unsettled(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	newID := func() string { return "new" }
	m := &transport.Message{Mandatory: true, Body: []byte("abc")}
	ask := transport.Ask(m, "here", newID)
	if ask.ID != "new" || ask.Correlation != "new" || ask.ReplyTo != "here" || ask.Mandatory {
		t.Errorf("%+v", ask)
	}
	if m.ID != "" || m.ReplyTo != "" || !m.Mandatory {
		t.Errorf("the caller's message is %+v", m)
	}
	m.ID, m.Correlation = "i", "c"
	if ask = transport.Ask(m, "here", newID); ask.ID != "i" || ask.Correlation != "c" {
		t.Errorf("%+v", ask)
	}
}

// TestDo asks once for each thing that sending may come to. Nobody waits afterwards.
func TestDo(t *testing.T) {
	var rs transport.Requests
	ask := transport.Ask(&transport.Message{Envelope: transport.Envelope{ID: "i"}}, "here", nil)
	answer := func(m *transport.Message) (int, error) {
		rs.Deliver(&transport.Message{Envelope: transport.Envelope{Correlation: m.Correlation, ID: "reply"}})
		return 1, nil
	}
	if m, err := rs.Do(t.Context(), ask, answer); err != nil || m.ID != "reply" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := rs.Do(t.Context(), ask, func(*transport.Message) (int, error) { return 1, transport.ErrFull }); err != transport.ErrFull {
		t.Error(err)
	}
	_, err := rs.Do(t.Context(), ask, func(*transport.Message) (int, error) { return 0, nil })
	if e, ok := errors.AsType[*transport.PublishError](err); !ok || e.Outcome() != transport.OutcomeNotSent || !errors.Is(err, transport.ErrNoListener) {
		t.Error(err)
	}
	if _, err := rs.Do(ended(t), ask, func(*transport.Message) (int, error) { return 1, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if rs.Deliver(&transport.Message{Envelope: transport.Envelope{Correlation: "i"}}) {
		t.Error("somebody still waits")
	}
	rs.Close()
	if _, err := rs.Do(t.Context(), ask, answer); !errors.Is(err, transport.ErrClosed) || !strings.Contains(err.Error(), "publishing i on") {
		t.Error(err)
	}
}

// TestDrained has an end that has come count, whether ctx has ended or not.
func TestDrained(t *testing.T) {
	done := make(chan struct{})
	if transport.Drained(ended(t), done) {
		t.Error("it is not done")
	}
	close(done)
	for range 100 {
		if !transport.Drained(ended(t), done) {
			t.Fatal("it is done")
		}
	}
}
