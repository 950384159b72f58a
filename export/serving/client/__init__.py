"""Clients of TF Serving that need neither TensorFlow nor keras_mae.

`over_grpc.GrpcClient` needs grpcio, protobuf and NumPy; `over_rest.RestClient` needs
NumPy alone. Both batch, keep their connection, and try again until a deadline.
"""
