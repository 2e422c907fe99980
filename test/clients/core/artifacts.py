"""Real models, and what they predict.

 * a random forest that scikit-learn trains on its handwritten digits, saved by
   joblib (a pickle with arrays, about 2 MB);
 * a neural network trained on the same, its weights saved by safetensors;
 * magika's file type network, a trained ONNX model from a PyPI package (3 MB).

Each kind says how to load a file and predict with it, so a downloaded copy can
be compared with the original.
"""

import dataclasses
import json
import pathlib
from typing import Callable

import joblib
import magika
import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

MAGIKA_DIR = next((pathlib.Path(magika.__file__).parent / "models").glob("*/model.onnx")).parent

# Texts of which the file type network should know the type.
SAMPLES = {
    "python": "import os\n\n\ndef main():\n    for name in os.listdir('.'):\n        print(name)\n\n\nmain()\n",
    "json": json.dumps({"name": "vitrine", "files": [{"path": "model.onnx", "size": 3163737}] * 5}, indent=2),
    "html": "<!DOCTYPE html><html><head><title>x</title></head><body><p>Hello</p></body></html>\n" * 3,
}


@dataclasses.dataclass
class Artifact:
    name: str
    path: pathlib.Path
    expected: np.ndarray
    predict: Callable[[pathlib.Path], np.ndarray]

    def check(self, copy):
        """The copy loads, and predicts exactly what the original predicts."""
        np.testing.assert_array_equal(self.predict(copy), self.expected)


def digits():
    data = load_digits()
    return train_test_split(data.data / 16, data.target, random_state=7)


class Sklearn:
    name = "sklearn"

    @classmethod
    def build(cls, folder):
        train, test, labels, answers = digits()
        forest = RandomForestClassifier(n_estimators=40, random_state=7).fit(train, labels)
        assert forest.score(test, answers) > 0.9, "the forest has not learned anything"
        path = folder / "model.joblib"
        joblib.dump(forest, path)
        return Artifact(cls.name, path, forest.predict_proba(test), cls.predict)

    @staticmethod
    def predict(path):
        return joblib.load(path).predict_proba(digits()[1])


class Safetensors:
    name = "safetensors"

    @classmethod
    def build(cls, folder):
        train, test, labels, answers = digits()
        network = MLPClassifier((64, 32), max_iter=300, tol=1e-2, random_state=7).fit(train, labels)
        assert network.score(test, answers) > 0.9, "the network has not learned anything"
        layers = enumerate(zip(network.coefs_, network.intercepts_))
        tensors = {f"{i}.{part}": value for i, pair in layers for part, value in zip(("weight", "bias"), pair)}
        path = folder / "model.safetensors"
        safetensors.numpy.save_file(tensors, path, metadata={"format": "np"})
        expected = cls.predict(path)
        np.testing.assert_array_equal(expected.argmax(axis=1), network.predict(test))
        return Artifact(cls.name, path, expected, cls.predict)

    @staticmethod
    def predict(path):
        tensors = safetensors.numpy.load_file(path)
        layer, last = digits()[1], len(tensors) // 2 - 1
        for i in range(last + 1):
            layer = layer @ tensors[f"{i}.weight"] + tensors[f"{i}.bias"]
            layer = np.maximum(layer, 0) if i < last else layer
        return layer


class Onnx:
    name = "onnx"

    @classmethod
    def build(cls, _folder):
        path = MAGIKA_DIR / "model.onnx"
        expected = cls.predict(path)
        labels = json.loads((MAGIKA_DIR / "config.min.json").read_text())["target_labels_space"]
        assert [labels[i] for i in expected.argmax(axis=1)] == list(SAMPLES)
        return Artifact(cls.name, path, expected, cls.predict)

    @staticmethod
    def predict(path):
        onnx.checker.check_model(onnx.load(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # so that sums come out the same every time
        session = onnxruntime.InferenceSession(path, options)
        batch = np.stack([tokens(text) for text in SAMPLES.values()])
        return session.run(None, {session.get_inputs()[0].name: batch})[0]


def tokens(text):
    """The first and last 1024 bytes of a text as magika wants them; 256 stands for no byte."""
    data = np.frombuffer(text.strip().encode(), dtype=np.uint8)[:1024]
    out = np.full(2048, 256, dtype=np.int32)
    out[: len(data)] = data
    out[2048 - len(data) :] = data
    return out


KINDS = [Sklearn, Safetensors, Onnx]
