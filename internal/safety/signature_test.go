package safety

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// signedFiles are the files that the samples are about.
func signedFiles(folder string) []registry.File {
	var all []registry.File
	for name, content := range map[string]string{"config.json": "{\"a\":1}\n", "weights.bin": string(make([]byte, 64)), "sub/notes.txt": "hi\n", SignatureName: "{}"} {
		sum := sha256.Sum256([]byte(content))
		all = append(all, registry.File{Path: folder + name, Digest: blob.SumDigest(sum[:])})
	}
	return all
}

func signature(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func judged(raw []byte, path string, files []registry.File) Signature {
	s := Signature{Path: path, Status: Incomparable}
	s.judge(raw, files)
	return s
}

// TestRealSignatures compares what the tool has signed.
func TestRealSignatures(t *testing.T) {
	s := judged(signature(t, "key.sig"), SignatureName, signedFiles(""))
	if s.Status != Matches || s.Differing != 0 || s.Fits != Unchecked || !strings.HasPrefix(s.Key, "73d23221") || s.Name != "" || len(s.Ignored) != 5 {
		t.Errorf("%+v", s)
	}
	s = judged(signature(t, "certificate.sig"), "in/here/"+SignatureName, append(signedFiles("in/here/"), registry.File{Path: "README.md"}))
	if s.Status != Matches || s.Fits != FitsWell || s.Name != "ada@example.org" || s.Issuer != "https://issuer.example.org" {
		t.Errorf("%+v", s)
	}
}

// TestSignatureDiffers: each file that differs is told.
func TestSignatureDiffers(t *testing.T) {
	files := signedFiles("")
	for i := range files {
		switch files[i].Path {
		case "config.json":
			files[i].Digest = blob.SumDigest(make([]byte, 32))
		case "sub/notes.txt":
			files[i].Path = "sub/other.txt"
		}
	}
	files = append(files, registry.File{Path: ".gitattributes"}, registry.File{Path: ".github/x"}, registry.File{Path: ".gitx"})
	s := judged(signature(t, "certificate.sig"), SignatureName, files)
	got := fmt.Sprintf("%s %v %v %d %d %s", s.Status, s.Changed, s.Missing, len(s.Additional), s.Differing, s.Fits)
	if want := "differs [config.json] [sub/notes.txt] 2 4 fits"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// changed is a sample whose statement is another.
func changed(t testing.TB, name, from, to string) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(signature(t, name), &b); err != nil {
		t.Fatal(err)
	}
	e := b["dsseEnvelope"].(map[string]any)
	payload, err := base64.StdEncoding.DecodeString(e["payload"].(string))
	if err != nil || !bytes.Contains(payload, []byte(from)) {
		t.Fatalf("%v in %s", err, payload)
	}
	e["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte(from), []byte(to), 1))
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSignaturesThatCannotBeCompared(t *testing.T) {
	old := `{"predicateType":"https://model_signing/Digests/v0.1","subject":[{"name":"config.json","digest":{"sha256":"e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c"}}]}`
	oldBundle := fmt.Sprintf(`{"dsseEnvelope":{"payloadType":"application/vnd.in-toto+json","payload":%q}}`, base64.StdEncoding.EncodeToString([]byte(old)))
	for name, c := range map[string]struct {
		raw    []byte
		status SignatureStatus
		says   string
	}{
		"no JSON":       {[]byte("hello"), Incomparable, "no Sigstore bundle"},
		"another JSON":  {[]byte("{}"), Incomparable, "statement of in-toto"},
		"shards":        {changed(t, "key.sig", `"method": "files"`, `"method": "shards"`), Incomparable, "pieces of files"},
		"blake3":        {changed(t, "key.sig", `"algorithm": "sha256"`, `"algorithm": "blake3"`), Incomparable, "blake3"},
		"kind":          {changed(t, "key.sig", "signature/v1.0", "signature/v9.0"), Incomparable, "not known"},
		"summary":       {changed(t, "key.sig", `"e346432`, `"e346433`), Incomparable, "summary"},
		"twice":         {changed(t, "key.sig", `"sub/notes.txt"`, `"config.json"`), Incomparable, "cannot be read"},
		"statement":     {changed(t, "key.sig", "{", "["), Incomparable, "no JSON"},
		"forged":        {changed(t, "certificate.sig", `"model2"`, `"model3"`), Invalid, "does not fit"},
		"first form":    {[]byte(oldBundle), Differs, ""},
		"odd signature": {bytes.Replace(signature(t, "certificate.sig"), []byte("MGYC"), []byte("AGYC"), 1), Invalid, "does not fit"},
	} {
		s := judged(c.raw, SignatureName, signedFiles(""))
		if s.Status != c.status || !strings.Contains(s.Problem, c.says) {
			t.Errorf("%s: %s, %q", name, s.Status, s.Problem)
		}
	}
}

// TestNearestSignature: of several the one nearest to the top counts.
func TestNearestSignature(t *testing.T) {
	f, ok := signatureFile([]registry.File{{Path: "a/b/model.sig"}, {Path: "c/model.sig"}, {Path: "d/model.sig"}})
	if !ok || f.Path != "c/model.sig" {
		t.Error(f.Path, ok)
	}
	if _, ok := signatureFile([]registry.File{{Path: "xmodel.sig"}}); ok {
		t.Error("another name counts")
	}
}

// FuzzSignature: whatever is in a signature, reading it ends, in bounds.
func FuzzSignature(f *testing.F) {
	f.Add(signature(f, "key.sig"))
	f.Add(signature(f, "certificate.sig"))
	files := signedFiles("")
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := judged(raw, SignatureName, files)
		if len(s.Changed)+len(s.Additional) > 2*maxDiffering || len(s.Missing) > maxDiffering || len(s.Ignored) > maxIgnored || len(s.Name) > maxWhat || len(s.Issuer) > maxWhat {
			t.Error("the limits do not hold")
		}
		if s.Status == Matches && s.Differing > 0 || s.Status == Incomparable && s.Problem == "" {
			t.Errorf("%+v", s)
		}
	})
}
