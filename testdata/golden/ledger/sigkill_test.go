package ledger

func childMain() bool { return false }
