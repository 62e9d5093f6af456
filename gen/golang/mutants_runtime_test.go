package golang

const (
	microstepFile     = "runtime/machine/microstep.go"
	configurationFile = "runtime/machine/configuration.go"
	entriesFile       = "runtime/machine/entries.go"
	stepFile          = "runtime/machine/step.go"
	inboxFile         = "runtime/machine/inbox.go"
	childFile         = "runtime/machine/child.go"
	restoreFile       = "runtime/machine/restore.go"
)

// runtimeMutants are mistakes in the step loop.
var runtimeMutants = []mutant{
	// Selection, deferral and conflicts.
	{microstepFile, "if len(c.leaves) != 1 {", "if len(c.leaves) > 2 {", "only the first of two leaves is asked"},
	{microstepFile, "if c.step.outside {\n\t\t\t\tc.step.deferred", "if true {\n\t\t\t\tc.step.deferred", "one leaf defers internal events"},
	{microstepFile, "if c.step.outside {\n\t\t\t\tc.work.deferring", "if true {\n\t\t\t\tc.work.deferring", "regions defer internal events"},
	{microstepFile, "\tc.withhold()\n", "", "ancestors of a deferring state take the event"},
	{microstepFile, "return s != source && c.chart.within(s, source)", "return s != source", "deferring keeps other regions from the event"},
	{microstepFile, "c.step.deferred = len(w.deferring) > 0", "c.step.deferred = false", "regions do not defer"},
	{microstepFile, "\t\tc.resolve()\n", "", "conflicts stay"},
	{microstepFile, "return int(a.transition - b.transition)", "return int(b.transition - a.transition)", "actions run in reverse order"},
	{microstepFile, "w.add(i, c.domain(&c.chart.Transitions[i]))", "w.enabled = append(w.enabled, chosen{i, c.domain(&c.chart.Transitions[i])})", "a transition that two leaves select is taken twice"},
	{microstepFile, "(source == other || !c.chart.within(source, other))", "(source == other || c.chart.within(source, other))", "the ancestor wins a conflict"},
	{microstepFile, "\tkept = slices.DeleteFunc(kept, func(k chosen) bool { return c.conflict(e, k) })\n", "", "a preempted transition stays"},
	{microstepFile, "if t.Flags&Shared != 0 && t.Flags&Unguarded == 0 {", "if false {", "a guard is asked once for each leaf"},
	{microstepFile, "ok = ok && err == nil", "ok = ok || err != nil", "a guard that fails in a region is true"},
	{microstepFile, "ok = s.acting", "ok = true", "a guard that fails is true"},
	{microstepFile, "\tc.step.left = true\n", "", "exits are told twice"},
	{microstepFile, "if t.Flags&Quiet != 0 && c.observer == nil {", "if t.Flags&Quiet != 0 {", "an observer is not told of quiet steps"},

	// Exits.
	{configurationFile, "\tc.remember()\n", "", "no history is recorded"},
	{configurationFile, "Kind == DeepHistory", "Kind != DeepHistory", "shallow and deep are swapped"},
	{configurationFile, "e.domain != None && i != e.domain && chart.within(i, e.domain)", "e.domain != None && chart.within(i, e.domain)", "the domain is exited"},
	{configurationFile, "for i := c.leaves[n]; i > earlier && w.exits(c.chart, i);", "for i := c.leaves[n]; i > min(earlier, None) && w.exits(c.chart, i);", "what holds two leaves is exited twice"},
	{configurationFile, "w.fresh = slices.Delete(w.fresh, n, n+1)", "_ = n", "transient states are published"},

	// Entries.
	{configurationFile, "slices.SortFunc(w.entering, entering.compare)", "slices.SortFunc(w.entering, func(a, b entering) int { return b.compare(a) })", "entries of several transitions in reverse order"},
	{configurationFile, "if !e.inside {", "if true {", "the domain is entered again"},
	{entriesFile, "int(e.history-other.history)", "int(other.history-e.history)", "a history's default before the initial"},
	{configurationFile, "c.leaves = slices.Insert(c.leaves, at, i)", "c.leaves = slices.Insert(c.leaves, at*0, i)", "leaves are not in document order"},
	{configurationFile, "\t\tc.arm(d)\n", "", "delays do not begin"},
	{entriesFile, "case inside && t.Flags&Reenter == 0, t.Source == 0:", "case inside, t.Source == 0:", "reenter is ignored where there is history"},
	{entriesFile, "holds = c.chart.States[common].Kind == Compound", "holds = true", "a parallel state is the domain where there is history"},
	{entriesFile, "} else if recorded := c.recorded(t); recorded != nil {", "} else if recorded := c.recorded(t); len(recorded) > 1000 {", "the domain is that of the history's default"},
	{entriesFile, "if recorded := e.recorded(h); recorded != nil {", "if recorded := e.recorded(h); len(recorded) > 1000 {", "history is never restored"},
	{entriesFile, "\t\te.byDefault(s)\n", "\t\t_ = s\n", "a history's default actions do not run"},
	{entriesFile, "slices.SortFunc(c.work.entering[first:], entering.compare)", "slices.SortFunc(c.work.entering[first:], func(a, b entering) int { return b.compare(a) })", "entries around a history in reverse order"},
	{entriesFile, "int(e.history-other.history)", "int(other.history-e.history)", "defaults of histories in reverse order"},
	{entriesFile, "if !slices.Contains(e.work.entering, row) {", "if true {", "a default that two transitions lead to runs twice"},
	{entriesFile, "(i == e.domain || !e.chart.within(i, e.domain))", "i == e.domain", "what holds the domain is entered again"},
	{entriesFile, "e.add(i).initial = s.Default", "e.add(i)", "initials around a history have no actions"},
	{entriesFile, "\t\te.ascend(t, holder)\n", "\t\t_ = t\n", "what lies above a restored state is not entered"},

	// Done.
	{configurationFile, "return s.Kind == Final && c.finalEntered(s)", "return false", "nothing is ever done"},
	{configurationFile, "p = c.chart.States[p].Parent {", "p = None {", "only the innermost parallel state is done"},
	{configurationFile, "return c.chart.States[i].Kind == Parallel && c.chart.regions(i, c.regionDone)", "return c.chart.States[i].Kind == Parallel", "one region is enough for a parallel state to be done"},
	{configurationFile, "\t\treturn c.done(i)\n", "\t\treturn false\n", "a region that is parallel is never done"},
	{configurationFile, "return s.Parent == i && s.Kind == Final", "return c.chart.within(leaf, i) && s.Kind == Final", "a final state further below makes a region done"},
	{configurationFile, "\t\t\tbreak\n", "", "all of the machine's onDone run"},
	{configurationFile, "c.exitForEver(ctx)\n\tc.makeOutput(ctx)", "c.makeOutput(ctx)\n\tc.exitForEver(ctx)", "the output is made before everything is exited"},
	{configurationFile, "\tw.fresh, w.left = fresh, left\n", "\t_, _ = fresh, left\n", "the last state is not published"},

	// The loop.
	{stepFile, "next, ask := 0, true", "next, ask := 0, false", "internal events come before eventless transitions"},
	{stepFile, "\t\t\task = true\n", "\t\t\task = false\n", "eventless transitions are not asked after an internal event"},
	{stepFile, "ask = r.event != c.chart.Execution", "ask = true", "eventless guards that fail are asked for ever"},
	{stepFile, "\tif c.finished {\n\t\tfor _, r := range s.internal[next:] {", "\tif false {\n\t\tfor _, r := range s.internal[next:] {", "errors of a machine that finishes are lost"},
	{stepFile, "case c.step.deferred:", "case false:", "deferred events are unhandled"},
	{stepFile, "\t\tw.fresh, w.left = w.fresh[:0], w.left[:0]\n", "\t\tw.left = w.left[:0]\n", "states are published again"},
	{stepFile, "if c.chart.Strict {", "if !c.chart.Strict {", "unhandled events are errors where they should not be"},
	{stepFile, "c.one[0], c.row, s.entered = t.Leaf, t.Row, true", "c.one[0], s.entered = t.Leaf, true", "a swift step stays at its row"},
	{stepFile, "ok = s.acting", "ok = false", "a failed action of a swift step undoes it"},
	{stepFile, "if len(s.internal) > 0 || !ok", "if !ok", "a swift step forgets what it has raised"},
	{"runtime/machine/loop.go", "if s.micro < MaxMicrosteps {", "if s.micro <= MaxMicrosteps {", "chains are one microstep too long"},

	// Deferred events, time and publishing.
	{inboxFile, "\tif !c.step.entered {\n\t\treturn\n\t}\n", "\tif c.step.entered {\n\t\treturn\n\t}\n", "deferred events are not tried after a change"},
	{inboxFile, "\t\tif c.step.entered {\n\t\t\ti = 0\n\t\t}\n", "", "deferred events are not tried from the oldest again"},
	{inboxFile, "c.kept = append(c.kept, e)", "c.kept = slices.Insert(c.kept, 0, e)", "deferred events in reverse order"},
	{"runtime/machine/send.go", "\tif len(c.kept) > 0 {\n\t\tc.retry()\n\t}\n", "", "deferred events wait for a queued one"},
	{"runtime/machine/delay.go", "slot.timer.Reset(d)", "slot.timer.Reset(2 * d)", "a delay begun again is too late"},
	{"runtime/machine/delay.go", "c.armFor(i, c.clock.Now().Add(d), d)", "c.armFor(i, c.clock.Now().Add(d/2), d/2)", "a delay is too early"},
	{"runtime/machine/delay.go", "s.deadline.Before(p.due) || ", "", "a delay passes after the sends that are due after it"},
	{"runtime/machine/delay.go", "s.deadline.Equal(p.due) && s.began <= p.began", "false", "a send passes before the delays of its instant"},
	{"runtime/machine/delay.go", "\tc.Cancel(id)\n", "", "a send does not replace the one of its id"},
	{"runtime/machine/outbox.go", "if !c.step.entered {", "if c.step.entered {", "only steps that stay are published"},
	{"runtime/machine/outbox.go", "\t\tslices.Sort(fresh)\n", "", "states are published as they were entered"},

	// Invoked machines.
	{childFile, "\tif !c.stopped {\n\t\tc.leaving", "\tif false {\n\t\tc.leaving", "a child that is cancelled exits nothing"},
	{childFile, "\tif !c.finished {\n\t\tc.exitForEver(ctx)", "\tif true {\n\t\tc.exitForEver(ctx)", "a child that is done exits twice"},
	{childFile, "\t\tc.exitForEver(ctx)\n\t\tc.settle(ctx)\n", "\t\tc.exitForEver(ctx)\n", "what a cancelled child raises while it exits is not taken"},
	{childFile, "\tif err == nil {\n\t\toutput = c.output", "\tif false {\n\t\toutput = c.output", "children return nothing"},
	{childFile, "range among {", "range among[:1] {", "only the first invocation of an id is found"},
	{childFile, "\t\tif c.as != nil {\n\t\t\treturn nil", "\t\tif false {\n\t\t\treturn nil", "a child that is cancelled cannot send to its parent"},
	{childFile, "\tc.parent.CompareAndSwap(call, nil)\n\tc.mu.Lock()\n\tif !c.stopped {", "\tc.mu.Lock()\n\tif !c.stopped {", "the parent hears a child that it has cancelled"},
	{childFile, "\t\tp.child.goOn(ctx)\n", "\t\t_ = ctx\n", "a restored child does not go on"},
	{childFile, "return firstKin - int32(i), i >= 0", "return firstKin, i >= 0", "delayed sends are restored as the first to its child"},

	// Restoring.
	{restoreFile, "= r.history, r.s.Seq, r.s.Finished, r.deferred", "= nil, r.s.Seq, r.s.Finished, r.deferred", "history is not restored"},
	{restoreFile, "= r.history, r.s.Seq, r.s.Finished, r.deferred", "= r.history, 0, r.s.Finished, r.deferred", "state changes are counted anew"},
	{restoreFile, "= r.history, r.s.Seq, r.s.Finished, r.deferred", "= r.history, r.s.Seq, false, r.deferred", "a machine that was done goes on"},
	{restoreFile, "= r.history, r.s.Seq, r.s.Finished, r.deferred", "= r.history, r.s.Seq, r.s.Finished, nil", "deferred events are not restored"},
	{restoreFile, "payload: event, kept: true}", "payload: event}", "a restored event that is deferred again comes after the others"},
	{restoreFile, "min(r.s.Sends[n].Behind, len(r.delays))", "min(r.s.Sends[n].Behind-1000, len(r.delays))", "sends are restored before delays that began before them"},
	{restoreFile, "c.armFor(i, due, due.Sub(now))", "c.armFor(i, due.Add(time.Second), due.Add(time.Second).Sub(now))", "restored delays are late"},
	{restoreFile, "slot.armed, slot.deadline, slot.began = true, due, c.began", "slot.armed, slot.deadline, slot.began = false, due, c.began", "delays that are late do not pass"},
	{restoreFile, "\t\tc.pending = append(c.pending, p)\n", "", "sends that are late are lost"},
	{restoreFile, "due: d.Due}", "due: r.clock.Now()}", "delayed sends pass when they are restored"},
	{restoreFile, "id: d.ID, ", "", "restored sends cannot be cancelled"},
	{restoreFile, " && r.chart.path(r.chart.delayOwner(i)) == d.State", "", "a delay is restored as another state's"},
	{restoreFile, " && r.chart.path(r.chart.invokeOwner(i)) == v.State", "", "an invocation is restored as another state's"},
	{restoreFile, "c.running[i].prepared = r.children[n]", "_ = n", "the children of a restored machine begin again"},
	{restoreFile, "c.row = c.chart.States[c.leaves[0]].Row", "c.row = c.chart.States[0].Row", "a restored machine takes the events of its first state"},
}
