package memory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// receive subscribes, and publishes to it.
func receive(ctx context.Context) error {
	t := memory.New()
	sub, err := t.Subscribe(ctx, transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.order.*"},
		Profile:  transport.Profile{Concurrency: 2},
		Receive: transport.Serve(2, func(ctx context.Context, d *transport.Delivery) error {
			fmt.Printf("%s: %s\n", d.Topic, d.Body)
			return nil // an error would deliver it again, as the profile says
		}),
	})
	if err != nil {
		return err
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.order.submit"}, Body: []byte("hello")}
	if err := transport.Publish(ctx, t, m); err != nil {
		return err
	}
	return errors.Join(sub.Close(ctx), t.Close(ctx))
}

// publishAll begins messages and then waits for all of them.
func publishAll(ctx context.Context, t transport.Transport, messages []*transport.Message) error {
	var pending []transport.Pending
	for _, m := range messages {
		p, err := t.Begin(ctx, m)
		if err != nil {
			return err
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		if err := p.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// explain says what is known of a message.
func explain(err error) {
	if e, ok := errors.AsType[*transport.PublishError](err); ok && e.Retryable() {
		// NotSent: nobody has it. Unknown: send it under the same id, receivers know that.
		fmt.Println(e.Outcome(), errors.Is(err, transport.ErrFull))
	}
}

func Example() {
	if err := receive(context.Background()); err != nil {
		fmt.Println(err)
	}
	t := memory.New()
	busy := make(chan struct{})
	_, err := t.Subscribe(context.Background(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"#"}, Profile: transport.Profile{Capacity: 2, Overflow: transport.Reject},
		Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { <-busy; return nil }),
	})
	if err != nil {
		fmt.Println(err)
	}
	m := &transport.Message{Envelope: transport.Envelope{ID: "1", Topic: "state.a"}}
	explain(publishAll(context.Background(), t, []*transport.Message{m, m, m}))
	close(busy)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(t.Close(ctx))
	// Output:
	// event.order.submit: hello
	// not sent true
	// <nil>
}

// TestDocs has every Go snippet of the page be part of what is compiled here.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/transport.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range []string{"example_test.go", "memory_test.go", "../amqp/example_test.go"} {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.WriteString(flat(string(src)))
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(snippets) < 5 {
		t.Fatalf("%d snippets were found", len(snippets))
	}
	for _, s := range snippets {
		if !strings.Contains(code.String(), flat(s[1])) {
			t.Errorf("nothing here has\n%s", s[1])
		}
	}
}

// flat is a text without indentation.
func flat(s string) string { return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(s, "") }
