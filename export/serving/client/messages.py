"""The messages of TF Serving's gRPC interface, as far as a client needs them.

The official package `tensorflow-serving-api` imports all of TensorFlow: seconds and
hundreds of megabytes. These are the same on the wire: names, numbers and types are
those of `predict.proto`, `model.proto`, `get_model_metadata.proto` and
`get_model_status.proto` of tensorflow/serving, and of `tensor.proto` and
`meta_graph.proto` of TensorFlow. Maps are written as what they are on the wire:
repeated messages of a key and a value.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MESSAGES = {
    "Int64Value": "value=1:int64",
    "Dim": "size=1:int64",
    "TensorShapeProto": "dim=2:*Dim unknown_rank=3:bool",
    "TensorProto": "dtype=1:int32 tensor_shape=2:TensorShapeProto "
    "tensor_content=4:bytes float_val=5:*float double_val=6:*double int_val=7:*int32 "
    "string_val=8:*bytes int64_val=10:*int64 bool_val=11:*bool half_val=13:*int32 "
    "uint32_val=16:*uint32 uint64_val=17:*uint64",
    "NamedTensor": "key=1:string value=2:TensorProto",
    "ModelSpec": "name=1:string version=2:Int64Value signature_name=3:string "
    "version_label=4:string",
    "PredictRequest": "model_spec=1:ModelSpec inputs=2:*NamedTensor "
    "output_filter=3:*string",
    "PredictResponse": "outputs=1:*NamedTensor model_spec=2:ModelSpec",
    "TensorInfo": "name=1:string dtype=2:int32 tensor_shape=3:TensorShapeProto",
    "NamedInfo": "key=1:string value=2:TensorInfo",
    "SignatureDef": "inputs=1:*NamedInfo outputs=2:*NamedInfo method_name=3:string",
    "NamedSignature": "key=1:string value=2:SignatureDef",
    "SignatureDefMap": "signature_def=1:*NamedSignature",
    "Any": "type_url=1:string value=2:bytes",
    "NamedAny": "key=1:string value=2:Any",
    "GetModelMetadataRequest": "model_spec=1:ModelSpec metadata_field=2:*string",
    "GetModelMetadataResponse": "model_spec=1:ModelSpec metadata=2:*NamedAny",
    "GetModelStatusRequest": "model_spec=1:ModelSpec",
    "ModelVersionStatus": "version=1:int64 state=2:int32",
    "GetModelStatusResponse": "model_version_status=1:*ModelVersionStatus",
}
PACKAGE = "serving_client"


def make_messages():
    """Returns the classes of all messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            message.field.append(_field(field))
    pool = descriptor_pool.DescriptorPool()  # apart from the official ones
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
        )
        for name in MESSAGES
    }


def _field(text):
    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    field = descriptor_pb2.FieldDescriptorProto(name=name, number=int(number))
    repeated, kind = kind.startswith("*"), kind.lstrip("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind in MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    return field
