"""Fine-tuning and distilling victims."""
