package model_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/runtime/transport"
)

// runtimeProfile is a profile of the model as the runtime has it: fields have the same
// names, and values the same numbers.
func runtimeProfile(t *testing.T, p *model.Profile) transport.Profile {
	t.Helper()
	out := transport.Profile{Name: p.Name.Value}
	from, to := reflect.ValueOf(p.Delivery), reflect.ValueOf(&out).Elem()
	if from.NumField() != to.NumField()-1 {
		t.Fatalf("%d fields here, %d in the runtime, its name included", from.NumField(), to.NumField())
	}
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		f := to.FieldByName(name)
		if !f.IsValid() {
			t.Fatalf("the runtime has no %s", name)
		}
		f.Set(from.Field(i).Convert(f.Type()))
	}
	return out
}

// TestBuiltInProfiles compares the profiles that both sides know.
func TestBuiltInProfiles(t *testing.T) {
	for i, want := range []transport.Profile{{Name: "default"}, transport.HighThroughput(), transport.LowLatency(), transport.Reliable()} {
		if got := runtimeProfile(t, model.BuiltInProfiles[i]); got != want {
			t.Errorf("%+v\nin the runtime %+v", got, want)
		}
	}
	if model.Reject != model.Overflow(transport.Reject) || model.RequireDurable != model.Durability(transport.DurableRequired) || model.OrderKey != model.Order(transport.OrderKey) || model.Off != model.Switch(transport.Off) {
		t.Error("the numbers of values differ")
	}
}

// values are what a key of a profile may be given.
var values = map[string][]string{
	"count": {"0", "1", "2", "50", "-1", "1000", "1001", "65535", "65536"}, "duration": {"0s", "5ms", "1s", "-1s", "100ms"},
	"number": {"0", "0.5", "1", "1.5", "2", "1000", "1001", "-1"},
}

var kinds = map[string]string{
	"batch-size": "count", "batch-timeout": "duration", "capacity": "count", "capacity-bytes": "count", "prefetch": "count", "retry.attempts": "count",
	"retry.initial": "duration", "retry.max": "duration", "retry.multiplier": "number", "retry.jitter": "number", "ttl": "duration",
	"concurrency": "count", "dedup-window": "count", "publish-timeout": "duration",
}

// set gives a runtime's profile what is written for a key.
func set(p *transport.Profile, key, value string) {
	var i int
	var f float64
	_, _ = fmt.Sscan(value, &i)
	_, _ = fmt.Sscan(value, &f)
	d, _ := time.ParseDuration(value)
	switch key {
	case "batch-size":
		p.BatchSize = i
	case "batch-timeout":
		p.BatchTimeout = d
	case "capacity":
		p.Capacity = i
	case "capacity-bytes":
		p.CapacityBytes = int64(i)
	case "prefetch":
		p.Prefetch = i
	case "retry.attempts":
		p.Retry.Attempts = i
	case "retry.initial":
		p.Retry.Initial = d
	case "retry.max":
		p.Retry.Max = d
	case "retry.multiplier":
		p.Retry.Multiplier = f
	case "retry.jitter":
		p.Retry.Jitter = f
	case "ttl":
		p.TTL = d
	case "concurrency":
		p.Concurrency = i
	case "dedup-window":
		p.DedupWindow = i
	case "publish-timeout":
		p.PublishTimeout = d
	}
}

// TestProfilesThatMakeNoSense writes random profiles and compares what is said here
// with what the runtime says.
func TestProfilesThatMakeNoSense(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 2000 {
		var want transport.Profile
		own, retry := []string{}, []string{}
		for _, key := range model.ProfileKeys {
			for _, k := range []string{key, "retry.attempts", "retry.initial", "retry.max", "retry.multiplier", "retry.jitter"} {
				if kinds[k] == "" || k != key && key != "retry" || r.IntN(3) > 0 {
					continue
				}
				options := values[kinds[k]]
				v := options[r.IntN(len(options))]
				set(&want, k, v)
				if name, below := strings.CutPrefix(k, "retry."); below {
					retry = append(retry, name+": "+v)
				} else {
					own = append(own, k+": "+v)
				}
			}
		}
		own = append(own, "retry: {"+strings.Join(retry, ", ")+"}")
		text := "version: 1\ntopology: x\nprofiles: {p: {" + strings.Join(own, ", ") + "}}\n"
		top, diags := join(t, text)
		if err := want.Validate(); (err != nil) != (diags != "") {
			t.Fatalf("%s\nhere: %s\nin the runtime: %v", text, diags, err)
		} else if err != nil {
			refused++
		} else if got := runtimeProfile(t, top.Profiles[0]); got.Retry != want.Retry || got.BatchSize != want.BatchSize || got.TTL != want.TTL || got.Capacity != want.Capacity {
			t.Fatalf("%s\nhere: %+v\nin the runtime: %+v", text, got, want)
		}
	}
	if refused == 0 || refused == 2000 {
		t.Errorf("%d of 2000 are refused", refused)
	}
}

// TestRows has the values that are rows of their own stand behind their keys.
func TestRows(t *testing.T) {
	rows := model.Rows()
	if len(rows) != len(model.ProfileKeys)+2 {
		t.Errorf("%q", rows)
	}
	for _, row := range []string{model.DurableRequired, model.OverflowDropNewest} {
		key, _, _ := strings.Cut(row, ": ")
		if at := slices.Index(rows, row); at < 1 || rows[at-1] != key {
			t.Errorf("%q is not behind its key in %q", row, rows)
		}
	}
}

// TestEveryTransportAnswers looks for an answer of every transport to every row.
func TestEveryTransportAnswers(t *testing.T) {
	for _, k := range model.TransportKinds {
		if rows := slices.Sorted(slices.Values(model.Rows())); !slices.Equal(slices.Sorted(maps.Keys(k.Answers)), rows) || len(k.Serves) == 0 {
			t.Errorf("%s answers to %v", k.Name, k.Answers)
		}
	}
	fields := reflect.TypeFor[model.Delivery]().NumField()
	if fields != len(model.ProfileKeys) {
		t.Errorf("%d fields, %d keys", fields, len(model.ProfileKeys))
	}
}
