"""One file per architecture; a file here is an entry of the registry by being here."""
