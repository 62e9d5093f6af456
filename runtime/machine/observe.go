package machine

// Observer is told what a machine does while it does it: it must be quick, must
// not send to the machine, and must be safe for concurrent use if several
// machines share it. Embed NopObserver to implement a part.
type Observer interface {
	// Received is called when an event begins to be processed.
	Received(i Instance, event string)
	// Took is called when a transition has been chosen, before anything is exited.
	Took(i Instance, transition int, event string)
	// Entered and Exited are called before the state's own actions.
	Entered(i Instance, state string)
	Exited(i Instance, state string)
	// Unhandled is called for an external event that nothing takes.
	Unhandled(i Instance, event string)
	// Failed is called for a failed guard, action or publish, handled or not.
	Failed(i Instance, err error)
}

// Instance names a machine; Key is empty where it is not keyed.
type Instance struct{ Machine, Key string }

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

// Received implements Observer.
func (NopObserver) Received(Instance, string) {}

// Took implements Observer.
func (NopObserver) Took(Instance, int, string) {}

// Entered implements Observer.
func (NopObserver) Entered(Instance, string) {}

// Exited implements Observer.
func (NopObserver) Exited(Instance, string) {}

// Unhandled implements Observer.
func (NopObserver) Unhandled(Instance, string) {}

// Failed implements Observer.
func (NopObserver) Failed(Instance, error) {}
