"""Puts the models of the client tests into folders, as for `vitrine push`.

    models.py FOLDER

makes FOLDER/1 and FOLDER/2: a forest by scikit-learn, a network as safetensors,
a trained ONNX model. In the second the network is wider, and there is a card.
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "core"))

import safetensors.numpy
from artifacts import KINDS
from sklearn.neural_network import MLPClassifier

first, second = (pathlib.Path(sys.argv[1]) / n for n in "12")
first.mkdir(parents=True)
for kind in KINDS:
    made = kind.build(first).path
    if made.parent != first:
        shutil.copy(made, first)
shutil.copytree(first, second)
tensors = safetensors.numpy.load_file(second / "model.safetensors")
wider = MLPClassifier((64, 48), max_iter=1).fit([[0.0] * 64, [1.0] * 64], [0, 1])
tensors["1.weight"], tensors["1.bias"] = wider.coefs_[1], wider.intercepts_[1]
safetensors.numpy.save_file(tensors, second / "model.safetensors", metadata={"format": "np"})
(second / "README.md").write_text("# Digits\n\nThree models that read *digits*.\n\n| model | accuracy |\n|---|---|\n| forest | 0.97 |\n| network | 0.96 |\n")
