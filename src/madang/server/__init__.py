"""HTTP, thin: model in, model out."""
