package machine

// Observer is told what a machine does while it does it: it must be quick, must
// not send to the machine, and must be safe for concurrent use if several
// machines share it. Embed NopObserver to implement a part, and to keep compiling
// when there is more to be told. A machine without one pays nothing.
//
// What a step does is told in this order: Received; then for each microstep the
// guards that are tried, the transitions that are taken, the states that are
// left, the blocks of actions that have run and the states that are entered; and
// last Unhandled, Deferred or Repeated, if that is how it ended. So for an event that
// led to nothing it is told why: which guards were false, which transition lost to
// which other one, that it waits, or that no transition takes it where the machine is.
type Observer interface {
	// Received is called when an event begins to be processed: one from outside, a
	// delay that has passed, or the end of an invocation.
	Received(i Instance, event string)
	// Guarded is called when a guard has been evaluated; one that failed is false.
	Guarded(i Instance, t TransitionRef, passed bool)
	// Preempted is called for a transition that is enabled and not taken: another
	// region's, which conflicts with it, goes before it, or a region defers the event.
	Preempted(i Instance, t TransitionRef, event string)
	// Took is called when a transition has been chosen, before anything is exited.
	Took(i Instance, t TransitionRef, event string)
	// Exited and Entered are called before the state's own actions.
	Exited(i Instance, state string)
	Entered(i Instance, state string)
	// Acted is called after a block of actions; err is what ended it early. The
	// strings are those of the chart and must not be changed.
	Acted(i Instance, block string, actions []string, err error)
	// Deferred is called for an event that is kept for later.
	Deferred(i Instance, event string)
	// Ignored is called for an internal event that nothing takes: one that was raised,
	// that a state is done, or a failure.
	Ignored(i Instance, event string)
	// Unhandled is called for an external event that nothing takes.
	Unhandled(i Instance, event string)
	// Repeated is called for an event that a host's instance has processed before.
	Repeated(i Instance, event, id string)
	// Failed is called for a failed guard, action, publish or invocation, handled or
	// not; for a chain of microsteps that was cut; and for an event that is to be
	// deferred while too many are.
	Failed(i Instance, err error)
}

// Instance names a machine; Key is empty where it is not keyed.
type Instance struct{ Machine, Key string }

// TransitionRef names a transition of a machine: its number in document order,
// and its source, event and targets as the spec writes them.
type TransitionRef struct {
	Number int
	Label  string
}

func (t TransitionRef) String() string { return t.Label }

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

// Received implements Observer.
func (NopObserver) Received(Instance, string) {}

// Guarded implements Observer.
func (NopObserver) Guarded(Instance, TransitionRef, bool) {}

// Preempted implements Observer.
func (NopObserver) Preempted(Instance, TransitionRef, string) {}

// Ignored implements Observer.
func (NopObserver) Ignored(Instance, string) {}

// Repeated implements Observer.
func (NopObserver) Repeated(Instance, string, string) {}

// Took implements Observer.
func (NopObserver) Took(Instance, TransitionRef, string) {}

// Exited implements Observer.
func (NopObserver) Exited(Instance, string) {}

// Entered implements Observer.
func (NopObserver) Entered(Instance, string) {}

// Acted implements Observer.
func (NopObserver) Acted(Instance, string, []string, error) {}

// Deferred implements Observer.
func (NopObserver) Deferred(Instance, string) {}

// Unhandled implements Observer.
func (NopObserver) Unhandled(Instance, string) {}

// Failed implements Observer.
func (NopObserver) Failed(Instance, error) {}

func (c *Core) ref(i int32) TransitionRef {
	t := TransitionRef{Number: int(i)}
	if int(i) < len(c.chart.Blocks) {
		t.Label = c.chart.Blocks[i].Name
	}
	return t
}

// preempted tells the observer of transitions that are not taken.
func (c *Core) preempted(list []chosen) {
	for _, e := range list {
		c.observer.Preempted(c.self, c.ref(e.transition), c.chart.Events[c.step.event])
	}
}

// acted tells the observer that a block, or the actions of a transition, have run.
func (c *Core) acted(id int32, err error) {
	var b Block
	if int(id) < len(c.chart.Blocks) {
		b = c.chart.Blocks[id]
	}
	c.observer.Acted(c.self, b.Name, b.Actions, err)
}
