package safety

import "strings"

// judge tells what is thought of importing a name, and says it.
//
// Names are compared whole. A dotted name reaches through what a module has
// imported itself (numpy's "os.system"), so it is never good, whatever the module.
func judge(module, name string) (Verdict, string) {
	full := module + "." + name
	if better, ok := renamed[module]; ok {
		module = better
	}
	plain := module + "." + name
	switch {
	case known[plain]:
		return Safe, ""
	case remade[plain] != "":
		return Notice, "imports " + full + ", " + remade[plain]
	case dangerous(module, name):
		return Unsafe, "imports " + full + ", which can do anything"
	case carriesCode(module):
		return Suspicious, "imports " + full + ": it carries Python code of its own"
	case strings.HasPrefix(module, "__torch__.") || module == "__torch__":
		return Notice, "is a TorchScript program"
	case strings.Contains(name, "."):
		return Suspicious, "imports " + full + ", which is on no list"
	}
	if l, ok := libraryOf(module); ok && l.has(module, name) {
		return Notice, "imports code of " + l.title
	}
	return Suspicious, "imports " + full + ", which is on no list"
}

// renamed are modules by their names in Python 2, which Python 3 takes too for
// old protocols: Lib/_compat_pickle.py.
var renamed = map[string]string{"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg", "commands": "subprocess", "cPickle": "pickle",
	"_winreg": "winreg", "thread": "_thread", "httplib": "http.client", "urllib2": "urllib.request", "SocketServer": "socketserver", "Queue": "queue"}

// known are the names that every reader of weights and numbers needs, and that do
// nothing else.
var known = set("builtins", "object set frozenset bytearray bytes complex range slice list dict tuple int float bool str NoneType Ellipsis NotImplemented long unicode xrange",
	"copyreg", "_reconstructor __newobj__ __newobj_ex__",
	"collections", "OrderedDict defaultdict Counter deque",
	"_codecs", "encode", "_io", "BytesIO StringIO", "types", "SimpleNamespace",
	"datetime", "datetime date time timedelta timezone",
	"decimal", "Decimal", "fractions", "Fraction", "uuid", "UUID",
	"numpy", "dtype ndarray bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 float128 longdouble complex64 complex128 str_ bytes_ void intc uintc longlong ulonglong datetime64 timedelta64 object_",
	"numpy.core.multiarray", "_reconstruct scalar", "numpy._core.multiarray", "_reconstruct scalar",
	"numpy.core.numeric", "_frombuffer", "numpy._core.numeric", "_frombuffer",
	"numpy.random._pickle", "__randomstate_ctor __bit_generator_ctor __generator_ctor",
	"numpy.random._mt19937", "MT19937", "numpy.random._pcg64", "PCG64 PCG64DXSM", "numpy.random._philox", "Philox", "numpy.random._sfc64", "SFC64",
	"numpy.random.mtrand", "RandomState", "numpy.random._generator", "Generator", "numpy.random.bit_generator", "SeedSequence _extract_seed_sequence",
	"numpy.ma.core", "MaskedArray _mareconstruct", "numpy.matrixlib.defmatrix", "matrix", "numpy.rec", "recarray record",
	"numpy.dtypes", "Float16DType Float32DType Float64DType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType UInt64DType BoolDType ObjectDType StrDType BytesDType",
	"torch", "device Size Tensor BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage LongStorage ShortStorage QInt8Storage QUInt8Storage QInt32Storage "+
		"float float16 float32 float64 bfloat16 half double int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128 qint8 quint8 qint32 float8_e4m3fn float8_e5m2 strided sparse_coo",
	"torch.storage", "UntypedStorage TypedStorage _load_from_bytes",
	"torch.nn.parameter", "Parameter Buffer", "torch.serialization", "_get_layout",
	"torch._utils", "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_nested_tensor",
	"torch._tensor", "_rebuild_from_type_v2",
	"torch.jit._pickle", "build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id restore_type_tag",
)

// remade are names that are fine when what they are given is, which the machine
// looks at, or that say something of the file.
var remade = map[string]string{
	"functools.partial":                                       "a function with some of its arguments",
	"joblib.numpy_pickle.NumpyArrayWrapper":                   "an array of joblib",
	"sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper": "an array of joblib",
	"pathlib.PosixPath":                                       "a path",
	"pathlib.WindowsPath":                                     "a path",
	"pathlib.Path":                                            "a path",
	"argparse.Namespace":                                      "a set of options",
	"typing.Any":                                              "a type",
	"operator.itemgetter":                                     "which takes an item of a thing",
	"enum.Enum":                                               "a type",
}

// set makes the full names of modules, each before its names.
func set(pairs ...string) map[string]bool {
	all := map[string]bool{}
	for i := 0; i+1 < len(pairs); i += 2 {
		for name := range strings.FieldsSeq(pairs[i+1]) {
			all[pairs[i]+"."+name] = true
		}
	}
	return all
}

// words makes a set of the words of a text.
func words(text string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		all[w] = true
	}
	return all
}

// dangerousModules are those of which anything, or of which what is below them, can
// run programs, read and write files, or talk to others.
var dangerousModules = words(`os posix nt posixpath ntpath subprocess _posixsubprocess sys socket _socket socketserver ssl select selectors asyncio
	runpy importlib _frozen_importlib _frozen_importlib_external imp pkgutil zipimport zipapp modulefinder pydoc webbrowser antigravity pty tty shutil
	tempfile fileinput glob io _io _pyio builtins pickle _pickle marshal shelve dbm code codeop pdb bdb cmd
	timeit trace profile cProfile pstats doctest unittest idlelib lib2to3 distutils setuptools pkg_resources pip ensurepip venv site sysconfig
	ctypes _ctypes cffi multiprocessing _multiprocessing concurrent threading _thread signal gc inspect types ast dis symtable compileall py_compile
	http urllib ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc requests httpx aiohttp urllib3 paramiko pexpect
	platform getpass winreg msvcrt crypt resource mmap fcntl sqlite3 atexit
	uuid_getnode commands popen2 torch.hub torch.utils.cpp_extension torch.utils.bottleneck torch.jit.unsupported_tensor_ops torch._inductor torch._dynamo
	torch.utils._config_module torch.utils.data.datapipes torch.distributed torch.multiprocessing torch.package torch.fx torch.testing torch.utils.collect_env
	numpy.testing numpy.f2py numpy.distutils numpy.ctypeslib numpy.lib.npyio numpy.lib.format
	pandas.io pandas.core.computation scipy.io scipy.weave nltk IPython ipykernel jupyter_client psutil sh plumbum boto3 joblib.externals`)

// dangerousNames are single names of modules that are otherwise none.
var dangerousNames = set("operator", "attrgetter methodcaller call __call__",
	"_operator", "attrgetter methodcaller call",
	"functools", "reduce partialmethod singledispatch cached_property",
	"torch", "load hub save jit compile", "torch.serialization", "load _load _legacy_load", "torch.jit", "load script",
	"joblib", "load", "joblib.numpy_pickle", "load NumpyUnpickler", "numpy", "load loadtxt genfromtxt fromfile memmap",
	"pandas", "eval read_pickle read_csv", "copyreg", "add_extension pickle constructor", "_codecs", "lookup register",
	"codecs", "open lookup register", "itertools", "starmap", "cloudpickle", "load loads", "cloudpickle.cloudpickle", "load loads",
	"weakref", "finalize", "contextlib", "ExitStack", "keras.models", "load_model", "mlflow.pyfunc", "load_model")

// dangerousParts are names by which one reaches anything else.
var dangerousParts = words(`eval exec execfile compile open input getattr setattr delattr __import__ globals locals vars breakpoint apply system popen spawn
	__globals__ __builtins__ __code__ __subclasses__ __getattribute__ __getattr__ __class__ __dict__ __init__ __reduce__ __reduce_ex__ __call__ __loader__ __mro__ __bases__
	import_module run_path run_module run_code check_output check_call Popen execv execve fork exec_module load_module`)

// dangerous reports whether importing a name gives what can do anything.
func dangerous(module, name string) bool {
	if dangerousNames[module+"."+name] {
		return true
	}
	for part := range strings.SplitSeq(name, ".") {
		if dangerousParts[part] || strings.Contains(name, ".") && dangerousModules[part] {
			return true
		}
	}
	for at := module; at != ""; at, _ = cutLast(at) {
		if dangerousModules[at] {
			return true
		}
	}
	return false
}

// carriesCode reports whether a name is used to bring Python code along.
func carriesCode(module string) bool {
	root, _, _ := strings.Cut(module, ".")
	return root == "cloudpickle" || root == "dill"
}
