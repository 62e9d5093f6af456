package model

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// profileKey is a key as it is written, and what reads its value.
type profileKey struct {
	name string
	want string // what the value must be
	set  func(d *Delivery, s spec.Scalar) bool
}

const (
	aCount    = "a whole number, 0 or more"
	aDuration = "a duration, 0 or more, as 100ms or 5s"
	aBool     = "true or false"
	aNumber   = "a number, 0 or more"
)

var profileKeyTable = []profileKey{
	{"batch-size", aCount, count(func(d *Delivery) *int { return &d.BatchSize })},
	{"batch-timeout", aDuration, duration(func(d *Delivery) *time.Duration { return &d.BatchTimeout })},
	{"capacity", aCount, count(func(d *Delivery) *int { return &d.Capacity })},
	{"capacity-bytes", aCount, func(d *Delivery, s spec.Scalar) bool {
		n, ok := whole(s, math.MaxInt64)
		d.CapacityBytes = n
		return ok
	}},
	{"overflow", "block, drop-oldest, drop-newest or error", choice(func(d *Delivery) *Overflow { return &d.Overflow }, "block", "drop-oldest", "drop-newest", "error")},
	{"durable", "true, false or required", choice(func(d *Delivery) *Durability { return &d.Durable }, "false", "true", "required")},
	{"ack", "auto or manual", choice(func(d *Delivery) *Switch { return &d.ManualAck }, "", "manual", "auto")},
	{"confirm", aBool, choice(func(d *Delivery) *Switch { return &d.Confirm }, "", "true", "false")},
	{"prefetch", aCount, count(func(d *Delivery) *int { return &d.Prefetch })},
	{"retry.attempts", aCount, count(func(d *Delivery) *int { return &d.Retry.Attempts })},
	{"retry.initial", aDuration, duration(func(d *Delivery) *time.Duration { return &d.Retry.Initial })},
	{"retry.max", aDuration, duration(func(d *Delivery) *time.Duration { return &d.Retry.Max })},
	{"retry.multiplier", aNumber, number(func(d *Delivery) *float64 { return &d.Retry.Multiplier })},
	{"retry.jitter", aNumber, number(func(d *Delivery) *float64 { return &d.Retry.Jitter })},
	{"dead-letter", aBool, boolean(func(d *Delivery) *bool { return &d.DeadLetter })},
	{"ttl", aDuration, duration(func(d *Delivery) *time.Duration { return &d.TTL })},
	{"order", "key or none", choice(func(d *Delivery) *Order { return &d.Order }, "none", "key")},
	{"concurrency", aCount, count(func(d *Delivery) *int { return &d.Concurrency })},
	{"dedup-window", aCount, count(func(d *Delivery) *int { return &d.DedupWindow })},
	{"publish-timeout", aDuration, duration(func(d *Delivery) *time.Duration { return &d.PublishTimeout })},
	{"sensitive", aBool, boolean(func(d *Delivery) *bool { return &d.Sensitive })},
}

// profileKeyNames are all keys, and those of retry as they are written below it.
func profileKeyNames(retry bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !retry && (!yield("base") || !yield("retry")) {
			return
		}
		for _, k := range profileKeyTable {
			name, below := strings.CutPrefix(k.name, "retry.")
			if below == retry && !yield(name) {
				return
			}
		}
	}
}

// whole reads a whole number from 0 to limit.
func whole(s spec.Scalar, limit int64) (int64, bool) {
	n, err := strconv.ParseInt(strings.ReplaceAll(s.Value, "_", ""), 0, 64)
	return n, err == nil && s.Tag == "!!int" && n >= 0 && n <= limit
}

func count(of func(*Delivery) *int) func(*Delivery, spec.Scalar) bool {
	return func(d *Delivery, s spec.Scalar) bool {
		n, ok := whole(s, math.MaxInt32)
		*of(d) = int(n)
		return ok
	}
}

// span reads a duration of 0 or more.
func span(s spec.Scalar) (time.Duration, bool) {
	d, err := time.ParseDuration(s.Value)
	return d, err == nil && d >= 0
}

func duration(of func(*Delivery) *time.Duration) func(*Delivery, spec.Scalar) bool {
	return func(d *Delivery, s spec.Scalar) (ok bool) {
		*of(d), ok = span(s)
		return ok
	}
}

func number(of func(*Delivery) *float64) func(*Delivery, spec.Scalar) bool {
	return func(d *Delivery, s spec.Scalar) bool {
		x, err := strconv.ParseFloat(s.Value, 64)
		*of(d) = x
		return err == nil && x >= 0 && !math.IsInf(x, 0) && (s.Tag == "!!int" || s.Tag == "!!float")
	}
}

func boolean(of func(*Delivery) *bool) func(*Delivery, spec.Scalar) bool {
	return func(d *Delivery, s spec.Scalar) bool {
		*of(d) = s.Value == "true"
		return s.Value == "true" || s.Value == "false"
	}
}

func choice[T ~uint8](of func(*Delivery) *T, names ...string) func(*Delivery, spec.Scalar) bool {
	return func(d *Delivery, s spec.Scalar) bool {
		i := slices.Index(names, s.Value)
		*of(d) = T(max(i, 0))
		return i >= 0 && s.Value != ""
	}
}

// profiles resolves the declared profiles, each after its base.
func (b *topologyBuilder) profiles() {
	for _, s := range b.spec.Profiles {
		b.names.name(s.Name, "a profile")
		if builtInProfile(s.Name.Value) != nil {
			b.diags.Add(diag.DuplicateName, s.Name.Pos, "the profile %s is built in", s.Name.Value).
				WithHint("give yours another name, and `base: %s`", s.Name.Value)
			continue
		}
		p := &Profile{Name: s.Name, Given: map[string]bool{}}
		b.profile[s.Name.Value], b.profileSpec[p] = p, s
		b.t.Profiles = append(b.t.Profiles, p)
	}
	for _, p := range b.t.Profiles {
		b.resolveProfile(p, nil)
	}
}

func builtInProfile(name string) *Profile {
	for _, p := range BuiltInProfiles {
		if p.Name.Value == name {
			return p
		}
	}
	return nil
}

// resolveProfile fills in a profile over its base; path are those that have it as
// their base.
func (b *topologyBuilder) resolveProfile(p *Profile, path []*Profile) {
	s := b.profileSpec[p]
	if p.Base != nil || s == nil {
		return
	}
	path = append(path, p)
	base := b.profileNamed(s.Base)
	if slices.Contains(path, base) {
		b.diags.Add(diag.BadProfile, s.Base.Pos, "the profile %s is its own base", p.Name.Value)
		base = BuiltInProfiles[0]
	}
	b.resolveProfile(base, path)
	if p.Base == nil {
		p.Base, p.Delivery = base, base.Delivery
		maps.Copy(p.Given, base.Given)
		b.values(p, s)
	}
}

// values are what a profile itself gives.
func (b *topologyBuilder) values(p *Profile, s *spec.Profile) {
	sound := true
	at := map[string]source.Pos{}
	for _, v := range s.Values {
		sound = b.value(p, v) && sound
		given, _, _ := strings.Cut(v.Key.Value, ".")
		p.Given[given] = true
		at[v.Key.Value] = v.Value.Pos
	}
	if key, want := p.problem(); sound && key != "" {
		pos, known := at[key]
		if !known {
			pos = p.Name.Pos
		}
		b.diags.Add(diag.BadProfile, pos, "%s must be %s", key, want)
	}
}

// value reads one key of a profile.
func (b *topologyBuilder) value(p *Profile, v *spec.Setting) bool {
	for _, k := range profileKeyTable {
		if k.name != v.Key.Value {
			continue
		}
		ok := !v.Value.IsSet() || k.set(&p.Delivery, v.Value)
		if !ok {
			b.diags.Add(diag.BadProfile, v.Value.Pos, "%s must be %s, not %q", k.name, k.want, v.Value.Value)
		}
		return ok && v.Value.IsSet()
	}
	name, retry := strings.CutPrefix(v.Key.Value, "retry.")
	b.diags.Add(diag.UnknownKey, v.Key.Pos, "%s has no key %q", map[bool]string{false: "a profile", true: "retry"}[retry], name).
		WithHint("%s", b.diags.Suggest(name, profileKeyNames(retry)))
	return false
}

// profileNamed is the profile of a name; the default one if there is none.
func (b *topologyBuilder) profileNamed(s spec.Scalar) *Profile {
	if !s.IsSet() {
		return BuiltInProfiles[0]
	}
	if p := builtInProfile(s.Value); p != nil {
		return p
	}
	if p := b.profile[s.Value]; p != nil {
		return p
	}
	known := namesOf(slices.Concat(BuiltInProfiles, b.t.Profiles), func(p *Profile) string { return p.Name.Value })
	b.diags.Add(diag.UnknownProfile, s.Pos, "there is no profile %q", s.Value).WithHint("%s", b.diags.Suggest(s.Value, known))
	return BuiltInProfiles[0]
}
