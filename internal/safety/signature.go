package safety

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// SignatureStatus is how a signature stands to the files beside it.
type SignatureStatus string

// The states. None of them says anything about who signed: nobody here knows whose
// key it is.
const (
	Unsigned     SignatureStatus = "none"
	Matches      SignatureStatus = "matches"      // each file has the digest that was signed
	Differs      SignatureStatus = "differs"      // some are changed, missing or not signed
	Incomparable SignatureStatus = "incomparable" // Problem says why
	Invalid      SignatureStatus = "invalid"      // it does not fit the certificate that it brings
)

// Signature is what a signature of OpenSSF Model Signing says of the files beside
// it: github.com/ossf/model-signing-spec.
type Signature struct {
	Path    string // of the file that has it, "" for none
	Status  SignatureStatus
	Problem string // completes "the signature …"
	Signer
	// Changed, Missing and Additional are paths of files, at most maxDiffering each;
	// Differing counts them all.
	Changed, Missing, Additional []string
	Differing                    int
	// Ignored are the paths that the signer has left out, which are not compared.
	Ignored []string
}

// SignatureName is the name of the file that holds a signature.
const SignatureName = "model.sig"

// The limits of a signature.
const (
	maxSignature = 8 << 20 // bytes
	maxDiffering = 100
	maxIgnored   = 50
)

// signatureOf compares a signature among the files of a look with the others. An
// error is that of ctx.
func (s *Scanner) signatureOf(ctx context.Context, look registry.Look) (Signature, error) {
	f, ok := signatureFile(look.Items)
	if !ok {
		return Signature{Status: Unsigned}, nil
	}
	sig := Signature{Path: f.Path, Status: Incomparable}
	switch {
	case f.Size > maxSignature:
		sig.Problem = fmt.Sprintf("has more than the %d MiB that are read of one", maxSignature>>20)
		return sig, nil
	case look.More:
		sig.Problem = fmt.Sprintf("is about more than the %d files that are compared", MaxFiles)
		return sig, nil
	}
	raw, err := readSignature(ctx, look, f)
	switch {
	case err != nil && ctx.Err() != nil:
		return sig, ctx.Err()
	case err != nil:
		s.log.ErrorContext(ctx, "a signature cannot be read from the store", "path", f.Path, "digest", f.Digest, "err", err)
		sig.Problem = "cannot be read from the store"
		return sig, nil
	}
	sig.judge(raw, look.Items)
	return sig, nil
}

func readSignature(ctx context.Context, look registry.Look, f registry.File) ([]byte, error) {
	content, err := look.Open(ctx, f)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, maxSignature))
}

// signatureFile finds the signature that is nearest to the top.
func signatureFile(files []registry.File) (registry.File, bool) {
	best, found := registry.File{}, false
	for _, f := range files {
		if path.Base(f.Path) == SignatureName && (!found || strings.Count(f.Path, "/") < strings.Count(best.Path, "/")) {
			best, found = f, true
		}
	}
	return best, found
}

// judge reads a signature and compares it with the files.
func (s *Signature) judge(raw []byte, files []registry.File) {
	st, err := s.read(raw)
	if err != nil {
		s.Problem = err.Error()
		return
	}
	if s.Fits == FitsNot {
		s.Status, s.Problem = Invalid, "does not fit the certificate that it brings"
		return
	}
	signed, err := st.digests()
	if err != nil {
		s.Problem = err.Error()
		return
	}
	s.compare(signed, st.Predicate.Serialization.Ignored, files)
}

// bundle is what is read of a Sigstore bundle: protobuf-specs, sigstore_bundle.proto.
type bundle struct {
	Material struct {
		Certificate *certificateJSON `json:"certificate"`
		Chain       struct {
			Certificates []certificateJSON `json:"certificates"`
		} `json:"x509CertificateChain"`
		Key struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope struct {
		Payload    []byte `json:"payload"`
		Type       string `json:"payloadType"`
		Signatures []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
}

type certificateJSON struct {
	Raw []byte `json:"rawBytes"`
}

// statement is what was signed: an in-toto statement with the list of files.
type statement struct {
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	Type      string `json:"predicateType"`
	Predicate struct {
		Resources []struct {
			Name      string `json:"name"`
			Algorithm string `json:"algorithm"`
			Digest    string `json:"digest"`
		} `json:"resources"`
		Serialization struct {
			Method  string   `json:"method"`
			Hash    string   `json:"hash_type"`
			Ignored []string `json:"ignore_paths"`
		} `json:"serialization"`
	} `json:"predicate"`
}

// What model signing calls its types, in its present form and in its first.
const (
	payloadType  = "application/vnd.in-toto+json"
	presentType  = "https://model_signing/signature/v1.0"
	firstType    = "https://model_signing/Digests/v0.1"
	fileMethod   = "files"
	onlySHA256   = "sha256"
	maxSignedAll = 200_000 // files
)

// read reads the bundle, who signed it, and what was signed.
func (s *Signature) read(raw []byte) (statement, error) {
	var b bundle
	var st statement
	if err := json.Unmarshal(raw, &b); err != nil {
		return st, errors.New("is no Sigstore bundle in JSON")
	}
	if b.Envelope.Type != payloadType || len(b.Envelope.Payload) == 0 {
		return st, errors.New("is no Sigstore bundle with a statement of in-toto")
	}
	s.Signer = b.signer()
	if err := json.Unmarshal(b.Envelope.Payload, &st); err != nil {
		return st, errors.New("has a statement that is no JSON")
	}
	return st, nil
}

// digests gives the SHA-256 of each file that was signed.
func (st *statement) digests() (map[string]string, error) {
	signed := map[string]string{}
	add := func(name, algorithm, digest string) error {
		_, twice := signed[name]
		switch {
		case algorithm != onlySHA256:
			return fmt.Errorf("has digests of the kind %.40q, and only SHA-256 is known of the files here", algorithm)
		case twice || name == "" || len(signed) == maxSignedAll:
			return errors.New("has a list of files that cannot be read")
		}
		signed[name] = strings.ToLower(digest)
		return nil
	}
	switch m := st.Predicate.Serialization.Method; {
	case st.Type == firstType:
		for _, f := range st.Subject {
			if err := add(f.Name, onlySHA256, f.Digest[onlySHA256]); err != nil {
				return nil, err
			}
		}
		return signed, nil
	case st.Type != presentType:
		return nil, fmt.Errorf("is of the kind %.80q, which is not known here", st.Type)
	case m != fileMethod:
		return nil, fmt.Errorf("has digests of pieces of files (%.40q), and only those of whole files are known here", m)
	}
	for _, f := range st.Predicate.Resources {
		if err := add(f.Name, f.Algorithm, f.Digest); err != nil {
			return nil, err
		}
	}
	return signed, st.summed()
}

// compare holds the files below the folder of the signature against what was signed.
func (s *Signature) compare(signed map[string]string, ignored []string, files []registry.File) {
	folder := strings.TrimSuffix(s.Path, SignatureName)
	seen := map[string]bool{}
	for _, f := range files {
		name, below := strings.CutPrefix(f.Path, folder)
		if !below || f.Path == s.Path {
			continue
		}
		digest, is := signed[name]
		seen[name] = true
		switch {
		case is && digest != f.Digest.Hex():
			s.differ(&s.Changed, f.Path)
		case !is && leftOut(name, ignored):
		case !is:
			s.differ(&s.Additional, f.Path)
		}
	}
	for name := range signed {
		if !seen[name] {
			s.differ(&s.Missing, clipName(folder+name))
		}
	}
	slices.Sort(s.Missing)
	for _, p := range ignored[:min(len(ignored), maxIgnored)] {
		s.Ignored = append(s.Ignored, clipName(p))
	}
	if s.Status = Matches; s.Differing > 0 {
		s.Status = Differs
	}
}

func (s *Signature) differ(list *[]string, name string) {
	if s.Differing++; len(*list) < maxDiffering {
		*list = append(*list, name)
	}
}

// gitFiles are left out of every signature.
var gitFiles = []string{".git", ".gitignore", ".gitattributes", ".github"}

// leftOut reports whether a signer has left a file out, or a folder above it.
func leftOut(name string, ignored []string) bool {
	for _, p := range slices.Concat(gitFiles, ignored) {
		if name == p || strings.HasPrefix(name, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

// clipName bounds a name that a stranger has written.
func clipName(s string) string {
	if len(s) > maxWhat {
		return clipped(s)
	}
	return s
}
