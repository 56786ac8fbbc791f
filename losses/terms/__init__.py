"""One file per loss, named as the loss. A new file here is a new loss; see `losses.registry`."""
