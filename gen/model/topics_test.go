package model_test

import (
	"testing"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

func called(name string) spec.Scalar { return spec.Scalar{Value: name} }

// TestTopics composes one of every kind. What has keys is a family, whose key is a wildcard.
func TestTopics(t *testing.T) {
	m := &model.Machine{ID: called("order")}
	keyed := &model.Machine{ID: called("order"), Keyed: true}
	e := &model.Event{Name: called("placed")}
	for want, got := range map[topic.Pattern]topic.Pattern{
		"event.order.placed":     m.Topic(model.TopicEvent, "placed"),
		"state.order.+.open.*":   keyed.Topic(model.TopicState, "open.*"),
		"emit.order.+.placed":    (&model.Participant{ID: called("order"), Machine: keyed}).Topic(model.TopicEmit, "placed"),
		"error.order.loop":       (&model.Participant{ID: called("order")}).Topic(model.TopicError, "loop"),
		"group.packers.placed":   (&model.Group{Name: called("packers")}).Topic(e),
		"group.packers.+.placed": (&model.Group{Name: called("packers"), Policy: model.Sticky}).Topic(e),
		"broadcast.placed":       topic.Pattern((&model.Broadcast{Event: e}).Topic()),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := topic.ParsePattern(string(got)); err != nil {
			t.Error(err)
		}
	}
}

// TestGroupEvents has events that several links bring be there once.
func TestGroupEvents(t *testing.T) {
	a, b := &model.Event{Name: called("a")}, &model.Event{Name: called("b")}
	route := func(e *model.Event) *model.Route { return &model.Route{Target: e} }
	g := &model.Group{Links: []*model.Link{
		{Kind: spec.Sends, Routes: []*model.Route{route(a)}}, {Kind: spec.Emits, Routes: []*model.Route{route(b)}},
		{Kind: spec.Sends, Routes: []*model.Route{route(a)}},
	}}
	if got := g.Events(nil); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("%v", got)
	}
	if got := g.Events((*model.Link).ByTopic); len(got) != 1 || got[0] != a {
		t.Errorf("%v", got)
	}
}

// TestOverlaps ends comparing when that would take too long, and takes everything to be heard.
func TestOverlaps(t *testing.T) {
	var o model.Overlaps
	if !o.Any("event.*.placed", "event.order.+") || o.Any("event.#", "state.#") {
		t.Error("the patterns are compared")
	}
	for n := 2; n < 2_000_000; n++ {
		o.Any("a", "b")
	}
	if !o.Any("event.#", "state.#") {
		t.Error("it still compares")
	}
}
