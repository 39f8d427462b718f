"""One archive for a bug report: what happened, without what is nobody's business."""
