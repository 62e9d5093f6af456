package benchmarks

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// patterns and topics are 100,000 subscriptions, a fifth of them with wildcards, and
// the 131,072 topics that are looked up.
func patternsAndTopics() (patterns, topics []string) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1 << 17 {
		topics = append(topics, fmt.Sprintf("state.m%d.k%d.s%d", i%64, i/64%256, i/64/256))
	}
	for range 100_000 {
		m, k, s := fmt.Sprint("m", r.IntN(64)), fmt.Sprint("k", r.IntN(256)), fmt.Sprint("s", r.IntN(8))
		switch r.IntN(10) {
		case 0:
			k = "*"
		case 1:
			s = "*"
		}
		patterns = append(patterns, "state."+m+"."+k+"."+s)
	}
	return patterns, topics
}

// BenchmarkMatch finds the subscriptions for a topic: by the index and by NATS's list,
// which both have a cache; one topic over and over, and all of them in turn, after all were
// asked for a few times. A publisher of the bus is bound to its topic, and looks for nobody.
func BenchmarkMatch(b *testing.B) {
	patterns, topics := patternsAndTopics()
	var index topic.Index[int]
	list := server.NewSublistWithCache()
	for i, p := range patterns {
		pattern := p
		if p[len(p)-1] == '*' { // what is one segment for NATS, also in the last place
			pattern = p[:len(p)-1] + "+"
		}
		index.Add(topic.MustPattern(pattern), i)
		insert(list, p, fmt.Sprint(i))
	}
	b.Run("bound", func(b *testing.B) {
		eb := bus.New()
		p, err := bus.NewPublisher[order](eb, topic.Name(topics[5]))
		if err != nil {
			b.Fatal(err)
		}
		v := &order{}
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Publish(b.Context(), v)
		}
	})
	for name, mask := range map[string]int{"hot": 0, "all": len(topics) - 1} {
		b.Run("xsgen-"+name, func(b *testing.B) {
			for i := range 4 * len(topics) {
				_ = index.Match(topic.Name(topics[i&mask]))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_ = index.Match(topic.Name(topics[i&mask]))
			}
		})
		b.Run("nats-"+name, func(b *testing.B) {
			for i := range 4 * len(topics) {
				_ = list.Match(topics[i&mask])
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_ = list.Match(topics[i&mask])
			}
		})
	}
}

// insert adds a subscription to NATS's list, whose type is not exported.
func insert(list *server.Sublist, subject, id string) {
	method := reflect.ValueOf(list).MethodByName("Insert")
	sub := reflect.New(method.Type().In(0).Elem())
	for name, text := range map[string]string{"subject": subject, "sid": id} {
		*(*[]byte)(sub.Elem().FieldByName(name).Addr().UnsafePointer()) = []byte(text)
	}
	if err, _ := method.Call([]reflect.Value{sub})[0].Interface().(error); err != nil {
		panic(err)
	}
}
