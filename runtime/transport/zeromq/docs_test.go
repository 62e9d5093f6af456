package zeromq

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs has the page's program be part of the one that the tests run, and the page name
// each word that nodes say.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("testdata/plain.py")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(snippets) == 0 {
		t.Error("there is no program on the page")
	}
	for _, s := range snippets {
		if !strings.Contains(string(program), s[1]) {
			t.Errorf("testdata/plain.py does not have\n%s", s[1])
		}
	}
	for _, word := range []string{wordHello, wordWelcome, wordSubscribe, wordSubscribed, wordUnsubscribe, wordAck, wordReply, wordLost, wordSync, wordSynced, wordBye} {
		if !strings.Contains(string(page), "`\\0"+word[1:]+"`") {
			t.Errorf("the page says nothing of %q", word[1:])
		}
	}
}
