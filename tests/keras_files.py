"""keras_files.py DIRECTORY: writes model files with h5py and NumPy as the versions of Keras lay them out, each with
NAME.npz (input_0, ..., expected_0, ...) beside it, whose predictions are computed here."""
import io
import json
import sys
import zipfile

import h5py
import numpy as np

directory = sys.argv[1]
random = np.random.default_rng(3)


def floats(*shape):
    return random.standard_normal(shape).astype("<f4")


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def expect(name, inputs, outputs):
    arrays = {f"input_{i}": x for i, x in enumerate(inputs)}
    arrays.update({f"expected_{i}": y.astype("f8") for i, y in enumerate(outputs)})
    np.savez(f"{directory}/{name}.npz", **arrays)


def layer(class_name, **config):
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None}


def input_layer(name, *shape):
    return layer("InputLayer", name=name, batch_shape=[None, *shape], dtype="float32")


def sequential(*layers, **more):
    config = {"name": "model", "trainable": True, "layers": list(layers)}
    return {"module": "keras", "class_name": "Sequential", "config": config, **more}


def tensor(layer_name, call, *shape):
    config = {"shape": [None, *shape], "dtype": "float32", "keras_history": [layer_name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def called(layer, *calls):
    return {**layer, "name": layer["config"]["name"], "inbound_nodes": [{"args": args, "kwargs": {}} for args in calls]}


def functional(layers, inputs, outputs):
    config = {"name": "model", "trainable": True, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}


def keras3(name, model, weights, compression=zipfile.ZIP_STORED, version="3.10.0", **options):
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as h5:
        for path, arrays in weights.items():
            group = h5.create_group(f"{path}/vars")
            group.attrs["name"] = path.rsplit("/", 1)[-1]
            for i, array in enumerate(arrays):
                group.create_dataset(str(i), data=array)
    with zipfile.ZipFile(f"{directory}/{name}", "w", compression) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version, "date_saved": "2025-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", file.getvalue())


def keras2(name, model, weights, texts=h5py.string_dtype(), training=None, **datasets):
    """`texts` is the type of name lists: of fixed length in files that h5py 2 wrote."""
    with h5py.File(f"{directory}/{name}", "w") as h5:
        h5.attrs["keras_version"] = "2.4.0"
        h5.attrs["backend"] = "tensorflow"
        h5.attrs["model_config"] = json.dumps(model)
        if training:
            h5.attrs["training_config"] = json.dumps(training)
        group = h5.create_group("model_weights")
        group.attrs["layer_names"] = np.array(list(weights), dtype=texts)
        for name, arrays in weights.items():
            own = group.create_group(name)
            own.attrs["weight_names"] = np.array([path for path, _ in arrays], dtype=texts)
            for path, array in arrays:
                own.create_dataset(path, data=array, **datasets)


# A Dense layer, in every way that h5py stores it.
x, kernel, bias = floats(3, 4), floats(4, 2), floats(2)
y = relu(x @ kernel + bias)
dense = sequential(input_layer("x", 4), layer("Dense", name="d", units=2, activation="relu"))
for name, options in {"stored": {}, "latest": {"libver": "latest"}}.items():
    keras3(f"{name}.keras", dense, {"layers/dense": [kernel, bias]}, **options)
    expect(f"{name}.keras", [x], [y])
keras3("deflated.keras", dense, {"layers/dense": [kernel, bias]}, zipfile.ZIP_DEFLATED)
expect("deflated.keras", [x], [y])
keras3("doubles.keras", dense, {"layers/dense": [kernel.astype("f8"), bias.astype("f8")]})
expect("doubles.keras", [x], [y])

old_dense = {
    "class_name": "Sequential",
    "config": {
        "name": "old",
        "layers": [
            {
                "class_name": "Dense",
                "config": {"name": "d", "units": 2, "activation": "relu", "batch_input_shape": [None, 4]},
            }
        ],
    },
}
old_weights = {"d": [("d/kernel:0", kernel), ("d/bias:0", bias)]}
for name, options in {
    "variable": {},
    "fixed": {"texts": "S16"},
    "gzip": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "compiled": {
        "training": {
            "loss": "mse",
            "metrics": ["mae"],
            "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.01, "decay": 0.0}},
        }
    },
}.items():
    keras2(f"{name}.h5", old_dense, old_weights, **options)
    expect(f"{name}.h5", [x], [y])
bare = {"class_name": "Sequential", "config": old_dense["config"]["layers"]}
keras2("bare_list.h5", bare, old_weights)
expect("bare_list.h5", [x], [y])

# A shared layer, two inputs and two outputs; the layers of the file are numbered in the order of the graph.
a, b = floats(3, 4), floats(3, 4)
second = floats(2, 3), floats(3)
model = functional(
    [
        called(input_layer("a", 4)),
        called(input_layer("b", 4)),
        called(layer("Dense", name="shared", units=2, activation="tanh"), [tensor("a", 0, 4)], [tensor("b", 0, 4)]),
        called(layer("Add", name="sum"), [[tensor("shared", 0, 2), tensor("shared", 1, 2)]]),
        called(layer("Dense", name="out", units=3), [tensor("sum", 0, 2)]),
    ],
    [["a", 0, 0], ["b", 0, 0]],
    [["out", 0, 0], ["shared", 1, 0]],
)
u, v = np.tanh(a @ kernel + bias), np.tanh(b @ kernel + bias)
keras3("shared.keras", model, {"layers/dense": [kernel, bias], "layers/dense_1": list(second)})
expect("shared.keras", [a, b], [(u + v) @ second[0] + second[1], v])

# A model inside another one.
inner = sequential(input_layer("i", 4), layer("Dense", name="d", units=2, activation="tanh"))
inner["config"]["name"] = "inner"
outer = sequential(input_layer("x", 4), inner, layer("Dense", name="e", units=3))
keras3("nested.keras", outer, {"layers/sequential/layers/dense": [kernel, bias], "layers/dense": list(second)})
expect("nested.keras", [x], [np.tanh(x @ kernel + bias) @ second[0] + second[1]])

# Edges of pictures in four directions, light to dark and dark to light, and where there are any: what the example of
# transfer learning builds on.
across = np.arange(-2, 3, dtype="f4")
directions = [np.cos(t) * across[None, :] + np.sin(t) * across[:, None] for t in np.pi / 4 * np.arange(4)]
filters = np.stack([sign * d / np.abs(d).sum() for d in directions for sign in (1, -1)], axis=-1)[:, :, None, :].astype("f4")
pictures, threshold = random.random((2, 28, 28, 1), dtype="f4"), np.full(8, -0.02, "<f4")
edges = sequential(
    input_layer("x", 28, 28, 1),
    layer("Conv2D", name="edges", filters=8, kernel_size=[5, 5], padding="same", activation="relu"),
    layer("MaxPooling2D", name="places", pool_size=[4, 4]),
)
padded = np.pad(pictures[..., 0], ((0, 0), (2, 2), (2, 2)))
windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
found = relu(np.einsum("nijab,abf->nijf", windows, filters[:, :, 0]) + threshold)
keras3("edges.keras", edges, {"layers/conv2d": [filters, threshold]})
expect("edges.keras", [pictures], [found.reshape(2, 7, 4, 7, 4, 8).max(axis=(2, 4))])

# The moving averages of a BatchNormalization are no trained weights, and stand behind those in Keras 2.
gamma, beta, mean, variance = floats(4), floats(4), floats(4), floats(4) ** 2
normalized = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
norm = sequential(input_layer("x", 4), layer("BatchNormalization", name="n", axis=-1))
keras3("normalized.keras", norm, {"layers/batch_normalization": [gamma, beta, mean, variance]})
expect("normalized.keras", [x], [normalized])

# The gates of an LSTM lie in the order i f c o; Keras 2's hard_sigmoid is another one.
steps, units = floats(2, 3, 4), 2
w, r, g = floats(4, 4 * units), floats(units, 4 * units), floats(4 * units)


def lstm(gate):
    h = c = np.zeros((2, units))
    for t in range(steps.shape[1]):
        i, f, n, o = np.split(steps[:, t] @ w + h @ r + g, 4, axis=1)
        c = gate(f) * c + gate(i) * np.tanh(n)
        h = gate(o) * np.tanh(c)
    return h


recurrent = sequential(input_layer("x", 3, 4), layer("LSTM", name="l", units=units))
keras3("lstm.keras", recurrent, {"layers/lstm/cell": [w, r, g]})
expect("lstm.keras", [steps], [lstm(sigmoid)])
old_config = {"name": "l", "units": units, "recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, 3, 4]}
old_lstm = {"class_name": "Sequential", "config": {"layers": [{"class_name": "LSTM", "config": old_config}]}}
keras2("hard_sigmoid.h5", old_lstm, {"l": [("l/kernel:0", w), ("l/recurrent_kernel:0", r), ("l/bias:0", g)]})
expect("hard_sigmoid.h5", [steps], [lstm(lambda x: np.clip(0.2 * x + 0.5, 0, 1))])
old_config = {"name": "l", "units": units, "recurrent_activation": "hard_sigmoid"}
old_compile = {"optimizer": {"class_name": "Custom>SGD", "config": {"learning_rate": 0.5}}, "loss": "mse"}
old_lstm = sequential(input_layer("x", 3, 4), layer("LSTM", **old_config), compile_config=old_compile)
keras3("hard_sigmoid.keras", old_lstm, {"layers/lstm/cell": [w, r, g]}, version="2.13.1")
expect("hard_sigmoid.keras", [steps], [lstm(lambda x: np.clip(0.2 * x + 0.5, 0, 1))])
