// Package machine executes statecharts. Generated code describes a chart as
// tables of small integers and supplies one method, Take, that evaluates guards
// and runs actions by number; a [Core] steps over the tables: run to completion,
// one event at a time, one macrostep per event.
//
// The algorithm is that of W3C SCXML (Recommendation of 2015-09-01), appendix D,
// with the changes that docs/semantics.md names.
//
// A Core has no goroutine. The sender that finds it idle runs the step; the
// others queue, and wait where they asked to. All methods that generated
// machines export are safe for concurrent use; what a step calls (actions,
// guards, the outbox) is never called concurrently for one machine.
//
// Only the standard library is imported. Nothing that delivers events, or knows
// their types, may live here: generated code binds a machine to a bus.
package machine
