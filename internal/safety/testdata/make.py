"""Writes pickles.txt: one line for each pickle, its name and its bytes in hexadecimal.

Run it where NumPy, scikit-learn, joblib and cloudpickle are, as in .venv/mlflow3.
Nothing that is written here is ever loaded.
"""
import bz2, collections, functools, gzip, io, os, pathlib, pickle, pickletools, sys, zlib

import cloudpickle
import joblib
import numpy
from sklearn.linear_model import LogisticRegression

files = {}


class Calls:
    def __init__(self, f, *args):
        self.f, self.args = f, args

    def __reduce__(self):
        return self.f, self.args


def dumped(value, into=joblib.dump, **how):
    b = io.BytesIO()
    into(value, b, **how)
    return b.getvalue()


for p in range(6):
    files[f"plain-{p}"] = pickle.dumps({"a": [1, 2.5, None, True, 10**30, (1, 2, 3, 4), b"x", "é"], "b": {1, 2}, "c": collections.OrderedDict(x=1)}, p)
    files[f"system-{p}"] = pickle.dumps(Calls(os.system, "true"), p)
    files[f"numpy-{p}"] = pickle.dumps({"w": numpy.arange(100.0), "s": numpy.float32(1), "t": numpy.dtype("i4")}, p)
    files[f"getattr-{p}"] = pickle.dumps([Calls(getattr, "a", "upper"), Calls(eval, "1")], p)
    files[f"within-{p}"] = pickle.dumps({"weights": pickle.dumps(Calls(os.system, "true" + " " * 300), max(p, 2))}, p)
    files[f"partial-{p}"] = pickle.dumps(functools.partial(numpy.dtype, "f4"), p)
    files[f"partial-bad-{p}"] = pickle.dumps(functools.partial(os.system, "true"), p)
    files[f"opcodes-{p}"] = pickletools.optimize(pickle.dumps([Calls(os.system, "true")], p))
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
files["sklearn-5"] = pickle.dumps(model, 5)
files["cloudpickle"] = cloudpickle.dumps(lambda x: x + 1)
files["joblib"] = dumped({"w": numpy.arange(300.0).reshape(3, 100), "s": numpy.array(["a", "bc"]), "after": numpy.ones(5, "f4"), "m": model})
files["joblib-zlib"] = dumped({"w": numpy.arange(300.0), "m": model}, compress=("zlib", 9))
files["joblib-gzip"] = dumped({"w": numpy.arange(300.0), "m": model}, compress=("gzip", 9))
files["joblib-objects"] = dumped({"o": numpy.array([Calls(os.system, "true"), 1], dtype=object), "after": numpy.ones(5)})
files["joblib-behind"] = dumped([numpy.ones(50), Calls(os.system, "true")])
files["npy"] = dumped(numpy.arange(10), lambda v, b: numpy.save(b, v))
files["npy-objects"] = dumped(numpy.array([1, Calls(os.system, "true")], dtype=object), lambda v, b: numpy.save(b, v))
files["npz"] = dumped({"a": numpy.ones(3), "b": numpy.array([Calls(os.system, "true")], dtype=object)}, lambda v, b: numpy.savez(b, **v))
files["npz-good"] = dumped({"a": numpy.ones(3)}, lambda v, b: numpy.savez_compressed(b, **v))
# Written by hand: what pickle.dumps does not write, but pickle.loads reads.
names = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94"
files["memo"] = names + b"00h\x00h\x01\x93\x8c\x04true\x85R."
files["memo-put"] = b"\x80\x04X\x02\x00\x00\x00osq\x07X\x06\x00\x00\x00systemr\x08\x01\x00\x0000h\x07j\x08\x01\x00\x00\x93\x8c\x04true\x85R."
files["escaped"] = b"\x80\x04S'\\x6f\\x73'\nS'system'\n\x93\x8c\x04true\x85R."
files["inst"] = b"(S'true'\nios\nsystem\n."
files["obj"] = b"(cos\nsystem\nS'true'\no."
files["newobj"] = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85\x81."
files["ext"] = b"\x80\x02\x82\x05."
files["dotted"] = b"\x80\x04\x8c\x05numpy\x8c\x0bf2py.os.sys\x93."
files["build"] = b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93}\x8c\x04keys\x8c\x01xsb."
files["cut"] = pickle.dumps(Calls(os.system, "true"), 4)[:-1]
files["cut-plain"] = files["plain-4"][:-5]
files["broken-behind"] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R\xff\xff"
files["two"] = files["plain-4"] + files["system-2"]
files["behind"] = files["plain-4"] + b"\x00" * 20
files["frame"] = b"\x80\x04\x95\xff\xff\xff\x7f\x00\x00\x00\x00" + names + b"\x93."
storage = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03." + pickle.dumps({"little_endian": True}, 2)
files["torch-legacy"] = storage + pickle.dumps(collections.OrderedDict(w=1), 2) + pickle.dumps(["0"], 2) + b"\x01" + b"\x00" * 40
files["torch-legacy-bad"] = storage + files["system-2"] + pickle.dumps(["0"], 2) + b"\x01" + b"\x00" * 40

# What a reader that is not joblib's would do with the bytes of an array.
hidden = bytearray(dumped([numpy.zeros(64, "u1")]))
payload = b"cos\nsystem\n(S'true'\ntR."
at = hidden.index(bytes(64))
hidden[at : at + len(payload)] = payload
files["joblib-hidden"] = bytes(hidden)

# The same, with names that were put aside before the array.
hidden = bytearray(dumped(["os", "system", numpy.zeros(64, "u1")]))
at = hidden.index(bytes(64))
payload = b"h\x01h\x02\x93(S'true'\ntR."
hidden[at : at + len(payload)] = payload
files["joblib-hidden-memo"] = bytes(hidden)

out = pathlib.Path(__file__).with_name("pickles.txt")
out.write_text("".join(f"{name} {data.hex()}\n" for name, data in files.items()))
print(len(files), "pickles for Python", sys.version.split()[0])
