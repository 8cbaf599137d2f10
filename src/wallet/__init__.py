"""The wallet engine: what a balance is and how it changes. Knows neither gRPC nor protobuf."""
