"""MLflow beside the store: a mirror that can be made anew, and live news from running cells."""
