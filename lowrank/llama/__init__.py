"""The Llama architecture: configuration, tokenizer, and later the model itself."""
