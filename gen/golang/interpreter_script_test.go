package golang

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/model"
)

// world is what is around an interpreted machine: the script that controls it, its
// clock, and the trace of what it does.
type world struct {
	trace    []string
	guards   map[string]string
	fails    map[string]string
	observed map[string]bool
	started  bool
	stopped  bool
	now      time.Duration
	timers   []*timer // in the order in which they were set
}

// timer is an `after`, or a send that waits.
type timer struct {
	at    time.Duration
	delay *model.Delay
	id    string
	fire  func() error
}

// interpretScript runs a script as the driver of testdata/conformance/drive does; the
// trace is equal but for the states that errors name, which are `?` here. What
// happened is added to counters.
func interpretScript(m *model.Machine, script string, counters map[string]int) string {
	n := &interpreter{m: m, transitions: map[*model.State][]*model.Transition{}, expressions: map[string]ast.Expr{},
		historyValue: map[*model.State]states{}, context: map[string]any{}, counters: counters}
	n.guards, n.fails, n.observed = map[string]string{}, map[string]string{}, map[string]bool{}
	for _, f := range m.Context {
		n.context[f.Name.Value] = zero(f)
	}
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	n.observed["steps"] = !slices.Contains(lines, "observe plain")
	n.observed["bound"] = slices.Contains(lines, "observe publish")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, " ") })
	isSend := func(line string) bool { return strings.HasPrefix(line, "send ") }
	batched := slices.Contains(lines, "observe batched")
	var batch []string
	for i, line := range lines {
		n.trace = append(n.trace, line+"\n")
		switch {
		case line == "" || line[0] == '#':
		case !batched || !isSend(line):
			n.command(line)
		default:
			batch = append(batch, line)
			if i+1 == len(lines) || !isSend(lines[i+1]) {
				n.batch(batch)
				batch = nil
			}
		}
	}
	return strings.Join(n.trace, "")
}

var stateInError = regexp.MustCompile(`(?m)^(  error machine .*?: in state ).*?( on )|( no transition takes [^ ]+ in state ).*$|( without rest: ).*$`)

// withoutStates is a trace without the states that errors name.
func withoutStates(trace string) string { return stateInError.ReplaceAllString(trace, "$1$3$4?$2") }

func (n *interpreter) count(what string) {
	if n.counters != nil {
		n.counters[what]++
	}
}

func (n *interpreter) note(format string, args ...any) {
	n.trace = append(n.trace, fmt.Sprintf("  "+format+"\n", args...))
}

// observe is for what a machine's observer is told.
func (n *interpreter) observe(format string, args ...any) {
	if n.observed["steps"] {
		n.note(format, args...)
	}
}

// key is the driver's key.
func (n *interpreter) key() string {
	if n.m.Keyed {
		return "k1"
	}
	return ""
}

// self is what errors call the machine.
func (n *interpreter) self() string {
	if n.m.Keyed {
		return n.m.ID.Value + "[" + n.key() + "]"
	}
	return n.m.ID.Value
}

func (n *interpreter) topic(family, name string) string {
	if n.m.Keyed {
		name = n.key() + "." + name
	}
	return family + "." + n.m.ID.Value + "." + name
}

func (n *interpreter) publish(topic string) {
	if n.observed["publish"] {
		n.note("publish %s", topic)
	}
}

func pathOf(s *model.State) string {
	if isSCXMLElement(s) {
		return "(machine)"
	}
	return s.Path
}

func (n *interpreter) callGuard(name string) bool {
	result := n.guards[name] != "false"
	if n.guards[name] == "panic" {
		panic(failure("panic: guard " + name))
	}
	if n.observed["guards"] {
		n.note("guard %s %v", name, result)
	}
	return result
}

func (n *interpreter) callAction(name string) {
	n.note("do %s", name)
	switch how := n.fails[name]; {
	case strings.HasPrefix(how, "panic"):
		panic(failure("panic: " + how))
	case how != "":
		panic(failure(how))
	}
}

// endMacrostep publishes what was made, and then the states that were entered. xsgen: a
// failure raises error.communication, within the macrostep. It returns the first error.
func (n *interpreter) endMacrostep() error {
	failed := n.flush()
	if failed != "" && !n.finished {
		n.raise(&event{name: "error.communication", failure: failed, data: map[string]any{"code": "communication", "message": failed}})
		n.macrostep()
		failed = n.flush()
	}
	if failed != "" {
		n.errs = append(n.errs, failed)
	}
	if len(n.errs) == 0 {
		return nil
	}
	err := errors.New(n.errs[0])
	n.errs = nil
	return err
}

// flush returns the text of the first failure.
func (n *interpreter) flush() (failed string) {
	for _, topic := range n.outbox {
		n.publish(topic)
		role, _, _ := strings.Cut(topic, ".")
		how := n.fails[role]
		if strings.HasPrefix(how, "panic") {
			how = "panic: " + how
		}
		if how != "" && n.observed["bound"] && failed == "" {
			failed = "machine " + n.self() + ": publishing: " + how
		}
	}
	n.outbox = nil
	for _, s := range n.entered.filter(isAtomicState) {
		n.publish(n.topic("state", s.Path))
	}
	n.entered = nil
	return failed
}

func (n *interpreter) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	name, data, _ := strings.Cut(rest, " ")
	switch verb {
	case "guard":
		n.guards[name] = data
		return
	case "fail":
		n.fails[name] = data
		return
	case "observe":
		n.observed[name] = true
		return
	}
	if err := n.do(verb, rest, name, data); err != nil {
		n.note("error %v", err)
	}
	n.noteActive()
}

// batch queues events, and then takes all of them.
func (n *interpreter) batch(lines []string) {
	var failed []error
	var steps []func() error
	for _, line := range lines {
		name, data, _ := strings.Cut(strings.TrimPrefix(line, "send "), " ")
		e, err := n.payload(name, data)
		if err = cmp.Or(n.refused(), err); err != nil {
			failed = append(failed, err)
			continue
		}
		steps = append(steps, func() error { failed = append(failed, n.external(e)); return nil })
	}
	n.takenNow(steps...)
	for _, err := range failed {
		if err != nil {
			n.note("error %v", err)
		}
	}
	n.noteActive()
}

func (n *interpreter) noteActive() {
	active := []string{"="}
	for _, s := range n.configuration.filter(isAtomicState) {
		active = append(active, s.Path)
	}
	n.note("%s", strings.Join(active, " "))
}

func (n *interpreter) do(verb, rest, name, data string) error {
	switch verb {
	case "start":
		return n.start()
	case "stop":
		n.stopped = true
		n.cancelTimers()
		return nil
	case "snapshot", "suspend":
		return n.refused()
	case "advance", "away":
		d, err := time.ParseDuration(rest)
		if verb == "away" {
			if err := n.refused(); err != nil {
				return err
			}
			n.now, d = n.now+d, 0
		}
		n.advance(d)
		return err
	}
	if err := n.refused(); err != nil {
		return err
	}
	payload, err := n.payload(name, data)
	if err != nil {
		return err
	}
	answer := errors.New("the request is pending")
	payload.settle = func(err error) { answer = cmp.Or(err, n.replied(name)) }
	n.takenNow(func() error { err = n.external(payload); return err })
	if verb == "request" {
		return n.told(answer)
	}
	return err
}

func (n *interpreter) start() error {
	switch {
	case n.stopped:
		return errors.New("machine: stopped")
	case n.started:
		return errors.New("machine: already started")
	}
	n.started = true
	var err error
	n.takenNow(func() error { err = n.interpret(); return err })
	return err
}

func (n *interpreter) refused() error {
	switch {
	case n.stopped:
		return errors.New("machine: stopped")
	case !n.started:
		return errors.New("machine: not started")
	}
	return nil
}

// replied is the reply to a request, as an error that is told otherwise.
func (n *interpreter) replied(name string) error {
	switch {
	case !n.taken:
		return fmt.Errorf("machine %s: no transition takes %s in state ?", n.self(), name)
	case n.reply == nil:
		return errors.New("machine: the request was taken and not replied to")
	}
	text, err := json.Marshal(n.reply)
	return cmp.Or(err, error(reply(text)))
}

// reply is a reply as JSON.
type reply string

func (r reply) Error() string { return string(r) }

func (n *interpreter) told(answer error) error {
	if r, ok := answer.(reply); ok {
		n.note("reply %s", r)
		return nil
	}
	return answer
}

// payload reads the fields of an event.
func (n *interpreter) payload(name, data string) (*event, error) {
	e := &event{name: name, external: true, data: map[string]any{}}
	i := slices.IndexFunc(n.m.Events, func(x *model.Event) bool { return x.Name.Value == name })
	if i < 0 {
		return nil, errors.New("machine: the event is not one of the machine's")
	}
	written := map[string]any{}
	if data != "" {
		if err := json.Unmarshal([]byte(data), &written); err != nil {
			return nil, err
		}
	}
	for _, f := range n.m.Events[i].Fields {
		e.data[f.Name.Value] = zero(&model.Field{Name: f.Name, Type: f.Type})
		switch v := written[f.Name.Value].(type) {
		case float64:
			e.data[f.Name.Value] = int64(v)
		case string, bool:
			e.data[f.Name.Value] = v
		}
	}
	return e, nil
}

// takenNow runs macrosteps and then all that it has left to do: deferred events,
// then what the machine has sent to itself, in turn.
func (n *interpreter) takenNow(steps ...func() error) {
	n.externalQueue = append(n.externalQueue, steps...)
	for len(n.externalQueue) > 0 && !n.stopped {
		next := n.externalQueue[0]
		n.externalQueue = n.externalQueue[1:]
		_ = next()
		if n.moved {
			n.retryDeferred()
		}
	}
}

func (n *interpreter) advance(d time.Duration) {
	end := n.now + d
	for {
		var first *timer
		for _, t := range n.timers {
			if t.at <= end && (first == nil || t.at < first.at) {
				first = t
			}
		}
		if first == nil {
			n.now = end
			return
		}
		n.now = max(n.now, first.at)
		n.remove(func(t *timer) bool { return t == first })
		n.takenNow(first.fire)
	}
}

func (n *interpreter) remove(which func(*timer) bool) { n.timers = slices.DeleteFunc(n.timers, which) }

func (n *interpreter) cancelTimers() { n.timers = nil }

func (n *interpreter) cancelDelays(s *model.State) {
	n.remove(func(t *timer) bool { return t.delay != nil && t.delay.State == s })
}

func (n *interpreter) beginDelays(s *model.State) {
	for _, d := range s.After {
		n.failing(func() bool {
			span := d.Constant
			if span == 0 {
				span = time.Duration(n.evaluate(d.Text.Value).(int64))
			}
			n.timers = append(n.timers, &timer{at: n.now + max(span, 0), delay: d, fire: func() error {
				return n.external(&event{name: "after(" + d.Text.Value + ")", delay: d})
			}})
			return true
		})
	}
}

// sendAfter: a send with a live id replaces it.
func (n *interpreter) sendAfter(d time.Duration, id string, deliver func() error) {
	n.cancelSend(id)
	n.timers = append(n.timers, &timer{at: n.now + max(d, 0), id: id, fire: deliver})
}

func (n *interpreter) cancelSend(id string) {
	if id != "" {
		n.remove(func(t *timer) bool { return t.id == id })
	}
}
