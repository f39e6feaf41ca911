"""Asks a server of the Open Inference Protocol what NVIDIA's own client asks.

Usage: client.py HOST:PORT MODEL FEATURES

FEATURES is a file of float32, 25 a row. Prints, as JSON, the bytes of the outputs in hexadecimal
for each way of asking, and the server's words for each thing that is wrong.
"""

import json
import sys

import numpy
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

address, model, path = sys.argv[1:]
features = numpy.fromfile(path, dtype="<f4").reshape(-1, 25)
client = InferenceServerClient(address)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
version = client.get_model_metadata(model)["versions"][0]
assert client.is_model_ready(model, version)
assert not client.is_model_ready("nobody")
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]


def tensor(binary, name="features", data=features, datatype="FP32"):
    tensor = InferInput(name, data.shape, datatype)
    tensor.set_data_from_numpy(data, binary_data=binary)
    return tensor


def outputs(binary, *names):
    return [InferRequestedOutput(name, binary_data=binary) for name in names]


def ask(binary, wanted, **more):
    result = client.infer(model, [tensor(binary)], outputs=wanted, **more)
    response = result.get_response()
    assert response["model_name"] == model and response["model_version"] == version
    names = [output["name"] for output in response["outputs"]]
    return {name: result.as_numpy(name).tobytes().hex() for name in names}


def refused(inputs, wanted=None, **more):
    try:
        client.infer(more.pop("model", model), inputs, outputs=wanted, **more)
    except InferenceServerException as error:
        return f"{error.status()} {error.message()}"
    return "not refused"


both = ("probabilities", "label")
print(
    json.dumps(
        {
            "answers": {
                "binary": ask(True, None),
                "json in, binary out": ask(False, None),
                "json": ask(False, outputs(False, *both)),
                "binary in, json out": ask(True, outputs(False, *both)),
                "gzip": ask(True, None, request_compression_algorithm="gzip"),
                "deflate": ask(True, None, request_compression_algorithm="deflate"),
                "gzip back": ask(True, None, response_compression_algorithm="gzip"),
                "with a version": ask(True, None, model_version=version, request_id="7"),
                "hints": ask(True, None, priority=1, timeout=1000),
            },
            "one output": ask(True, outputs(True, "label")),
            "refused": {
                "model": refused([tensor(True)], model="nobody"),
                "version": refused([tensor(True)], model_version="9.9.9"),
                "output": refused([tensor(True)], outputs(True, "nothing")),
                "input": refused([tensor(True, name="nothing")]),
                "shape": refused([tensor(True, data=features[:, :3].copy())]),
                "type": refused([tensor(True, data=features.astype("<f8"), datatype="FP64")]),
                "sequence": refused([tensor(True)], sequence_id=3, sequence_start=True),
            },
        }
    )
)
