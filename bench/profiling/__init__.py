"""What a model costs: counted on paper (`counts`), measured on this machine (`latency`), room by room (`rooms`)."""
