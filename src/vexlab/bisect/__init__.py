"""Which revision of a target brought a problem: fresh machines as often as its rate asks, and a proof."""
