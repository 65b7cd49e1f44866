"""What crosses between the parties: one module per format, shared by writer and reader."""
