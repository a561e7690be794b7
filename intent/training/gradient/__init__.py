"""Fine-tuning with Trainer."""
