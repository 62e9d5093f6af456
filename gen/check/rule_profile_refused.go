package check

import (
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// profileRefused: a profile gives keys that a transport on the way cannot honour, and
// that would promise what does not happen.
func profileRefused(p *topologyPass) {
	for _, l := range p.t.Links {
		p.refused(l.Profile, l.ProfileName, l.Pairs, l.ToGroup == nil && !l.Inline)
	}
	for _, s := range p.t.Subscriptions {
		p.refused(s.Profile, s.ProfileName, s.Pairs, true)
	}
}

// refused reports what the transports of pairs refuse, of each once. Where two ends
// may be one process, memory may be used, too.
func (p *topologyPass) refused(x *model.Profile, at spec.Scalar, pairs []*model.Pair, memory bool) {
	told := map[*model.Transport]bool{}
	look := func(t *model.Transport, pair *model.Pair) {
		if t == nil || told[t] {
			return
		}
		told[t] = true
		p.refuses(t, x, at.Pos, pair)
	}
	for _, pair := range pairs {
		look(pair.Transport, pair)
		if pair.Local && memory {
			look(p.t.Locations[model.SameProcess], pair)
		}
	}
}

func (p *topologyPass) refuses(t *model.Transport, x *model.Profile, at source.Pos, pair *model.Pair) {
	ends := pair.From.Name.Value + " and " + pair.To.Name.Value
	keys := slices.DeleteFunc(slices.Clone(model.ProfileKeys), func(k string) bool { return !x.Given[k] || t.Kind.Answers[k] != model.Refused })
	switch {
	case len(keys) > 0 && t.Kind.CanServe(model.SameThread) && !t.Kind.CanServe(model.SameProcess):
		p.Add(diag.ProfileRefused, at, "%s refuses %s of the profile %s", t.Kind.Name, strings.Join(keys, ", "), x.Name.Value).
			WithHint("an inline link is a call: it has no queue, and nothing is handled again; leave the profile out")
	case len(keys) > 0:
		p.Add(diag.ProfileRefused, at, "%s between %s refuses %s of the profile %s", t.Kind.Name, ends, strings.Join(keys, ", "), x.Name.Value)
	case x.Durable == model.RequireDurable && t.Kind.Answers[model.DurableRequired] == model.Refused:
		p.Add(diag.ProfileRefused, at, "the profile %s has `durable: required`, and %s between %s keeps nothing beyond its processes", x.Name.Value, t.Kind.Name, ends).
			WithHint("`durable: true` is durable where the transport can")
	case x.Overflow == model.DropNewest && t.Kind.Answers[model.OverflowDropNewest] == model.Refused:
		p.Add(diag.ProfileRefused, at, "the profile %s has `overflow: drop-newest`, and %s between %s cannot drop the newest", x.Name.Value, t.Kind.Name, ends).
			WithHint("`drop-oldest` drops the oldest, and with `error` or `block` the publisher is told")
	}
}
