# Everything a contributor runs. No target needs root or a system package.

GO      ?= go
# The race detector needs cgo, and cgo a C compiler; without one the tests run
# without -race.
RACE    := $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo -race)
PKGS    := ./...
# The go command leaves directories called testdata out of ./...
GOLDEN  := ./testdata/golden/...

.PHONY: test debug demo bench size conformance agreement differential mutants peers rabbit4 build vet staticcheck unit fmt generated sigkill soak faults sigkill-unix zeromq shop shop-locations systems shop-figures

test: build fmt vet generated staticcheck peers agreement debug unit

# Generates and runs the orders example.
demo:
	$(GO) generate ./examples/orders
	$(GO) run ./examples/orders

# The shop in processes, with 10,000 orders: each process is killed on the way, and so is the
# broker, and the tallies add up. make test does it with fewer orders, and without the broker's end.
shop:
	XSGEN_ORDERS=10000 $(GO) test ./examples/shop -run '^TestKilled$$' -count=1 -v -timeout 60m

# The shop through all combinations of locations; it says how many there were.
shop-locations:
	XSGEN_LOCATIONS=all $(GO) test ./examples/shop -run '^TestLocations$$' -count=1 -v -timeout 60m

# The shop's figures of docs/performance.md, for each location.
shop-figures:
	XSGEN_FIGURES=5 $(GO) test ./examples/shop -run '^TestFigures$$' -count=1 -v -timeout 20m

build:
	$(GO) build $(PKGS) $(GOLDEN)

# What programs need is there on other systems, too; where there are no Unix domain sockets
# with credentials, those transports say so when they are opened.
systems:
	GOOS=darwin $(GO) vet ./runtime/transport/... ./runtime/node/... ./cmd/...
	GOOS=windows $(GO) build ./runtime/... ./cmd/... ./testdata/golden/...

fmt:
	@out="$$(gofmt -l .)"; if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet $(PKGS) $(GOLDEN)
	$(GO) vet -tags proofs ./gen/golang

# Everything that is generated is what xsgen generates now.
generated:
	$(GO) run ./cmd/xsgen diff --brief . testdata/golden

staticcheck:
	$(GO) tool -modfile=tools.mod staticcheck $(PKGS) $(GOLDEN)

# The comparisons with other projects are a module of their own, so that no peer
# enters xsgen's go.mod.
peers:
	cd benchmarks && $(GO) vet ./... && $(GO) test ./...

# Prints the figures of docs/performance.md, as ratios of medians.
bench:
	cd benchmarks && $(GO) run ./ratios
	cd benchmarks && $(GO) run ./zeromq

# Says what a machine of a thousand states costs.
size:
	cd benchmarks && $(GO) run ./size

# The longer proofs of the step loop: the table of rules and cases, random charts
# beside an interpreter of SCXML's appendix D, and mistakes that the cases notice.
conformance:
	$(GO) test -tags proofs ./gen/golang -run '^TestConformanceTable$$' -count=1 -v

# What test runs of the latter: 100,000 events. With the race detector, which has
# nothing to find in the interpreter, it is fewer.
agreement:
	$(GO) test ./gen/golang -run '^TestDifferential$$'

differential:
	XSGEN_CHARTS=1000 XSGEN_EVENTS=1000000 $(GO) test ./gen/golang -run '^TestDifferential$$' -count=1 -v -timeout 60m

mutants:
	$(GO) test -tags proofs ./gen/golang -run '^TestMutants$$' -count=1 -v -timeout 60m

unit:
	@[ -n "$(RACE)" ] || echo "no C compiler: the tests run without -race"
	$(GO) run ./cmd/internal/testreport $(RACE) -timeout 20m $(PKGS) $(GOLDEN)

# Buses and transports as they are with the build tag that finds events and messages
# which are used too late.
debug:
	$(GO) test -tags xsgendebug ./runtime/bus/... ./runtime/transport ./runtime/transport/internal/... ./runtime/transport/memory ./runtime/transport/unix ./runtime/node/... ./runtime/internal/pool

# Random publishers, subscriptions and handlers for some minutes: everything that was
# accepted is accounted for, and nothing is leaked. XSGEN_SEED repeats a run.
soak:
	XSGEN_SOAK=3m $(GO) test $(RACE) -count=1 -v -timeout 10m -run '^TestSoak$$' ./runtime/bus

# What has RabbitMQ as its peer, with RabbitMQ 4.0 of Debian 13, which is unpacked in the user's
# cache with all its libraries; make test has the system's.
rabbit4:
	CI=true XSGEN_RABBITMQ_SUITE=trixie $(GO) test -count=1 -timeout 20m ./internal/debian ./internal/rabbit ./runtime/transport/amqp ./examples/shop

# The longer faults of RabbitMQ: the broker ends six times under traffic, a slow network.
faults:
	$(GO) test -tags faults -count=1 -v -timeout 20m -run '^TestLong' ./runtime/transport/amqp

# Kills a process that runs a keyed host 200 times, where `make test` does it 60 times.
sigkill:
	XSGEN_KILLS=200 $(GO) test -count=1 -v -run TestSIGKILL ./testdata/golden/ledger ./testdata/golden/desk

# Kills the receiver of kept messages 50 times, at random moments, and leaves it away for up
# to a minute.
sigkill-unix:
	XSGEN_KILLS=50 XSGEN_AWAY=4s $(GO) test ./runtime/transport/unix -run '^TestKilled' -count=1 -v -timeout 10m
	XSGEN_KILLS=3 XSGEN_AWAY=60s $(GO) test ./runtime/transport/unix -run '^TestKilled$$' -count=1 -v -timeout 10m

# Kills processes that send and receive by ZeroMQ 50 times, with more than a thousand messages
# in flight, and has one be away for a minute.
zeromq:
	XSGEN_KILLS=50 $(GO) test -count=1 -v -timeout 20m -run 'TestReceiverKilled|TestPublisherKilled' ./runtime/transport/zeromq
	XSGEN_AWAY=60 $(GO) test -count=1 -v -timeout 20m -run TestRestarted ./runtime/transport/zeromq
