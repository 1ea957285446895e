"""The Open Inference Protocol over gRPC, on the port that HTTP is on."""
