// Package msgporder is the benchmark's event as tinylib/msgp generates it.
package msgporder

//go:generate go run github.com/tinylib/msgp@v1.6.1 -tests=false -io=false

// Order has the fields of the meter's event order.
type Order struct {
	ID       string   `msg:"id"`
	Customer string   `msg:"customer"`
	Cents    int64    `msg:"cents"`
	Paid     bool     `msg:"paid"`
	Rate     float64  `msg:"rate"`
	Tags     []string `msg:"tags"`
	Note     *string  `msg:"note"`
}
