package golang

import "testing"

const lampSpec = `version: 1
machine: lamp
events: {toggle: {}, ask: {fields: {n: int}, reply: {n: int}}}
context: {n: int}
initial: off
entry: [hello]
states:
  off: {on: {toggle: {target: on, guard: allowed, actions: [click]}, ask: {actions: [{reply: {n: event.n + context.n}}]}}}
  on: {exit: [dim], after: {5m: off}, on: {toggle: off}}
`

const lampTrace = `observe publish
observe guards
start
  enter (machine)
  do hello
  enter off
  publish state.lamp.off
  = off
guard allowed false
send toggle
  guard allowed false
  unhandled toggle
  = off
guard allowed true
fail click out of order

# The action fails; the step goes on.
send toggle
  guard allowed true
  exit off
  do click
  enter on
  publish error.lamp.action
  publish state.lamp.on
  error machine lamp: in state off on toggle: out of order
  = on
advance 5m
  exit on
  do dim
  enter off
  publish state.lamp.off
  = off
request ask {"n": 7}
  reply {"n":7}
  = off
stop
  = off
`

// TestHarness: the trace of a script, which is a script again.
func TestHarness(t *testing.T) {
	m := buildMachines(t, []machineSpec{{name: "lamp", yaml: lampSpec}})
	if got := m.run(t, "lamp", lampTrace); got != lampTrace {
		t.Errorf("got\n%s\nwant\n%s", got, lampTrace)
	}
}
