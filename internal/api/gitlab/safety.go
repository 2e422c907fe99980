package gitlab

import (
	"cmp"

	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// safetyRoutes are Vitrine's own: what loading the files would run.
func safetyRoutes() []route {
	return tagged("Model files",
		op("GET", "/projects/{id}/packages/ml_models/{model_version_id}/safety", project(registry.PullFiles),
			"What loading the files of a version or run would run", getSafety))
}

// verdict is the word for a safety.Verdict.
type verdict string

type safetyJSON struct {
	Verdict verdict          `json:"verdict"` // the worst of the files
	Waiting int              `json:"waiting"` // files that time did not suffice for: ask again
	More    bool             `json:"more"`    // there are files beyond the first 1000, which are not looked into
	Files   []fileSafetyJSON `json:"files"`   // by path

	Signature signatureJSON `json:"signature"`
}

// signatureJSON is about the file model.sig. Whose key has signed is never verified
// here.
type signatureJSON struct {
	Path       text            `json:"path"`
	Status     signatureStatus `json:"status"`
	Problem    text            `json:"problem"`     // why it cannot be compared or is invalid
	Signer     text            `json:"signer"`      // as its certificate says; nobody has verified that
	Issuer     text            `json:"issuer"`      // of the certificate, as that says
	KeyHint    text            `json:"key_hint"`    // of a public key, without a certificate
	Fits       fit             `json:"certificate"` // whether the signature is that of its certificate
	Changed    []string        `json:"changed"`     // paths, 100 at most
	Missing    []string        `json:"missing"`     // signed, and not here
	Additional []string        `json:"additional"`  // here, and not signed
	Differing  int             `json:"differing"`   // all of those
	Ignored    []string        `json:"ignored"`     // what the signer has left out
}

// signatureStatus and fit are the words of package safety.
type (
	signatureStatus string
	fit             string
)

type fileSafetyJSON struct {
	Path     string        `json:"path"`
	Verdict  verdict       `json:"verdict"`
	Form     text          `json:"form"`     // what the content is, whatever its name says: "pickle, protocol 4"
	Findings []findingJSON `json:"findings"` // the worst first
	More     int           `json:"more"`     // findings that are left out
}

type findingJSON struct {
	Verdict verdict `json:"verdict"`
	What    string  `json:"what"` // completes "the file …"
}

func getSafety(c *call, _ none) (safetyJSON, error) {
	ref, err := c.pkg()
	if err != nil {
		return safetyJSON{}, err
	}
	look, err := c.s.LookAt(c.ctx(), c.project(), ref, registry.FileQuery{Page: registry.Page{Limit: safety.MaxFiles, NoTotal: true}})
	if err != nil {
		return safetyJSON{}, err
	}
	w, err := c.d.Safety.Of(c.ctx(), look, safety.Patience)
	return safetyWire(w), err
}

func safetyWire(w safety.Whole) safetyJSON {
	return safetyJSON{Verdict: verdict(w.Verdict.String()), Waiting: w.Waiting, More: w.More, Files: each(w.Files, fileSafetyWire), Signature: signatureWire(w.Signature)}
}

func signatureWire(s safety.Signature) signatureJSON {
	return signatureJSON{Path: text(s.Path), Status: signatureStatus(s.Status), Problem: text(s.Problem), Signer: text(s.Name), Issuer: text(s.Issuer), KeyHint: text(s.Key),
		Fits: fit(cmp.Or(s.Fits, safety.Unchecked)), Changed: orNone(s.Changed), Missing: orNone(s.Missing), Additional: orNone(s.Additional), Differing: s.Differing, Ignored: orNone(s.Ignored)}
}

// orNone makes an empty list of none.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func fileSafetyWire(j safety.Judged) fileSafetyJSON {
	return fileSafetyJSON{j.Path, verdict(j.Verdict.String()), text(j.Form), each(j.Findings, findingWire), j.More}
}

func findingWire(f safety.Finding) findingJSON {
	return findingJSON{verdict(f.Verdict.String()), f.What}
}
