"""read_saved.py DIRECTORY: opens with h5py, NumPy and zipfile what saved_layers saved there. All formats must hold the
same weights, laid out as Keras does. One line a failure, then a summary; fails if one did."""
import io
import json
import pathlib
import sys
import zipfile

import h5py
import numpy as np


def safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    assert length % 8 == 0
    types = {"F32": "<f4", "F64": "<f8", "I32": "<i4"}
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


def data_sets(h5):
    found = {}

    def visit(path, item):
        if isinstance(item, h5py.Dataset):
            found[path] = item[()]

    h5.visititems(visit)
    return found


def texts(list):
    return [text.decode() if isinstance(text, bytes) else text for text in list]


def legacy(group):
    arrays = {}
    for layer in texts(group.attrs["layer_names"]):
        for name in texts(group[layer].attrs["weight_names"]):
            arrays[name] = group[layer][name][()]
    return arrays


def same(left, right):
    """The same arrays, whatever their names and order; SpectralNormalization's kernel is twice in Keras 3's files."""
    key = lambda array: (array.shape, array.tobytes())
    return set(map(key, left.values())) == set(map(key, right.values()))


def check(path):
    expected = dict(np.load(path))
    assert all(array.dtype in ("<f4", "<i4") for array in expected.values())
    tensors = safetensors(path.with_suffix(".safetensors"))
    by_type_and_name = sorted(tensors, key=lambda name: (tensors[name].dtype == "<i4", name))
    assert list(tensors) == by_type_and_name and tensors.keys() == expected.keys()
    assert all(np.array_equal(tensors[name], expected[name]) for name in expected), "safetensors and npz differ"
    with h5py.File(path.with_suffix(".weights.h5")) as h5:
        weights = data_sets(h5)
    assert same(weights, expected), ".weights.h5 and npz differ"
    assert all(name.split("/")[-2] == "vars" and name.split("/")[-1].isdigit() for name in weights)
    with h5py.File(path.with_suffix(".hdf5")) as h5:
        assert same(legacy(h5), expected), "legacy weights and npz differ"
    if path.stem == "Lambda":  # a function of the user's own, which no file can hold
        return
    with h5py.File(path.with_suffix(".h5")) as h5:
        assert same(legacy(h5["model_weights"]), expected), ".h5 and npz differ"
        config = json.loads(h5.attrs["model_config"])
        names = [layer["config"]["name"] for layer in config["config"]["layers"]]
        assert texts(h5["model_weights"].attrs["layer_names"]) == names
    with zipfile.ZipFile(path.with_suffix(".keras")) as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert archive.testzip() is None
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as h5:
            assert data_sets(h5).keys() == weights.keys() and same(data_sets(h5), expected)
    assert config["class_name"] == "Functional" and config["module"] == "keras.src.models.functional"
    assert config["config"]["layers"][-1]["class_name"] == path.stem.replace("Grouped", "Group")
    if path.stem == "Dense":
        assert list(weights) == ["layers/dense/vars/0", "layers/dense/vars/1"]
        assert np.array_equal(weights["layers/dense/vars/0"], expected["dense/kernel"])
    if path.stem == "LSTM":
        assert list(weights) == [f"layers/lstm/cell/vars/{i}" for i in range(3)]


numbers = np.load(sys.argv[1] + "/numbers.npy")
assert np.array_equal(numbers, (np.arange(256) * 37 % 101 / 101 * 3).reshape(16, 16)) and numbers.dtype == "<f8"
passed = failed = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.npz")):
    try:
        check(path)
        passed += 1
    except Exception as error:
        print(f"FAIL {path.stem}: {type(error).__name__} {error}")
        failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
