//go:build linux

package booth_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/pyzmq"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/testdata/golden/booth"
	"github.com/xsgen/xsgen/testdata/golden/booth/clerk"
	"github.com/xsgen/xsgen/testdata/golden/booth/stand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// front starts the node front, and returns where programs connect to it.
func front(t *testing.T) (x *booth.Front, address func(name string) string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "booth") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	env := func(name string) (string, bool) { return dir, name == "BOOTH_DIR" }
	x, err = booth.StartFront(t.Context(), booth.FrontConfig{Node: node.Config{Getenv: env, OnError: func(err error) { t.Log(err) }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := x.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return x, func(name string) string { return "ipc://" + filepath.Join(dir, name+".sock") }
}

// python starts the program of docs/wire.md in one of its roles, with heartbeats.
func python(t *testing.T, role string, args ...string) *pyzmq.Program {
	t.Helper()
	plain := filepath.Join("..", "..", "..", "runtime", "transport", "zeromq", "testdata", "plain.py")
	return pyzmq.Start(t, plain, append([]string{role}, args...)...)
}

// sell has a piece be sold by the program itself.
func sell(t *testing.T, x *booth.Front, pieces int) {
	t.Helper()
	if err := x.Stand.Sell(t.Context(), &stand.Sell{What: stand.KindCake, Pieces: int64(pieces), At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// heard waits until a program has heard something on a topic.
func heard(t *testing.T, p *pyzmq.Program, topic, payload string) pyzmq.Heard {
	t.Helper()
	for {
		h := p.Next()
		if h.Disconnected {
			t.Fatal("the connection was lost")
		}
		if h.Topic == topic && fmt.Sprint(h.Payload) == payload {
			return h
		}
	}
}

// TestSubscriber is a SUB socket that hears a generated machine's states and what it emits.
func TestSubscriber(t *testing.T) {
	x, address := front(t)
	p := python(t, "sub", address("front-0"))
	p.Ready()
	for joined := false; !joined; { // a SUB socket of a program is a slow joiner
		sell(t, x, 1)
		select {
		case h := <-p.Lines:
			joined = h.Topic != ""
		case <-time.After(10 * time.Millisecond):
		}
	}
	time.Sleep(time.Second) // several heartbeats: without answers the connection would be lost
	sell(t, x, 7)
	h := heard(t, p, string(stand.TopicEmitSold), "map[pieces:7 what:cake]")
	for _, field := range []string{"id", "type", "source", "time", "epoch", "seq"} {
		if h.Envelope[field] == nil {
			t.Errorf("the envelope has no %s: %v", field, h.Envelope)
		}
	}
	for h = p.Next(); h.Topic != string(stand.TopicStateOpen); h = p.Next() {
	}
	if m, _ := h.Payload.(map[string]any); m["state"] != "open" || m["trigger"] != "sell" {
		t.Errorf("%+v", h)
	}
}

// TestPublisherAndRequester are a PUSH socket that sends events to a generated machine, and a REQ
// socket that asks it.
func TestPublisherAndRequester(t *testing.T) {
	_, address := front(t)
	pusher, asker := python(t, "push", address("front-0")), python(t, "request", address("front-0"))
	want := 0
	for i := range 100 {
		e := map[string]any{"what": "tea", "pieces": i, "at": map[string]any{"seconds": 1_700_000_000 + i}}
		if i%2 == 0 {
			e["note"], e["of a later version"] = "hot", i
		}
		pusher.Do(string(stand.TopicEventSell), map[string]any{}, e)
		want += i
	}
	payload := ""
	for payload != fmt.Sprintf("map[pieces:%d]", want) { // the other socket may be slower
		asker.Do(string(stand.TopicEventAsk), map[string]any{"correlation": "c"}, map[string]any{})
		h := asker.Next()
		if payload = fmt.Sprint(h.Payload); h.Envelope["correlation"] != "c" || h.Envelope["headers"] != nil {
			t.Fatalf("%+v", h)
		}
	}
}

// TestMember is a DEALER socket that is a clerk, as the topology has it: it gets what is sold, and
// answers requests of the generated code.
func TestMember(t *testing.T) {
	x, address := front(t)
	p := python(t, "member", address("front-0"), "clerks.reliable=emit.stand.sold", "clerks=group.clerks.quote")
	p.Ready()
	const n = 200 // more than it has room for without acknowledging
	for i := range n {
		sell(t, x, i)
	}
	for i := range n {
		heard(t, p, string(stand.TopicEmitSold), fmt.Sprintf("map[pieces:%d what:cake]", i))
	}
	r, err := x.Clerks.RequestQuote(t.Context(), &clerk.Quote{What: clerk.KindTea})
	if err != nil || r.Price != 42 {
		t.Errorf("%+v, %v", r, err)
	}
	heard(t, p, string(booth.TopicGroupClerksQuote), "map[what:tea]")
}

// TestPuller is a PULL socket that is a clerk.
func TestPuller(t *testing.T) {
	x, address := front(t)
	p := python(t, "pull", address("front-0.clerks.reliable"))
	p.Ready()
	for i := range 100 {
		sell(t, x, i)
	}
	for i := range 100 {
		heard(t, p, string(stand.TopicEmitSold), fmt.Sprintf("map[pieces:%d what:cake]", i))
	}
}
