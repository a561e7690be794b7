"""Fine-tune with Trainer."""
