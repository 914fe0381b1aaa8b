"""What a model costs: counted on paper (`counts`), measured on this machine (`latency`), part by part (`parts`)."""
