package transporttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

var patterns = []test{
	{"patterns", nil, matching},
	{"patterns-overlap", nil, overlapping},
	{"filter", nil, filter},
	{"filter-panics", nil, filterPanics},
}

// matching has random patterns hear random topics, and compares with Pattern.Match.
func matching(e *env) {
	r := rand.New(rand.NewPCG(4, 1))
	words := func(list ...string) string { return list[r.IntN(len(list))] }
	kinds := []string{"state", "event", "emit", "group", "error"}
	var list []topic.Pattern
	for range 40 {
		segs := []string{words(append(kinds, "+", "*", "#")...)}
		for range r.IntN(4) {
			segs = append(segs, words("a", "b", "k%20x", "+", "*", "#"))
		}
		list = append(list, topic.MustPattern(strings.Join(segs, ".")))
	}
	boxes := make([]inbox, len(list))
	for i, p := range list {
		e.hear(p, transport.Profile{}, boxes[i].Receive)
	}
	var names []topic.Name
	for range 120 {
		segs := []string{words(kinds...), words("a", "b")}
		for range r.IntN(3) {
			segs = append(segs, words("a", "b", "k%20x", "c"))
		}
		names = append(names, topic.MustParse(strings.Join(segs, ".")))
	}
	for _, n := range names {
		e.publish(n, string(n))
	}
	for i, p := range list {
		comparePattern(e, p, names, &boxes[i])
	}
}

func comparePattern(e *env, p topic.Pattern, names []topic.Name, b *inbox) {
	var want []string
	for _, n := range names {
		if p.Match(n) {
			want = append(want, string(n))
		}
	}
	got := func() []string {
		list := b.bodies()
		slices.Sort(list)
		return list
	}
	slices.Sort(want)
	if !poll(func() bool { return len(b.messages()) >= len(want) }) || !slices.Equal(got(), want) {
		e.Errorf("%s heard %d of %d: %v, want %v", p, len(got()), len(want), got(), want)
	}
}

// overlapping has several patterns of one subscription match one message.
func overlapping(e *env) {
	var b inbox
	e.subscribe(transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#", "event.a", "#", "event.a"}, Receive: b.Receive})
	e.publish("event.a", "1")
	e.publish("state.b", "2")
	e.publish("event.a.b", "3")
	b.wait(e, 3)
	if got := b.bodies(); !slices.Equal(got, []string{"1", "2", "3"}) {
		e.Errorf("%q", got)
	}
}

func filter(e *env) {
	var b inbox
	s := e.subscribe(transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Receive: b.Receive,
		Where: func(m *transport.Message) bool { return m.Key == "mine" && len(m.Body) > 1 },
	})
	for i := range 20 {
		m := e.message("event.a", fmt.Sprintf("%02d", i))
		m.Key = []string{"mine", "other"}[i%2]
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
	}
	for i, m := range b.wait(e, 10) {
		if want := fmt.Sprintf("%02d", 2*i); string(m.Body) != want {
			e.Errorf("%s came, want %s", m.Body, want)
		}
	}
	e.until(func() bool { return s.Stats().Filtered == 10 }, "the filter was asked for all")
	if st := e.settled(s, 10); st.Handled != 10 {
		e.Errorf("%+v", st)
	}
}

// filterPanics has a filter panic once: that message is given up, and nothing else.
func filterPanics(e *env) {
	var b, dead inbox
	e.hear("error.#", transport.Profile{}, dead.Receive)
	s := e.subscribe(transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Receive: b.Receive, Profile: transport.Profile{DeadLetter: true},
		Where: func(m *transport.Message) bool {
			if string(m.Body) == "2" {
				panic("a filter's")
			}
			return true
		},
	})
	e.publish("event.order.x", "1", "2", "3")
	b.wait(e, 2)
	if got := b.bodies(); !slices.Equal(got, []string{"1", "3"}) {
		e.Errorf("%q", got)
	}
	if e.promised.DeadLetters {
		if m := dead.wait(e, 1)[0]; m.Topic != "error.order.dead" {
			e.Errorf("the dead letter is on %s", m.Topic)
		}
	}
	if st := e.settled(s, 3); st.Dead != 1 || st.Handled != 2 {
		e.Errorf("%+v", st)
	}
}
