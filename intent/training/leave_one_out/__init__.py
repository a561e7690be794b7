"""Fine-tune the last layer of a Whisper encoder with a leave-one-out loss."""
