"""The commands, one file a subject. Each is a thin face of one or two gRPC methods."""
