package safety

import (
	"regexp"
	"strings"
)

// library is one whose classes people find in models. That its classes are
// imported is worth a notice, and not more: they do what the library does. Its
// functions are on no list, unless the ending of a module says what they are.
type library struct {
	title string
	// below are the beginnings of modules whose classes are meant, with a dot;
	// none: all.
	below []string
	// functions are the beginnings of modules whose functions are meant too.
	functions []string
}

var libraries = map[string]library{
	"sklearn":               {title: "scikit-learn", functions: []string{"sklearn.metrics.", "sklearn.feature_selection."}},
	"imblearn":              {title: "imbalanced-learn"},
	"xgboost":               {title: "XGBoost"},
	"lightgbm":              {title: "LightGBM"},
	"catboost":              {title: "CatBoost"},
	"_catboost":             {title: "CatBoost"},
	"statsmodels":           {title: "statsmodels", below: []string{"statsmodels.regression.", "statsmodels.genmod.", "statsmodels.tsa.", "statsmodels.base.", "statsmodels.discrete.", "statsmodels.iolib."}},
	"prophet":               {title: "Prophet"},
	"scipy":                 {title: "SciPy", below: []string{"scipy.sparse.", "scipy.stats.", "scipy.interpolate.", "scipy.spatial.", "scipy.optimize.", "scipy._lib."}},
	"pandas":                {title: "pandas", below: []string{"pandas.core.", "pandas._libs."}},
	"numpy":                 {title: "NumPy", below: []string{"numpy.polynomial.", "numpy.random."}},
	"torch":                 {title: "PyTorch", below: []string{"torch.nn.", "torch.optim.", "torch.ao.nn.", "torch.distributions."}},
	"torchvision":           {title: "torchvision", below: []string{"torchvision.models.", "torchvision.transforms.", "torchvision.ops."}},
	"torchaudio":            {title: "torchaudio", below: []string{"torchaudio.models.", "torchaudio.transforms."}},
	"timm":                  {title: "timm", below: []string{"timm.models.", "timm.layers."}},
	"transformers":          {title: "Transformers"},
	"tokenizers":            {title: "Tokenizers"},
	"accelerate":            {title: "Accelerate"},
	"peft":                  {title: "PEFT"},
	"pytorch_lightning":     {title: "Lightning"},
	"lightning":             {title: "Lightning"},
	"lightning_fabric":      {title: "Lightning"},
	"omegaconf":             {title: "OmegaConf"},
	"sentence_transformers": {title: "Sentence Transformers"},
	"spacy":                 {title: "spaCy"},
	"ultralytics":           {title: "Ultralytics", below: []string{"ultralytics.nn.", "ultralytics.utils."}},
	"tensorflow":            {title: "TensorFlow", below: []string{"tensorflow.python.framework."}},
	"optuna":                {title: "Optuna"},
	"mlflow":                {title: "MLflow", below: []string{"mlflow.types.", "mlflow.models.signature."}},
	"shap":                  {title: "SHAP"},
	"collections":           {title: "Python"},
	"enum":                  {title: "Python"},
	"dataclasses":           {title: "Python"},
	"random":                {title: "Python"},
}

// libraryOf tells the library of a module.
func libraryOf(module string) (library, bool) {
	root, _, _ := strings.Cut(module, ".")
	l, ok := libraries[root]
	return l, ok
}

var (
	// class is how classes are called, also those that are not for everybody.
	class = regexp.MustCompile(`^_*[A-Z]\w*$`)
	// maker are functions that only make an object anew: those of Cython, and
	// those that libraries name in their __reduce__; and classes in small letters.
	maker = regexp.MustCompile(`^(__pyx_unpickle_\w+|newObj|_unpickle_block|_new_Index|new_block|_identity|_passthrough_scorer|_pickle_\w+_ctor|(csr|csc|coo|bsr|dia|dok|lil)_(matrix|array)|rv_\w*frozen|\w+_gen|interp1d)$`)
)

// has reports whether a name is one of the library's that is worth no more than a
// notice. Lambda layers run what code they are given.
func (l library) has(module, name string) bool {
	if name == "Lambda" || strings.Contains(name, "Unpickler") {
		return false
	}
	if within(module, l.functions) && len(l.functions) > 0 {
		return true
	}
	return within(module, l.below) && (class.MatchString(name) || maker.MatchString(name))
}

// within reports whether a module is one of those, or below; none means any.
func within(module string, beginnings []string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(module+".", b) {
			return true
		}
	}
	return len(beginnings) == 0
}
